// rpc_echo_load - calls Echo/Echo as fast as it is answered, and says how fast that was.
//
//   rpc_echo_load --port 8888 --connections 1 --in-flight 64 --size 32 --duration 5 [--timeout-ms 0]
//
// Prints one line of JSON. Each connection has so many calls in flight; one that ends is followed by the
// next at once. With --timeout-ms 0 calls have no deadline. The first tenth of the time is not counted.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <google/protobuf/wrappers.pb.h>

#include <twister/io_loop.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/tcp_client.hpp>

namespace {

using namespace std::chrono;
using google::protobuf::BytesValue;
using twister::RpcConnection;
using twister::RpcStatus;

const twister::RpcMethodName method("Echo/Echo");

struct Load {
  twister::IOLoop loop;
  BytesValue request;
  twister::RpcCallOptions options;
  std::vector<RpcConnection*> connections;
  std::vector<std::uint32_t> micros;
  steady_clock::time_point begin;
  steady_clock::time_point end;
  std::uint64_t failed = 0;
  bool over = false;

  void call(RpcConnection& connection) {
    const auto sent = steady_clock::now();
    connection.call<BytesValue>(
        method, request, options,
        [this, &connection, sent](const RpcStatus& status, BytesValue& reply) {
          const auto now = steady_clock::now();
          if (over) return;
          if (!status.ok() || reply.value().size() != request.value().size()) {
            if (++failed == 1)
              std::fprintf(stderr, "rpc_echo_load: %s\n", status.message().c_str());
            if (!connection.is_open()) return;
          } else if (now >= begin) {
            micros.push_back(
                static_cast<std::uint32_t>(duration_cast<nanoseconds>(now - sent).count() / 100));
          }
          if (now >= end) {
            over = true;
            loop.stop();
            return;
          }
          call(connection);
        });
  }
};

double number_of(int argc, char** argv, const char* name, double otherwise) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], name) == 0) return std::atof(argv[i + 1]);
  }
  return otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  const auto port = static_cast<int>(number_of(argc, argv, "--port", 8888));
  const auto count = static_cast<int>(number_of(argc, argv, "--connections", 1));
  const auto in_flight = static_cast<int>(number_of(argc, argv, "--in-flight", 1));
  const auto size = static_cast<std::size_t>(number_of(argc, argv, "--size", 32));
  const double seconds = number_of(argc, argv, "--duration", 5);
  const auto timeout = static_cast<int>(number_of(argc, argv, "--timeout-ms", 0));

  Load load;
  load.request.set_value(std::string(size, 'x'));
  load.options.timeout = timeout == 0 ? twister::never : milliseconds(timeout);
  load.micros.reserve(20'000'000);
  twister::TcpClient client(load.loop);
  for (int i = 0; i < count; ++i) {
    client.connect("127.0.0.1:" + std::to_string(port),
                   std::make_unique<RpcConnection>(load.loop, nullptr),
                   [&](const twister::ConnectError& error, twister::Protocol* protocol) {
                     if (error) {
                       std::fprintf(stderr, "rpc_echo_load: %s\n", error.message().c_str());
                       std::exit(1);
                     }
                     load.connections.push_back(static_cast<RpcConnection*>(protocol));
                     if (load.connections.size() < static_cast<std::size_t>(count)) return;
                     const auto now = steady_clock::now();
                     load.begin = now + duration_cast<nanoseconds>(duration<double>(seconds / 10));
                     load.end = load.begin + duration_cast<nanoseconds>(duration<double>(seconds));
                     for (RpcConnection* each : load.connections) {
                       for (int n = 0; n < in_flight; ++n) load.call(*each);
                     }
                   });
  }
  load.loop.run();
  auto& times = load.micros;
  std::sort(times.begin(), times.end());
  const auto at = [&](double part) {
    if (times.empty()) return 0.0;
    const auto index = static_cast<std::size_t>(part * static_cast<double>(times.size() - 1));
    return times[index] / 10.0;
  };
  std::printf(
      "{\"calls_per_s\": %.0f, \"calls\": %zu, \"failed\": %llu, \"p50_us\": %.1f, \"p90_us\": "
      "%.1f, "
      "\"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
      static_cast<double>(times.size()) / seconds, times.size(),
      static_cast<unsigned long long>(load.failed), at(0.5), at(0.9), at(0.99), at(0.999), at(1));
  return load.failed == 0 ? 0 : 1;
}
