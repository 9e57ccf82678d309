// rpc_echo_load - calls Echo/Echo as fast as it is answered, and says how fast that was.
//
//   rpc_echo_load --port 8888 --connections 1 --in-flight 64 --size 32 --duration 5 [--timeout-ms 0]
//   rpc_echo_load --port 8888 --connections 8 --rate 20000
//   rpc_echo_load --port 8888 --busy-poll-us 50
//
// Prints one line of JSON. Each connection has so many calls in flight; one that ends is followed by the
// next at once. With --rate calls are made by the clock instead, so many a second on all connections
// together, whether others were answered or not; their latency counts from when they were due. With
// --timeout-ms 0 calls have no deadline. The first tenth of the time is not counted.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <google/protobuf/wrappers.pb.h>

#include <twister/io_loop.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/tcp_client.hpp>

#include "bench/rpc/call_load.hpp"

namespace {

using namespace std::chrono;
using google::protobuf::BytesValue;
using twister::RpcCode;
using twister::RpcConnection;
using twister::RpcStatus;
using twister::bench::CallEnd;
using twister::bench::CallTimes;

const twister::RpcMethodName method("Echo/Echo");

class Load {
 public:
  Load(const twister::bench::LoadOptions& options, double rate, milliseconds timeout,
       microseconds busy_poll)
      : options_(options),
        rate_(rate),
        times_(options.seconds),
        loop_(twister::IOLoopOptions{.busy_poll = busy_poll}) {
    request_.set_value(std::string(options.size, 'x'));
    call_options_.timeout = timeout;
    if (rate_ > 0) rpc_options_.max_calls_in_flight = 1'000'000;  // whom the server shall refuse
  }

  int run() {
    for (int i = 0; i < options_.connections; ++i) {
      client_.connect("127.0.0.1:" + std::to_string(options_.port),
                      std::make_unique<RpcConnection>(loop_, nullptr, rpc_options_),
                      [this](const twister::ConnectError& error, twister::Protocol* protocol) {
                        if (error) {
                          std::fprintf(stderr, "rpc_echo_load: %s\n", error.message().c_str());
                          std::exit(1);
                        }
                        add(static_cast<RpcConnection&>(*protocol));
                      });
    }
    loop_.run();
    times_.print();
    return times_.failed() == 0 ? 0 : 1;
  }

 private:
  void add(RpcConnection& connection) {
    connections_.push_back(&connection);
    connection.set_close_callback([this](const twister::CloseReason& reason) {
      if (over_) return;
      std::fprintf(stderr, "rpc_echo_load: %s\n", reason.message().c_str());
      std::exit(1);
    });
    if (connections_.size() < static_cast<std::size_t>(options_.connections)) return;
    times_.start();
    due_ = CallTimes::Clock::now();
    if (rate_ > 0) return clock_.start();
    for (RpcConnection* each : connections_) {
      for (int n = 0; n < options_.in_flight; ++n) call(*each, due_);
    }
  }

  void call(RpcConnection& connection, CallTimes::Time sent) {
    connection.call<BytesValue>(
        method, request_, call_options_,
        [this, &connection, sent](const RpcStatus& status, BytesValue& reply) {
          if (over_) return;
          const auto now = CallTimes::Clock::now();
          const CallEnd how = end_of(status, reply);
          if (!times_.record(sent, now, how)) return finish();
          if (rate_ == 0 && connection.is_open()) call(connection, now);
        });
  }

  CallEnd end_of(const RpcStatus& status, const BytesValue& reply) {
    if (status.ok() && reply.value().size() == request_.value().size()) return CallEnd::ok;
    if (status.code == RpcCode::resource_exhausted) return CallEnd::refused;
    if (times_.failed() == 0) {
      std::fprintf(stderr, "rpc_echo_load: %s\n", status.message().c_str());
    }
    return CallEnd::failed;
  }

  // With --rate: makes the calls that are due.
  void catch_up() {
    const auto now = CallTimes::Clock::now();
    if (times_.over(now)) return finish();
    const auto interval = duration_cast<CallTimes::Clock::duration>(duration<double>(1 / rate_));
    for (; due_ <= now; due_ += interval) {
      next_ = (next_ + 1) % connections_.size();
      call(*connections_[next_], due_);
    }
  }

  void finish() {
    over_ = true;
    loop_.stop();
  }

  const twister::bench::LoadOptions& options_;
  double rate_;
  CallTimes times_;
  BytesValue request_;
  twister::RpcCallOptions call_options_;
  twister::RpcOptions rpc_options_;
  std::vector<RpcConnection*> connections_;
  std::size_t next_ = 0;
  CallTimes::Time due_{};
  bool over_ = false;
  twister::IOLoop loop_;
  twister::TcpClient client_{loop_};
  twister::PeriodicCallback clock_{loop_, microseconds(200), [this] { catch_up(); }};
};

}  // namespace

int main(int argc, char** argv) {
  using twister::bench::number_of;
  const twister::bench::LoadOptions options(argc, argv);
  const auto timeout = static_cast<int>(number_of(argc, argv, "--timeout-ms", 0));
  const auto busy_poll = static_cast<int>(number_of(argc, argv, "--busy-poll-us", 0));
  Load load(options, number_of(argc, argv, "--rate", 0),
            timeout == 0 ? twister::never : milliseconds(timeout), microseconds(busy_poll));
  return load.run();
}
