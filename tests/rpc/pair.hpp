// tests/rpc/pair.hpp - two connections over a memory transport, each with services of its own.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/make_connection.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/rpc/services.hpp>
#include <twister/testing/manual_clock.hpp>
#include <twister/testing/memory_transport.hpp>

namespace twister::testing {

using namespace std::chrono_literals;
using google::protobuf::BytesValue;
using google::protobuf::Int32Value;
using google::protobuf::StringValue;

inline Int32Value number(int value) {
  Int32Value message;
  message.set_value(value);
  return message;
}
inline StringValue text(std::string value) {
  StringValue message;
  message.set_value(std::move(value));
  return message;
}

// What came of calls, in the order in which they ended: "OK 5", "NOT_FOUND: no such room".
class Outcomes {
 public:
  // A callback for a call that answers with a number or a text.
  auto add() {
    return [this](const RpcStatus& status, auto& reply) {
      if constexpr (requires { std::to_string(reply.value()); }) {
        lines.push_back(status.ok() ? "OK " + std::to_string(reply.value()) : status.message());
      } else {
        lines.push_back(status.ok() ? "OK " + reply.value() : status.message());
      }
    };
  }
  std::vector<std::string> lines;
};

// Methods that every test has: "Add1" answers at once, "Later" when `replies` are called; "Pause" lets
// what comes behind it wait until resume_reading().
class RpcPair {
 public:
  explicit RpcPair(RpcOptions server_options = {}, RpcOptions client_options = {})
      : server_options_(std::move(server_options)), client_options_(std::move(client_options)) {
    services.on<Int32Value, Int32Value>(
        "Add1", [this](RpcContext&, const Int32Value& request, Int32Value& reply) -> RpcStatus {
          ++started;
          reply.set_value(request.value() + 1);
          return {};
        });
    services.on<Int32Value, Int32Value>(
        "Later", [this](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) {
          ++started;
          replies.push_back(std::move(reply));
        });
    services.on<Int32Value, Int32Value>(
        "Pause", [](RpcContext& context, const Int32Value&, Int32Value&) -> RpcStatus {
          context.connection()->pause_reading();
          return {};
        });
  }
  // What a test keeps of calls refers to connections.
  ~RpcPair() { replies.clear(); }

  // The server's side alone.
  void accept(std::unique_ptr<Transport> transport) {
    auto made = std::make_unique<RpcConnection>(loop, &services, server_options_);
    server = made.get();
    make_connection(loop, std::move(transport), std::move(made));
  }

  void connect() {
    auto [near, far] = memory_transport_pair(loop);
    accept(std::move(far));
    auto made = std::make_unique<RpcConnection>(loop, &client_services, client_options_);
    client = made.get();
    make_connection(loop, std::move(near), std::move(made), client_stream_options());
    server->set_close_callback([this](const CloseReason& reason) {
      server = nullptr;
      closes.push_back(reason.message());
    });
    client->set_close_callback([this](const CloseReason&) { client = nullptr; });
    loop.run_until_idle();
  }

  // Before the loop, whose end is told to callbacks and handlers.
  RpcServices services;
  RpcServices client_services;
  RpcConnection* server = nullptr;  // null once closed
  RpcConnection* client = nullptr;
  int started = 0;
  std::vector<RpcReply<Int32Value>> replies;
  Outcomes outcomes;
  std::vector<std::string> closes;  // of the server's side
  ManualClock clock;
  IOLoop loop{clock};

 private:
  RpcOptions server_options_;
  RpcOptions client_options_;
};

}  // namespace twister::testing
