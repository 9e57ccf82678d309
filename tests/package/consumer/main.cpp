// A project outside the tree: one Protocol of each kind, a conversation with each over memory, and a service.
#include <cstdio>
#include <memory>
#include <string_view>

#include <google/protobuf/wrappers.pb.h>

#include <twister/asio.hpp>
#include <twister/codecs/json.hpp>
#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/protobuf.hpp>
#include <twister/codecs/tagged_protobuf.hpp>
#include <twister/codecs/zlib.hpp>
#ifdef WITH_ZSTD
#include <twister/codecs/zstd.hpp>
#endif
#include <twister/protocols/dispatching_protocol.hpp>
#include <twister/protocols/line_protocol.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/regex.hpp>
#include <twister/rpc/client.hpp>
#include <twister/rpc/local.hpp>
#include <twister/rpc/server.hpp>
#include <twister/testing/memory_transport.hpp>
#include <twister/tls.hpp>

#include "adder.twister.hpp"

using Text = google::protobuf::StringValue;
using ProtobufCodec = twister::Framed<twister::LengthPrefixed, twister::Protobuf<Text>>;

struct Upper : twister::LineProtocol {
  void on_line(std::string_view line) override { send_line(line == "hello" ? "HELLO" : "?"); }
};
struct JsonEcho : twister::MessageProtocol<twister::JsonLines> {
  void on_message(nlohmann::json& message) override { send(message); }
};
struct ProtobufEcho : twister::MessageProtocol<ProtobufCodec> {
  void on_message(Text& message) override { send(message); }
};

// A compiled part of twister::protobuf, and the table that a class shares.
struct TypedEcho
    : twister::DispatchingProtocol<
          TypedEcho, twister::Framed<twister::LengthPrefixed, twister::TaggedProtobuf>> {
  TypedEcho() : DispatchingProtocol(handlers()) {}
  static const Handlers& handlers() {
    static const auto types = twister::ProtobufTypes().add<Text>(1);
    static const auto table =
        Handlers(types).on<Text>([](TypedEcho& echo, Text& text) { echo.send(text); });
    return table;
  }
};

struct Adder : consumer::Adder::Service<Adder> {
  twister::RpcTask<parts::Number> Add(twister::RpcContext&, const consumer::Pair& request) {
    parts::Number sum;
    sum.set_value(request.left().value() + request.right().value());
    co_return sum;
  }
};

bool serves_and_calls() {
  Adder adder;
  twister::RpcServices services;
  services.add(adder);
  twister::IOLoop loop;
  twister::RpcServer server(loop, "", services);
  twister::RpcLocalDialer here(server);
  twister::RpcClientOptions options;
  options.connect.dialer = &here;
  twister::RpcClient client(loop, twister::RpcLocalDialer::address(), options);
  consumer::Pair pair;
  pair.mutable_left()->set_value(2);
  pair.mutable_right()->set_value(3);
  int sum = 0;
  consumer::Adder::Client(client).Add(pair, [&](const twister::RpcStatus&, parts::Number& reply) {
    sum = reply.value();
    loop.stop();
  });
  loop.run();
  return sum == 5;
}

template <class P>
bool answers(std::string_view request, std::string_view reply) {
  twister::IOLoop loop;
  twister::testing::MemoryPeer peer(loop, std::make_unique<P>());
  peer.send(request);
  const auto got = peer.take();
  if (got == reply) return true;
  std::fprintf(stderr, "\"%s\" instead of \"%s\"\n", got.c_str(), std::string(reply).c_str());
  return false;
}

template <twister::Compressor C>
bool compresses(const C& compressor) {
  twister::ByteBuffer packed, back;
  return !compressor.compress(twister::as_bytes("text"), packed) &&
         !compressor.decompress(packed.view(), back) && twister::as_text(back.view()) == "text";
}

// The components with libraries of their own, used so that they have to link.
bool optional_components() {
#ifdef WITH_ZSTD
  if (!compresses(twister::Zstd())) return false;
#endif
  if (!compresses(twister::Zlib())) return false;
  const twister::TlsClientContext tls;
  const auto found = twister::Regex("b+")("abbc", 0, true);
  return tls.layer("example.com") != nullptr && found.position == 3;
}

int main() {
  using namespace std::string_view_literals;
  const auto packet = "\0\0\0\4\x0a\2ok"sv;
  const auto typed = "\0\0\0\6\0\1\x0a\2ok"sv;
  const bool good = answers<Upper>("hello\r\n", "HELLO\n") &&
                    answers<JsonEcho>("[1, 2]\n", "[1,2]\n") &&
                    answers<ProtobufEcho>(packet, packet) && answers<TypedEcho>(typed, typed) &&
                    serves_and_calls() && optional_components();
  std::puts(good ? "works" : "fails");
  return good ? 0 : 1;
}
