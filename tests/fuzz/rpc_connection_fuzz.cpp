// Input: how it is cut, then what a peer sends behind its preface. It meets a connection that serves methods of
// every kind and has calls of every kind in flight: each of these ends once, whatever comes.
#include <vector>

#include <google/protobuf/wrappers.pb.h>

#include <twister/io_loop.hpp>
#include <twister/log.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/rpc/services.hpp>
#include <twister/rpc/stream.hpp>
#include <twister/testing/manual_clock.hpp>
#include <twister/testing/memory_transport.hpp>

#include "cuts.hpp"

namespace {

using namespace twister;
using google::protobuf::BytesValue;
using std::chrono_literals::operator""s;

// Sends what it has, as its receiver takes it. No coroutines here: clang 14 cannot describe them to a debugger.
void repeat(const BytesValue& message, int times, const RpcWriter<BytesValue>& out) {
  if (times == 0) return out.finish();
  out.when_ready([message, times, out] {
    if (out.send(message) != WriteStatus::closed) repeat(message, times - 1, out);
  });
}

// One byte each: an input finds a method sooner.
void add_methods(RpcServices& services, std::vector<RpcReply<BytesValue>>& kept) {
  services.on<BytesValue, BytesValue>(
      "e", [](RpcContext& context, const BytesValue& request, BytesValue& reply) -> RpcStatus {
        reply = request;
        for (const auto& [key, value] : context.metadata())
          context.reply_metadata().add(key, value);
        return request.value() == "x" ? RpcStatus(RpcCode::aborted, "x") : RpcStatus();
      });
  services.on<BytesValue, BytesValue>(
      "l", [&](RpcContext&, BytesValue&, RpcReply<BytesValue> reply) { kept.push_back(reply); });
  services.on<BytesValue, BytesValue>(
      "z", [](RpcContext& context, BytesValue& request, RpcReply<BytesValue> reply) {
        context.loop().call_later(1s, [&request, reply] { reply(request); });
      });
  services.on_notice<BytesValue>("n", [](RpcContext&, const BytesValue&) { throw 1; });
  services.on_server_stream<BytesValue, BytesValue>(
      "w", [](RpcContext&, const BytesValue& request, RpcWriter<BytesValue> out) {
        repeat(request, 3, out);
      });
  services.on_client_stream<BytesValue, BytesValue>(
      "c", [](RpcContext&, RpcReader<BytesValue> in, RpcReply<BytesValue> reply) {
        in.receive([reply](BytesValue& message) { reply(message); },
                   [reply](const RpcStatus& status) {
                     reply(status.ok() ? RpcCode::aborted : status.code);
                   });
      });
  services.on_stream<BytesValue, BytesValue>(
      "b", [](RpcContext&, RpcReader<BytesValue> in, RpcWriter<BytesValue> out) {
        in.receive([out](BytesValue& message) { out.send(message); },
                   [out](const RpcStatus& status) { out.finish(status); });
      });
}

// Calls of every kind: ids 1 to 4.
void make_calls(RpcConnection& by, std::vector<int>& ends) {
  const auto count = [&ends](std::size_t call) {
    return [&ends, call](const RpcStatus&, auto&&...) { ++ends[call]; };
  };
  BytesValue request;
  request.set_value("x");
  by.call<BytesValue>("e", request, count(0));
  open_server_stream<BytesValue>(by, "w", request).receive([](BytesValue&) {}, count(1));
  const auto client = open_client_stream<BytesValue, BytesValue>(by, "c");
  client.reader.receive([](BytesValue&) {}, count(2));
  client.writer.send(request);
  const auto both = open_stream<BytesValue, BytesValue>(by, "b");
  both.reader.receive([writer = both.writer](BytesValue& message) { writer.send(message); },
                      count(3));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  set_log_sink([](const LogRecord&) {});
  fuzz::Choices choices(data, size);
  const unsigned seed = choices.next();
  std::vector<RpcReply<BytesValue>> kept;
  RpcServices services;
  add_methods(services, kept);
  std::vector<int> ends(4);
  testing::ManualClock clock;
  IOLoop loop(clock);
  {
    auto made = std::make_unique<RpcConnection>(loop, &services,
                                                RpcOptions{.max_message_bytes = 200,
                                                           .max_calls_in_flight = 4,
                                                           .max_metadata_bytes = 20,
                                                           .stream_credit_bytes = 100,
                                                           .max_stream_memory_bytes = 150});
    make_calls(*made, ends);
    testing::MemoryPeer peer(loop, std::move(made));
    peer.send(std::string_view("twister\x01\0\0\0\0", 12));
    for (const std::string_view piece : fuzz::cut(choices.rest().substr(0, 4096), seed)) {
      peer.send(piece);
    }
    if (!kept.empty()) kept[0](BytesValue());
    clock.advance(2s);
    peer.reset();
  }
  clock.advance(60s);
  for (const int each : ends) fuzz::expect(each == 1, "a call that did not end once");
  for (const auto& reply : kept) fuzz::expect(reply.ended(), "a handler that is not told");
  kept.clear();
  return 0;
}
