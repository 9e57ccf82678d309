// Names of two loops, each on a thread of its own: what goes to and fro is what the thread sanitizer is to look at.
#include <condition_variable>
#include <mutex>
#include <thread>

#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/rpc/client.hpp>
#include <twister/rpc/names.hpp>
#include <twister/rpc/server.hpp>

namespace twister {
namespace {

using google::protobuf::Int32Value;

Int32Value number(int value) {
  Int32Value message;
  message.set_value(value);
  return message;
}

// A thread with a loop, which makes what a test needs there and destroys it there.
class Thread {
 public:
  ~Thread() { end(); }
  // Runs a function on the loop, and waits for it.
  void run(const std::function<void(IOLoop&)>& function) {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    loop_.add_callback([&] {
      function(loop_);
      const std::lock_guard lock(mutex);
      done = true;
      changed.notify_one();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
  }
  void end() {
    if (!thread_.joinable()) return;
    loop_.add_callback([this] { loop_.stop(); });
    thread_.join();
  }

 private:
  IOLoop loop_;
  std::thread thread_{[this] { loop_.run(); }};
};

// How calls ended that a test waits for.
class Ends {
 public:
  auto add() {
    return [this](const RpcStatus& status, Int32Value& reply) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(status.ok() ? "OK " + std::to_string(reply.value()) : status.message());
      changed_.notify_one();
    };
  }
  std::string next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !lines_.empty(); });
    std::string line = lines_.front();
    lines_.erase(lines_.begin());
    return line;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

// Two servers on loops of their own, with names in common. "ada" is a client of the first, on a third loop; a
// client without a name, on a fourth, calls by way of the second.
struct TwoLoops {
  TwoLoops() {
    add_names(services);
    own.on<Int32Value, Int32Value>(
        "Double",
        [](RpcContext& context, const Int32Value& request, Int32Value& reply) -> RpcStatus {
          if (context.metadata().find("refuse")) return {RpcCode::aborted, "as you say"};
          context.reply_metadata().add("by", "ada");
          reply.set_value(2 * request.value());
          return {};
        });
    own.on<Int32Value, Int32Value>("Hang",
                                   [this](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) {
                                     reply.context().on_cancel([this] { ended.add()({}, none); });
                                     hung.push_back(std::move(reply));
                                     begun.add()({}, none);
                                   });
    for (int i = 0; i < 2; ++i) {
      serving[i].run([&](IOLoop& loop) {
        servers[i] = std::make_unique<RpcServer>(loop, "127.0.0.1:0", services,
                                                 RpcServerOptions{.names = names});
        servers[i]->start();
        to[i] = servers[i]->local_addresses().at(0);
      });
    }
    named.run([&](IOLoop& loop) {
      ada = std::make_unique<RpcClient>(loop, to[0],
                                        RpcClientOptions{.services = &own, .names = {"ada"}});
      ada->call<Int32Value>("Nothing", number(0), begun.add());
    });
    EXPECT_EQ(begun.next(), "UNIMPLEMENTED: there is no such method") << "she is registered";
    calling.run([&](IOLoop& loop) { caller = std::make_unique<RpcClient>(loop, to[1]); });
  }
  ~TwoLoops() {
    calling.run([&](IOLoop&) { caller.reset(); });
    named.run([&](IOLoop&) {
      hung.clear();
      ada.reset();
    });
    for (int i = 0; i < 2; ++i) serving[i].run([&](IOLoop&) { servers[i].reset(); });
  }

  Int32Value none;
  RpcServices services;
  RpcServices own;
  std::shared_ptr<RpcNames> names = std::make_shared<RpcNames>();
  Ends ends;
  Ends begun;
  Ends ended;
  std::vector<RpcReply<Int32Value>> hung;
  Address to[2];
  std::unique_ptr<RpcServer> servers[2];
  std::unique_ptr<RpcClient> ada;
  std::unique_ptr<RpcClient> caller;
  Thread serving[2];
  Thread named;
  Thread calling;
};

TEST(RpcNamesOfSeveralLoops, LeadToPeersOfOtherLoops) {
  TwoLoops two;
  RpcMetadata refuse;
  refuse.add("refuse", "");
  two.calling.run([&](IOLoop&) {
    for (int i = 0; i < 100; ++i)
      two.caller->call_node<Int32Value>("ada", "Double", number(i), {}, two.ends.add());
    two.caller->call_node<Int32Value>("ada", "Double", number(1), {.metadata = &refuse},
                                      two.ends.add());
    two.caller->call_node<Int32Value>("bob", "Double", number(1), {}, two.begun.add());
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(two.ends.next(), "OK " + std::to_string(2 * i));
  EXPECT_EQ(two.ends.next(), "ABORTED: as you say");
  EXPECT_EQ(two.begun.next(), "NOT_FOUND: no peer of that name");
}

TEST(RpcNamesOfSeveralLoops, LeadTheServersOwnCalls) {
  TwoLoops two;
  RpcMetadata got;
  two.serving[1].run([&](IOLoop&) {
    EXPECT_EQ(two.servers[1]->node_names(), std::vector<std::string>{"ada"});
    two.servers[1]->node("ada").call<Int32Value>("Double", number(21), {.reply_metadata = &got},
                                                 two.ends.add());
  });
  EXPECT_EQ(two.ends.next(), "OK 42");
  EXPECT_EQ(got.find("by"), "ada");
}

TEST(RpcNamesOfSeveralLoops, BelongToOnePeerOfThemAll) {
  TwoLoops two;
  two.calling.run([&](IOLoop&) {
    register_name(*two.caller, "ada",
                  [&](const RpcStatus& status) { two.ends.add()(status, two.none); });
  });
  EXPECT_EQ(two.ends.next(), "ALREADY_EXISTS: the name is taken");
}

TEST(RpcNamesOfSeveralLoops, PassCancellationOn) {
  TwoLoops two;
  RpcCallHandle call;
  two.calling.run([&](IOLoop&) {
    call = two.caller->call_node<Int32Value>("ada", "Hang", number(0), {}, two.ends.add());
  });
  EXPECT_EQ(two.begun.next(), "OK 0");
  two.calling.run([&](IOLoop&) { std::exchange(call, {}).cancel(); });
  EXPECT_EQ(two.ended.next(), "OK 0") << "ada was told";
  EXPECT_EQ(two.ends.next(), "CANCELLED: cancelled by the caller");
}

TEST(RpcNamesOfSeveralLoops, EndTheCallWhenTheirPeerIsLost) {
  TwoLoops two;
  two.calling.run([&](IOLoop&) {
    two.caller->call_node<Int32Value>("ada", "Hang", number(0), {}, two.ends.add());
  });
  EXPECT_EQ(two.begun.next(), "OK 0");
  two.serving[0].run([&](IOLoop&) { two.servers[0]->abort_connections(); });
  EXPECT_EQ(two.ends.next(), "UNAVAILABLE: the peer was lost");
}

TEST(RpcNamesOfSeveralLoops, EndTheServersOwnCallsWhenItGoes) {
  TwoLoops two;
  two.serving[1].run([&](IOLoop&) {
    two.servers[1]->node("ada").call<Int32Value>("Hang", number(21), {}, two.ends.add());
  });
  EXPECT_EQ(two.begun.next(), "OK 0");
  two.serving[1].run([&](IOLoop&) { two.servers[1].reset(); });
  EXPECT_EQ(two.ends.next(), "UNAVAILABLE: the server is gone");
}

}  // namespace
}  // namespace twister
