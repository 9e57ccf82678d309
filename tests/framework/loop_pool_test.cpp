#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/loop_pool.hpp>
#include <twister/tcp_server.hpp>

#include "support/client.hpp"
#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using ::testing::SizeIs;

// Waits for something that another thread does.
bool wait_until(const std::function<bool()>& done) {
  IOLoop loop;
  return run_until(loop, done);
}

TEST(LoopPool, CallsSetupOnceALoopOnItsThread) {
  std::set<std::thread::id> threads;  // setup is called by one thread after the other
  std::vector<IOLoop*> loops;
  LoopPool pool(3);
  pool.start([&](IOLoop& loop) {
    threads.insert(std::this_thread::get_id());
    loops.push_back(&loop);
    return nullptr;
  });
  EXPECT_EQ(pool.size(), 3U);
  EXPECT_THAT(threads, SizeIs(3));
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
  EXPECT_EQ(loops, (std::vector{&pool.loop(0), &pool.loop(1), &pool.loop(2)}));
}

TEST(LoopPool, RunsCallbacksFromOutside) {
  LoopPool pool(2);
  pool.start([](IOLoop&) { return nullptr; });
  std::atomic<IOLoop*> seen = nullptr;
  pool.loop(1).add_callback([&] { seen = IOLoop::current(); });
  EXPECT_TRUE(wait_until([&] { return seen != nullptr; }));
  EXPECT_EQ(seen, &pool.loop(1));
}

TEST(LoopPool, DestroysWhatSetupMadeOnItsThread) {
  struct Service {
    explicit Service(std::atomic<int>& well) : count(well) {}
    ~Service() { count += std::this_thread::get_id() == thread ? 1 : 0; }
    std::atomic<int>& count;
    std::thread::id thread = std::this_thread::get_id();
  };
  std::atomic<int> well = 0;
  LoopPool pool(2);
  pool.start([&](IOLoop&) { return std::make_shared<Service>(well); });
  pool.stop();
  EXPECT_EQ(well, 2);
}

TEST(LoopPool, SetupThatThrowsStopsTheOthersAndIsThrownHere) {
  std::atomic<int> made = 0;
  std::atomic<int> destroyed = 0;
  LoopPool pool(3);
  EXPECT_THROW(pool.start([&](IOLoop&) -> std::shared_ptr<void> {
    if (++made == 3) throw std::runtime_error("third");
    return std::shared_ptr<void>(&destroyed,
                                 [](void* count) { ++*static_cast<std::atomic<int>*>(count); });
  }),
               std::runtime_error);
  EXPECT_EQ(destroyed, 2);  // their threads have ended
}

TEST(LoopPool, StopsTwiceAndWithoutAStart) {
  LoopPool never(1);
  never.stop();
  LoopPool pool(1);
  pool.start([](IOLoop&) { return nullptr; });
  pool.stop();
  pool.stop();
}

TEST(LoopPool, RunUntilSignalOfAPoolThatDoesNotRunReturns) {
  LoopPool pool(1);
  pool.run_until_signal();
  pool.start([](IOLoop&) { return nullptr; });
  pool.stop();
  pool.run_until_signal();
}

TEST(LoopPool, StartsOnce) {
  LoopPool pool(1);
  pool.start([](IOLoop&) { return nullptr; });
  EXPECT_THROW(pool.start([](IOLoop&) { return nullptr; }), std::logic_error);
}

TEST(LoopPool, NeedsAThread) {
  EXPECT_THROW(LoopPool(0), std::invalid_argument);
}

// Remembers the threads of its hooks.
class WatchedServer : public TcpServer {
 public:
  using TcpServer::TcpServer;
  std::set<std::thread::id> threads;
  std::atomic<int> connected = 0;

 protected:
  void on_connect(Protocol& conn) override {
    threads.insert(std::this_thread::get_id());
    ++connected;
    TcpServer::on_connect(conn);
  }
  void handle_stream(Protocol& conn, ByteView chunk) override {
    threads.insert(std::this_thread::get_id());
    TcpServer::handle_stream(conn, chunk);
  }
  void on_close(Protocol&, const CloseReason&) override {
    threads.insert(std::this_thread::get_id());
  }
};

TEST(LoopPool, ServersShareAPortAndEachKeepsToItsThread) {
  std::vector<std::shared_ptr<WatchedServer>> servers;
  std::string address = "127.0.0.1:0";
  LoopPool pool(2);
  pool.start([&](IOLoop& loop) {
    servers.push_back(std::make_shared<WatchedServer>(loop, address, build<EchoBack>(),
                                                      ServerOptions{.bind = {.reuse_port = true}}));
    servers.back()->start();
    address = servers.back()->local_addresses().at(0).to_string();
    return servers.back();
  });
  std::vector<Client> clients;
  for (int i = 0; i < 64; ++i) clients.emplace_back(Address::parse(address));
  for (Client& client : clients) client.send("hello");
  for (Client& client : clients)
    EXPECT_TRUE(wait_until([&] { return client.receive().received() == "hello"; }));
  clients.clear();
  EXPECT_EQ(servers[0]->connected + servers[1]->connected, 64);
  EXPECT_GT(servers[0]->connected, 0);
  EXPECT_GT(servers[1]->connected, 0);
  pool.stop();
  for (const auto& server : servers) EXPECT_THAT(server->threads, SizeIs(1));
  servers.clear();
}

}  // namespace
}  // namespace twister::testing
