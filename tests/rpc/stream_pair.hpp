// tests/rpc/stream_pair.hpp - two connections, one of which serves streams.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <twister/rpc/stream.hpp>
#include <twister/rpc/task.hpp>

#include "pair.hpp"

namespace twister::testing {

using Lines = std::vector<std::string>;

// What a reader was given: "1", "2", and the status.
struct Received {
  Lines lines;
  template <class Message>
  void from(const RpcReader<Message>& reader) {
    reader.receive(
        [this](Message& message) {
          if constexpr (requires { std::to_string(message.value()); }) {
            lines.push_back(std::to_string(message.value()));
          } else {
            lines.push_back(std::to_string(message.value().size()) + " bytes");
          }
        },
        [this](const RpcStatus& status) { lines.push_back(status.message()); });
  }
};

inline RpcTask<> count(RpcContext&, const Int32Value& request, RpcWriter<Int32Value> out) {
  for (int i = 1; i <= request.value(); ++i) {
    if (!co_await out.ready()) co_return;
    out.send(number(i));
  }
}

inline RpcTask<Int32Value> sum(RpcContext&, RpcReader<Int32Value> in) {
  int total = 0;
  for (;;) {
    const std::optional<Int32Value> next = co_await in.read();
    if (!next) break;
    total += next->value();
  }
  co_return number(total);
}

inline RpcTask<> echo(RpcContext&, RpcReader<Int32Value> in, RpcWriter<Int32Value> out) {
  for (;;) {
    const std::optional<Int32Value> next = co_await in.read();
    if (!next) break;
    out.send(*next);
  }
}

// With readers and writers of the server's side in the test's hands.
struct StreamPair : RpcPair {
  explicit StreamPair(RpcOptions of_server = {}, RpcOptions of_client = {})
      : RpcPair(of_server, of_client) {
    services.on_server_stream<Int32Value, Int32Value>("Count", count);
    services.on_client_stream<Int32Value, Int32Value>("Sum", sum);
    services.on_stream<Int32Value, Int32Value>("Echo", echo);
    services.on_server_stream<Int32Value, BytesValue>(
        "Watch", [this](RpcContext& context, const Int32Value&, RpcWriter<BytesValue> out) {
          context.on_cancel([this] { ++cancelled; });
          writers.push_back(std::move(out));
        });
    services.on_client_stream<BytesValue, Int32Value>(
        "Take", [this](RpcContext&, RpcReader<BytesValue> in, RpcReply<Int32Value> reply) {
          readers.push_back(std::move(in));
          replies.push_back(std::move(reply));
        });
    services.on_stream<BytesValue, BytesValue>(
        "Both", [this](RpcContext&, RpcReader<BytesValue> in, RpcWriter<BytesValue> out) {
          readers.push_back(std::move(in));
          writers.push_back(std::move(out));
        });
    connect();
  }
  ~StreamPair() {
    writers.clear();
    readers.clear();
  }
  std::vector<RpcWriter<BytesValue>> writers;
  std::vector<RpcReader<BytesValue>> readers;
  int cancelled = 0;
};

inline BytesValue bytes(std::size_t size) {
  BytesValue message;
  message.set_value(std::string(size, 'x'));
  return message;
}

}  // namespace twister::testing
