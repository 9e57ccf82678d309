#include "twister/codecs/any_codec.hpp"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <twister/testing/codec_conformance.hpp>

#include "decode_all.hpp"
#include "support/allocation_counter.hpp"

#ifdef TWISTER_TEST_PROTOBUF
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/type.pb.h>

#include "twister/codecs/protobuf_json.hpp"

#include "person.pb.h"
#endif
#ifdef TWISTER_TEST_ZLIB
#include "twister/codecs/compressed.hpp"
#include "twister/codecs/zlib.hpp"
#endif

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::Events;
using testing_codecs::hex;

struct Dump {
  std::string operator()(const nlohmann::json& value) const { return value.dump(); }
};

// What makes a codec of that name throw.
std::string refusal(std::string_view name) {
  try {
    const AnyCodec codec(name);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(AnyCodec, IsAFramingAndAPayload) {
  EXPECT_EQ(decode_all(AnyCodec("lines/json"), "[1]\n{}\n", Dump()),
            (Events{"message [1]", "message {}", "end"}));
  EXPECT_EQ(decode_all(AnyCodec("netstring/text"), "3:abc,", Dump()),
            (Events{"message \"abc\"", "end"}));
  EXPECT_EQ(decode_all(AnyCodec("length-prefixed:2le/msgpack"), hex("0300 920102"), Dump()),
            (Events{"message [1,2]", "end"}));
}

TEST(AnyCodec, OfAFramingAloneHasBytesForMessages) {
  AnyCodec codec("lp32");
  ByteBuffer out;
  EXPECT_FALSE(codec.encode("hi", out));
  EXPECT_FALSE(codec.encode(nlohmann::json::binary({0, 255}), out));
  EXPECT_EQ(testing_codecs::to_hex(out.view()),
            "00000002"
            "6869"
            "00000002"
            "00ff");
  ASSERT_EQ(codec.decode(out.view()).status, DecodeResult::Status::message);
  EXPECT_EQ(codec.message(), nlohmann::json::binary({'h', 'i'}));
}

TEST(AnyCodec, HasShortNames) {
  EXPECT_EQ(decode_all(AnyCodec("jsonl"), "[1]\n", Dump()), (Events{"message [1]", "end"}));
  EXPECT_EQ(decode_all(AnyCodec("msgpack"), hex("00000001 c3"), Dump()),
            (Events{"message true", "end"}));
}

TEST(AnyCodec, RefusesValuesThatItsPayloadHasNoPlaceFor) {
  ByteBuffer out;
  EXPECT_EQ(AnyCodec("lp32").encode(7, out).code, CodecErrc::unencodable);
  EXPECT_EQ(AnyCodec("lines/text").encode({{"a", 1}}, out).code, CodecErrc::unencodable);
  EXPECT_TRUE(out.empty());
}

TEST(AnyCodec, CopiesAreConnectionsOfTheirOwn) {
  const AnyCodec first("lines/json");
  AnyCodec second = first;
  AnyCodec third = first;
  EXPECT_EQ(second.decode(as_bytes("{\n")).status, DecodeResult::Status::error);
  EXPECT_EQ(third.decode(as_bytes("1\n")).status, DecodeResult::Status::message);
  second = third;
  EXPECT_EQ(second.decode(as_bytes("2\n")).status, DecodeResult::Status::message);
  EXPECT_EQ(third.message(), 1);
}

TEST(AnyCodec, SaysWhatNamesThereAre) {
  const std::string text = refusal("lines/jason");
  EXPECT_NE(text.find("codec \"lines/jason\": AnyPayload: there is no payload \"jason\"; there are "
                      "bytes, text, json, msgpack"),
            text.npos)
      << text;
  EXPECT_NE(text.find("netstring"), text.npos) << text;
  EXPECT_NE(text.find("jsonl = lines/json"), text.npos) << text;
  EXPECT_NE(refusal("linez").find("no framing \"linez\""), std::string::npos);
  EXPECT_NE(refusal("linez").find("; payloads: bytes, text, json, msgpack; short names: jsonl"),
            std::string::npos);
  EXPECT_NE(refusal("lines/json:5").find("json takes no parameters, not \"5\""), std::string::npos);
  EXPECT_NE(refusal("").find("codec \"\""), std::string::npos);
}

TEST(AnyCodec, RepeatsNoControlCharactersOfAName) {
  using namespace std::string_literals;
  EXPECT_NE(refusal("li\0nes/\x1b[31m"s).find("codec \"li?nes/?[31m\": "), std::string::npos);
  EXPECT_NE(refusal("lines/js\0on"s)
                .find("AnyPayload: control characters in the name \"js?on\"; framings: "),
            std::string::npos);
  EXPECT_NE(refusal("lines/json:\x1b[31m").find("control characters in the name \"json:?[31m\""),
            std::string::npos);
}

TEST(AnyCodec, TakesPayloadsOfTheProgram) {
  struct Backwards {
    using Message = nlohmann::json;
    using Received = nlohmann::json&;
    CodecError decode(ByteView frame) {
      const std::string_view text = as_text(frame);
      value = std::string(text.rbegin(), text.rend());
      return {};
    }
    nlohmann::json& message() { return value; }
    CodecError encode(const nlohmann::json& text, ByteBuffer& out) const {
      const auto& forwards = text.get_ref<const std::string&>();
      out.append(std::string(forwards.rbegin(), forwards.rend()));
      return {};
    }
    nlohmann::json value;
  };
  PayloadNames names;
  names.add("backwards",
            [](std::string_view, const AnyPayloadOptions&) { return AnyPayload(Backwards()); });
  EXPECT_EQ(decode_all(AnyCodec("lines/backwards", {}, names), "abc\n", Dump()),
            (Events{"message \"cba\"", "end"}));
}

#ifdef TWISTER_TEST_PROTOBUF
TEST(AnyCodec, SpeaksProtobufByTheNameOfAType) {
  PayloadNames names;
  add_protobuf(names);
  AnyCodec codec("varint/protobuf:twister.testing_codecs.Person", {}, names);
  ByteBuffer out;
  EXPECT_FALSE(codec.encode({{"name", "Ada"}, {"friends", {{{"id", 7}}}}}, out));
  EXPECT_EQ(testing_codecs::to_hex(out.view()),
            "09"
            "0a03416461"
            "22021007");
  ASSERT_EQ(codec.decode(out.view()).status, DecodeResult::Status::message);
  EXPECT_EQ(codec.message().dump(), R"({"friends":[{"id":7}],"name":"Ada"})");
  EXPECT_EQ(codec.encode({{"nobody", "knows"}}, out).code, CodecErrc::unencodable);
  EXPECT_EQ(codec.encode(7, out).code, CodecErrc::unencodable);
}

TEST(AnyCodec, RefusesProtobufThatIsNone) {
  PayloadNames names;
  add_protobuf(names);
  const AnyCodec codec("varint/protobuf:twister.testing_codecs.Person", {}, names);
  EXPECT_EQ(decode_all(codec, hex("01 07"), Dump()),
            (Events{"error malformed protobuf message of 1 bytes"}));
  EXPECT_THROW(AnyCodec("varint/protobuf:no.Such", {}, names), std::invalid_argument);
  EXPECT_THROW(AnyCodec("varint/protobuf", {}, names), std::invalid_argument);
}

// protobuf recurses, without a limit, where an Any is in an Any.
TEST(ProtobufJson, RefusesTypesInWhichAnAnyMayBe) {
  namespace pb = google::protobuf;
  EXPECT_THROW(ProtobufJson{*pb::Any::descriptor()}, std::invalid_argument);
  EXPECT_THROW(ProtobufJson{*pb::Type::descriptor()},
               std::invalid_argument);                       // Option within Field
  EXPECT_NO_THROW(ProtobufJson{*pb::Struct::descriptor()});  // holds itself, and no Any
}

TEST(ProtobufJson, RefusesTypesThatAnAnyExtends) {
  google::protobuf::Any::descriptor();  // is linked
  google::protobuf::FileDescriptorProto file;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(name: "open.proto" dependency: "google/protobuf/any.proto"
         message_type { name: "Open" extension_range { start: 100 end: 200 } }
         extension { name: "any" extendee: "Open" number: 100 label: LABEL_OPTIONAL
                     type: TYPE_MESSAGE type_name: ".google.protobuf.Any" })",
      &file));
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  ASSERT_NE(pool.BuildFile(file), nullptr);
  EXPECT_THROW(ProtobufJson{*pool.FindMessageTypeByName("Open")}, std::invalid_argument);
}

TEST(ProtobufJson, TakesTextThatIsNotUtf8ForABadMessage) {
  ProtobufJson payload(*google::protobuf::Value::descriptor());
  EXPECT_FALSE(payload.decode(as_bytes(hex("1a0161"))));
  EXPECT_EQ(payload.message(), "a");
  EXPECT_EQ(payload.decode(as_bytes(hex("1a01ff"))),
            (CodecError{CodecErrc::malformed_protobuf, 3}));
}
#endif

#ifdef TWISTER_TEST_ZLIB
TEST(AnyCodec, TakesLayersThatTheProgramNames) {
  PayloadNames names;
  names.add("zlib", [](std::string_view inner, const AnyPayloadOptions& options) {
    return AnyPayload(Compressed<Zlib, AnyPayload>(Zlib(), AnyPayload(inner, options)));
  });
  AnyCodec codec("lp32/zlib/json", {}, names);
  ByteBuffer out;
  EXPECT_FALSE(codec.encode(std::string(1000, 'x'), out));
  EXPECT_LT(out.size(), 50u);
  ASSERT_EQ(codec.decode(out.view()).status, DecodeResult::Status::message);
  EXPECT_EQ(codec.message(), std::string(1000, 'x'));
}
#endif

TEST(AnyCodec, Conforms) {
  for (const char* name : {"lp16/json", "varint/msgpack", "netstring/text"}) {
    const bool text = std::string_view(name).ends_with("text");
    const auto make = [name](Oversize oversize, BadPayload bad) {
      return AnyCodec(name,
                      {.max_frame_bytes = 50'000, .on_oversize = oversize, .on_bad_payload = bad});
    };
    const auto report = testing::check_codec<AnyCodec>(
        {.make = [=] { return make(Oversize::fail, BadPayload::fail); },
         .messages = {"one", text ? nlohmann::json("") : nlohmann::json({{"a", 1}}), "three"},
         .longest = std::string(49'000, 'x'),
         .unencodable = {"\xff", std::string(50'001, 'x')},
         .allocated_bytes = testing::allocated_bytes});
    EXPECT_TRUE(report.ok()) << name << "\n" << report.text();
  }
}

}  // namespace
}  // namespace twister
