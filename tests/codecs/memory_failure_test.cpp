// Where memory fails while a message is appended, nothing of it is left in the buffer: whoever catches
// the exception may go on with what was there.
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "twister/codecs/bytes.hpp"
#include "twister/codecs/delimited.hpp"
#include "twister/codecs/fixed.hpp"
#include "twister/codecs/framed.hpp"
#include "twister/codecs/json_texts.hpp"
#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/lines.hpp"
#include "twister/codecs/netstring.hpp"
#include "twister/codecs/resp.hpp"
#include "twister/codecs/text.hpp"
#include "twister/codecs/varint.hpp"

#include "support/allocation_counter.hpp"

#ifdef TWISTER_TEST_JSON
#include "twister/codecs/json.hpp"
#include "twister/codecs/msgpack.hpp"
#endif
#ifdef TWISTER_TEST_PROTOBUF
#include "twister/codecs/checksummed_protobuf.hpp"
#include "twister/codecs/named_protobuf.hpp"
#include "twister/codecs/protobuf_any.hpp"
#include "twister/codecs/tagged_protobuf.hpp"

#include "person.pb.h"
#include "protobuf_family.hpp"
#endif
#ifdef TWISTER_TEST_ZLIB
#include "twister/codecs/zlib.hpp"
#endif

namespace twister {
namespace {

const std::string body(200, 'x');

// Whether there was memory for all of it behind `count` allocations.
template <class Append>
bool has_memory(const Append& append, std::size_t count, ByteBuffer& out) {
  testing::fail_allocation_behind(count);
  bool enough = true;
  try {
    const CodecError error = append(out);
    testing::fail_no_allocation();
    EXPECT_EQ(error, CodecError());
  } catch (const std::bad_alloc&) {
    testing::fail_no_allocation();
    enough = false;
  }
  return enough;
}

// Tries every allocation, and every fullness of the buffer's first blocks: it grows at any of the steps.
template <class Append>
void expect_nothing_left(const Append& append) {
  int failures = 0;
  for (std::size_t before = 0; before < 300; ++before) {
    for (std::size_t count = 0;; ++count) {
      ByteBuffer out;
      out.append(std::string(before, 'b'));
      if (has_memory(append, count, out)) {
        break;
      }
      ++failures;
      ASSERT_EQ(out.size(), before) << "allocation " << count;
    }
  }
  EXPECT_GT(failures, 0);
}

template <class C, class M>
void expect_nothing_left_of(C codec, const M& message) {
  expect_nothing_left([&](ByteBuffer& out) { return codec.encode(message, out); });
}

template <Framing F>
void expect_nothing_left_of_a_frame(F framing, std::string_view text) {
  expect_nothing_left_of(framing, as_bytes(text));
  expect_nothing_left_of(Framed<F, Text>(framing), text);
}

// The body, written in place, has its memory; what end_frame() adds has none.
template <Framing F>
void expect_nothing_left_of_an_end(const F& framing) {
  int failures = 0;
  for (std::size_t before = 0; before < 300; ++before) {
    ByteBuffer out;
    out.append(std::string(before, 'b'));
    const std::size_t mark = framing.begin_frame(out);
    out.append(body);
    if (!has_memory([&](ByteBuffer& to) { return framing.end_frame(to, mark); }, 0, out)) {
      ++failures;
      ASSERT_EQ(out.size(), before);
    }
  }
  EXPECT_GT(failures, 0);
}

TEST(WithoutMemory, NothingIsLeftOfAFrame) {
  expect_nothing_left_of_a_frame(Netstring(), body);
  expect_nothing_left_of_a_frame(Varint(), body);
  expect_nothing_left_of_a_frame(Lines(), body);
  expect_nothing_left_of_a_frame(Delimited({.delimiters = {"\r\n"}}), body);
}

TEST(WithoutMemory, NothingIsLeftOfAFrameThatWasWrittenInPlace) {
  expect_nothing_left_of_an_end(Netstring());
  expect_nothing_left_of_an_end(Varint());
  expect_nothing_left_of_an_end(Lines());
  expect_nothing_left_of_an_end(Delimited({.delimiters = {"\r\n"}}));
}

TEST(WithoutMemory, NothingIsLeftOfAFrameWhoseEndAddsNothing) {
  expect_nothing_left_of(Framed<LengthPrefixed, Bytes>(), as_bytes(body));
  expect_nothing_left_of(Framed<Fixed, Text>(Fixed(body.size())), std::string_view(body));
  expect_nothing_left_of(Framed<JsonTexts, Text>(), std::string_view("{}"));
}

TEST(WithoutMemory, NothingIsLeftOfACommandOrAReply) {
  const std::vector<std::string_view> args = {"SET", "key", body};
  expect_nothing_left_of(RespReplies(), RespCommand(args));
  expect_nothing_left_of(RespCommands(),
                         RespValue::array({RespValue::bulk(body), RespValue::simple(body)}));
}

#ifdef TWISTER_TEST_JSON
TEST(WithoutMemory, NothingIsLeftOfAJsonValue) {
  const nlohmann::json value = {{"text", body}, {"numbers", {1, -2, 0.5}}};
  expect_nothing_left_of(Json(), value);
  expect_nothing_left_of(Msgpack(), value);
}
#endif

#ifdef TWISTER_TEST_PROTOBUF
TEST(WithoutMemory, NothingIsLeftOfAProtobufMessage) {
  testing_codecs::Person person;
  person.set_name(body);
  expect_nothing_left_of(ChecksummedProtobuf<testing_codecs::Person>(), person);
  const game::Join join = testing_codecs::join_as(body);
  expect_nothing_left_of(TaggedProtobuf(testing_codecs::game_types()), join);
  expect_nothing_left_of(NamedProtobuf(testing_codecs::game_types()), join);
  expect_nothing_left_of(ProtobufAny(testing_codecs::game_types()), join);
}
#endif

#ifdef TWISTER_TEST_ZLIB
TEST(WithoutMemory, NothingIsLeftOfWhatIsCompressedOrInflated) {
  ByteBuffer compressed;
  ASSERT_FALSE(Zlib().compress(as_bytes(std::string(20'000, 'z')), compressed));
  expect_nothing_left([&](ByteBuffer& out) { return Zlib().decompress(compressed.view(), out); });
  expect_nothing_left_of(Framed<LengthPrefixed, Compressed<Zlib, Text>>(), std::string_view(body));
}
#endif

}  // namespace
}  // namespace twister
