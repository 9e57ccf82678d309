// codec_bench: what a message costs in a codec, beside the payload libraries used by hand.
//   codec_bench [--benchmark_filter=...]
// Each benchmark works through a thousand messages; "Time" is for all, items_per_second for one.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <google/protobuf/wrappers.pb.h>

#include <twister/codecs/delimited.hpp>
#include <twister/codecs/framed.hpp>
#include <twister/codecs/json.hpp>
#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/lines.hpp>
#include <twister/codecs/msgpack.hpp>
#include <twister/codecs/named_protobuf.hpp>
#include <twister/codecs/netstring.hpp>
#include <twister/codecs/protobuf.hpp>
#include <twister/codecs/protobuf_any.hpp>
#include <twister/codecs/tagged_protobuf.hpp>
#include <twister/codecs/text.hpp>
#include <twister/codecs/varint.hpp>

#include "echo_message.pb.h"

namespace {

using namespace twister;
using ProtobufCodec = Framed<LengthPrefixed, Protobuf<echo::Message>>;
using TextLines = Framed<Lines, Text>;
using Packs = Framed<LengthPrefixed, Msgpack>;

constexpr int messages = 1000;
const std::string text(48, 'x');

void count(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * messages);
}

template <class C>
void encode(benchmark::State& state, const typename C::Message& message) {
  C codec;
  ByteBuffer out;
  while (state.KeepRunning()) {
    for (int i = 0; i < messages; ++i) {
      if (codec.encode(message, out)) state.SkipWithError("not encoded");
    }
    benchmark::DoNotOptimize(out.view().data());
    out.clear();
  }
  count(state);
}

template <class C>
void decode(benchmark::State& state, const typename C::Message& message) {
  C codec;
  ByteBuffer input;
  for (int i = 0; i < messages; ++i) (void)codec.encode(message, input);
  while (state.KeepRunning()) {
    ByteView left = input.view();
    int found = 0;
    for (;;) {
      const DecodeResult result = codec.decode(left);
      if (result.status != DecodeResult::Status::message) break;
      benchmark::DoNotOptimize(codec.message());
      left = left.subspan(result.consumed);
      ++found;
    }
    if (found != messages) state.SkipWithError("not decoded");
  }
  count(state);
}

echo::Message protobuf_message() {
  echo::Message message;
  message.set_text(text);
  return message;
}
nlohmann::json json_message() {
  return {{"text", text}, {"number", 12345}, {"list", {1, 2, 3}}};
}

template <class C>
void frames_encode(benchmark::State& state) {
  encode<C>(state, as_bytes(text));
}
template <class C>
void frames_decode(benchmark::State& state) {
  decode<C>(state, as_bytes(text));
}
template <class C>
void texts_encode(benchmark::State& state) {
  encode<C>(state, text);
}
template <class C>
void texts_decode(benchmark::State& state) {
  decode<C>(state, text);
}
template <class C>
void values_encode(benchmark::State& state) {
  encode<C>(state, json_message());
}
template <class C>
void values_decode(benchmark::State& state) {
  decode<C>(state, json_message());
}

// The one of some parameters that other programs speak, as a type.
struct Crlf : Delimited {
  Crlf() : Delimited({.delimiters = {"\r\n"}}) {}
};

void protobuf_encode(benchmark::State& state) {
  encode<ProtobufCodec>(state, protobuf_message());
}
void protobuf_decode(benchmark::State& state) {
  decode<ProtobufCodec>(state, protobuf_message());
}

// The table of a protocol with some types.
const ProtobufTypes& types() {
  static const auto table = ProtobufTypes()
                                .add<google::protobuf::DoubleValue>(1)
                                .add<google::protobuf::FloatValue>(2)
                                .add<google::protobuf::Int64Value>(3)
                                .add<google::protobuf::UInt64Value>(4)
                                .add<google::protobuf::Int32Value>(5)
                                .add<google::protobuf::UInt32Value>(6)
                                .add<google::protobuf::BoolValue>(7)
                                .add<google::protobuf::StringValue>(8)
                                .add<echo::Message>(1000);
  return table;
}

template <class P>
struct Typed : Framed<LengthPrefixed, P> {
  Typed() : Framed<LengthPrefixed, P>(types()) {}
};

template <class P>
void typed_encode(benchmark::State& state) {
  encode<Typed<P>>(state, protobuf_message());
}
template <class P>
void typed_decode(benchmark::State& state) {
  decode<Typed<P>>(state, protobuf_message());
}

// ---- the libraries by hand ----

void protobuf_delimited_encode(benchmark::State& state) {
  const echo::Message message = protobuf_message();
  std::string out;
  while (state.KeepRunning()) {
    out.clear();
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    for (int i = 0; i < messages; ++i) {
      google::protobuf::util::SerializeDelimitedToCodedStream(message, &coded);
    }
    benchmark::DoNotOptimize(out.data());
  }
  count(state);
}

void protobuf_delimited_decode(benchmark::State& state) {
  std::string input;
  {
    google::protobuf::io::StringOutputStream stream(&input);
    for (int i = 0; i < messages; ++i) {
      google::protobuf::util::SerializeDelimitedToZeroCopyStream(protobuf_message(), &stream);
    }
  }
  echo::Message message;
  while (state.KeepRunning()) {
    google::protobuf::io::CodedInputStream coded(
        reinterpret_cast<const std::uint8_t*>(input.data()), static_cast<int>(input.size()));
    for (int i = 0; i < messages; ++i) {
      message.Clear();
      if (!google::protobuf::util::ParseDelimitedFromCodedStream(&message, &coded, nullptr)) {
        state.SkipWithError("not decoded");
      }
      benchmark::DoNotOptimize(message);
    }
  }
  count(state);
}

void nlohmann_encode(benchmark::State& state) {
  const nlohmann::json message = json_message();
  std::string out;
  while (state.KeepRunning()) {
    out.clear();
    for (int i = 0; i < messages; ++i) out.append(message.dump()).push_back('\n');
    benchmark::DoNotOptimize(out.data());
  }
  count(state);
}

void nlohmann_decode(benchmark::State& state) {
  std::string input;
  for (int i = 0; i < messages; ++i) input.append(json_message().dump()).push_back('\n');
  while (state.KeepRunning()) {
    std::string_view left = input;
    for (int i = 0; i < messages; ++i) {
      const std::size_t end = left.find('\n');
      benchmark::DoNotOptimize(nlohmann::json::parse(left.substr(0, end)));
      left.remove_prefix(end + 1);
    }
  }
  count(state);
}

void nlohmann_msgpack_encode(benchmark::State& state) {
  const nlohmann::json message = json_message();
  std::vector<std::uint8_t> out;
  while (state.KeepRunning()) {
    out.clear();
    for (int i = 0; i < messages; ++i) nlohmann::json::to_msgpack(message, out);
    benchmark::DoNotOptimize(out.data());
  }
  count(state);
}

void nlohmann_msgpack_decode(benchmark::State& state) {
  const std::vector<std::uint8_t> input = nlohmann::json::to_msgpack(json_message());
  while (state.KeepRunning()) {
    for (int i = 0; i < messages; ++i) {
      benchmark::DoNotOptimize(nlohmann::json::from_msgpack(input));
    }
  }
  count(state);
}

// ---- buffers ----

void byte_buffer_append_consume(benchmark::State& state) {
  ByteBuffer buffer;
  while (state.KeepRunning()) {
    for (int i = 0; i < messages; ++i) buffer.append(as_bytes(text));
    for (int i = 0; i < messages; ++i) buffer.consume(text.size());
    benchmark::DoNotOptimize(buffer.view().data());
  }
  count(state);
}

void string_append_erase(benchmark::State& state) {
  std::string buffer;
  while (state.KeepRunning()) {
    for (int i = 0; i < messages; ++i) buffer.append(text);
    for (int i = 0; i < messages; ++i) buffer.erase(0, text.size());
    benchmark::DoNotOptimize(buffer.data());
  }
  count(state);
}

BENCHMARK_TEMPLATE(frames_encode, LengthPrefixed);
BENCHMARK_TEMPLATE(frames_decode, LengthPrefixed);
BENCHMARK_TEMPLATE(frames_encode, Varint);
BENCHMARK_TEMPLATE(frames_decode, Varint);
BENCHMARK_TEMPLATE(frames_encode, Lines);
BENCHMARK_TEMPLATE(frames_decode, Lines);
BENCHMARK_TEMPLATE(frames_encode, Crlf);
BENCHMARK_TEMPLATE(frames_decode, Crlf);
BENCHMARK_TEMPLATE(frames_encode, Netstring);
BENCHMARK_TEMPLATE(frames_decode, Netstring);
BENCHMARK_TEMPLATE(texts_encode, TextLines);
BENCHMARK_TEMPLATE(texts_decode, TextLines);
BENCHMARK(protobuf_encode);
BENCHMARK(protobuf_delimited_encode);
BENCHMARK(protobuf_decode);
BENCHMARK(protobuf_delimited_decode);
BENCHMARK_TEMPLATE(typed_encode, TaggedProtobuf);
BENCHMARK_TEMPLATE(typed_decode, TaggedProtobuf);
BENCHMARK_TEMPLATE(typed_encode, NamedProtobuf);
BENCHMARK_TEMPLATE(typed_decode, NamedProtobuf);
BENCHMARK_TEMPLATE(typed_encode, ProtobufAny);
BENCHMARK_TEMPLATE(typed_decode, ProtobufAny);
BENCHMARK_TEMPLATE(values_encode, JsonLines);
BENCHMARK(nlohmann_encode);
BENCHMARK_TEMPLATE(values_decode, JsonLines);
BENCHMARK(nlohmann_decode);
BENCHMARK_TEMPLATE(values_encode, Packs);
BENCHMARK(nlohmann_msgpack_encode);
BENCHMARK_TEMPLATE(values_decode, Packs);
BENCHMARK(nlohmann_msgpack_decode);
BENCHMARK(byte_buffer_append_consume);
BENCHMARK(string_append_erase);

}  // namespace
