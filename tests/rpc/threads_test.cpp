// Two loops that serve the same services, and clients on two other threads: what they share is what the thread
// sanitizer is to look at.
#include <atomic>
#include <thread>

#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/metrics.hpp>
#include <twister/rpc/client.hpp>
#include <twister/rpc/server.hpp>
#include <twister/rpc/task.hpp>

namespace twister {
namespace {

using google::protobuf::Int32Value;

struct Counting final : RpcInterceptor, RpcCallerInterceptor {
  RpcStatus before_call(RpcContext&) override {
    ++begun;
    return {};
  }
  void after_call(RpcContext&, const RpcStatus&) override { ++ended; }
  RpcStatus before_call(std::string_view, RpcMetadata&) override { return {}; }
  void after_call(std::string_view, const RpcStatus&, Duration) override { ++told; }
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  std::atomic<int> told{0};
};

RpcTask<Int32Value> add_late(RpcContext&, const Int32Value& request) {
  Int32Value reply;
  reply.set_value(request.value() + 1);
  co_return reply;
}

// A loop that serves, on a thread of its own.
class ServingThread {
 public:
  ServingThread(const RpcServices& services, MetricsRegistry& metrics)
      : server_(loop_, "127.0.0.1:0", services, {.rpc = {.metrics = &metrics}}) {
    server_.start();
    address = server_.local_addresses().at(0);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~ServingThread() {
    loop_.add_callback([this] { loop_.stop(); });
    thread_.join();
  }

  Address address;

 private:
  IOLoop loop_;
  RpcServer server_;
  std::thread thread_;
};

constexpr int calls = 500;

// Calls both servers, so many at a time, and says how often the answer was right.
int call_all(const std::vector<Destination>& to, const std::shared_ptr<Counting>& counting) {
  IOLoop loop;
  RpcClient client(loop, to, {.rpc = {.interceptors = {counting}}});
  const RpcMethodName methods[] = {RpcMethodName("Add1"), RpcMethodName("AddLate")};
  int right = 0;
  int left = calls;
  std::function<void(int)> next = [&](int value) {
    Int32Value request;
    request.set_value(value);
    client.call<Int32Value>(methods[value % 2], request,
                            [&, value](const RpcStatus& status, Int32Value& reply) {
                              right += status.ok() && reply.value() == value + 1 ? 1 : 0;
                              if (--left == 0) return loop.stop();
                              if (value + 10 < calls) next(value + 10);
                            });
  };
  for (int i = 0; i < 10; ++i) next(i);
  loop.run();
  return right;
}

TEST(RpcThreads, ShareServicesMetricsAndInterceptors) {
  auto counting = std::make_shared<Counting>();
  RpcServices services;
  services.on<Int32Value, Int32Value>(
      "Add1", [](RpcContext&, const Int32Value& request, Int32Value& reply) -> RpcStatus {
        reply.set_value(request.value() + 1);
        return {};
      });
  services.on<Int32Value, Int32Value>("AddLate", add_late);
  services.intercept(counting);
  MetricsRegistry metrics;
  ServingThread one(services, metrics);
  ServingThread other(services, metrics);
  const std::vector<Destination> to{one.address, other.address};
  int right = 0;
  std::thread second([&] { right = call_all(to, counting); });
  EXPECT_EQ(call_all(to, counting), calls);
  second.join();
  EXPECT_EQ(right, calls);
  EXPECT_EQ(counting->begun, 2 * calls);
  EXPECT_EQ(counting->ended, 2 * calls);
  EXPECT_EQ(counting->told, 2 * calls);
  for (const char* method : {"Add1", "AddLate"}) {
    const std::string sum = "rpc_calls_total{code=\"OK\",method=\"" + std::string(method) + "\"} " +
                            std::to_string(calls) + "\n";
    EXPECT_NE(metrics.text().find(sum), std::string::npos) << metrics.text();
  }
}

}  // namespace
}  // namespace twister
