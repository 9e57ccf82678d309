// tests/vectors/protobuf.txt, which says how it is written; protobuf_vectors_test.py reads it too.
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "twister/codecs/checksummed_protobuf.hpp"
#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/named_protobuf.hpp"
#include "twister/codecs/protobuf.hpp"
#include "twister/codecs/protobuf_any.hpp"
#include "twister/codecs/tagged_protobuf.hpp"
#include "twister/codecs/varint.hpp"

#include "decode_all.hpp"
#include "game.pb.h"
#include "muduo.pb.h"

namespace twister {
namespace {

using google::protobuf::Message;
using testing_codecs::hex;
using testing_codecs::to_hex;
using Lines = std::vector<std::string>;

// The lines of a group ahead of its cases, and those of a case, by their first words.
struct Case {
  std::map<std::string, std::string> group;
  std::map<std::string, std::string> lines;
  Lines out;
};

const ProtobufTypes& types() {
  static const auto table = ProtobufTypes()
                                .add<game::Join>(1)
                                .add<game::Move>(2)
                                .add<game::Leave>(3)
                                .add<game::Map>(4)
                                .add<muduo::Empty>(5)
                                .add<muduo::Call>(6);
  return table;
}

const std::map<CodecErrc, std::string> names = {
    {CodecErrc::bad_checksum, "bad_checksum"},
    {CodecErrc::bad_length, "bad_length"},
    {CodecErrc::frame_too_long, "frame_too_long"},
    {CodecErrc::malformed_protobuf, "malformed_protobuf"},
    {CodecErrc::malformed_varint, "malformed_varint"},
    {CodecErrc::truncated, "truncated"},
    {CodecErrc::unencodable, "unencodable"},
    {CodecErrc::unknown_type, "unknown_type"},
};

// "game.Move x: 1", however protobuf likes to print it.
std::string text_of(const Message& message) {
  return message.GetTypeName() + " " + message.ShortDebugString();
}
std::string text_of(const ReceivedProtobuf& received) {
  return text_of(dynamic_cast<const Message&>(received.message()));
}

struct Describe {
  template <class Received>
  std::string operator()(const Received& received) const {
    return text_of(received);
  }
};

std::unique_ptr<Message> message_of(const std::string& text) {
  const std::size_t name_end = text.find(' ');
  const ProtobufType* const type = types().find_name(text.substr(0, name_end));
  EXPECT_NE(type, nullptr) << text;
  std::unique_ptr<Message> message(dynamic_cast<Message*>(type->prototype->New()));
  google::protobuf::TextFormat::Parser parser;
  parser.AllowPartialMessage(true);
  EXPECT_TRUE(
      parser.ParseFromString(name_end == text.npos ? "" : text.substr(name_end), message.get()))
      << text;
  return message;
}

// ---- what a codec makes of a case ----

template <class C>
Lines decoded(C codec, const std::string& input) {
  testing_codecs::decode_all(codec, input, Describe());  // and the cut does not matter
  Lines out;
  ByteView rest = as_bytes(input);
  for (;;) {
    const DecodeResult result = codec.decode(rest);
    if (result.status == DecodeResult::Status::error) {
      out.push_back("error " + names.at(result.error.code));
      return out;
    }
    rest = rest.subspan(result.consumed);
    if (result.status == DecodeResult::Status::incomplete) {
      break;
    }
    out.push_back(result.status == DecodeResult::Status::skipped
                      ? "skipped " + names.at(result.error.code)
                      : "message " + text_of(codec.message()));
  }
  const CodecError end = codec.finish(rest);
  out.push_back(end ? "end " + names.at(end.code) : "end");
  return out;
}

template <class C>
std::string encoded(C codec, const Message& message) {
  ByteBuffer out;
  CodecError error;
  if constexpr (std::is_same_v<typename C::Message, ProtobufRef>) {
    error = codec.encode(message, out);
  } else {
    error = codec.encode(dynamic_cast<const typename C::Message&>(message), out);
  }
  return error ? "refused " + names.at(error.code) : "wire " + to_hex(out.view());
}

template <class C>
void check(C codec, const Case& vector) {
  if (const auto in = vector.lines.find("in"); in != vector.lines.end()) {
    Lines wanted = vector.out;
    for (std::string& line : wanted) {
      if (line.starts_with("message ")) {
        line = "message " + text_of(*message_of(line.substr(8)));
      }
    }
    EXPECT_EQ(decoded(codec, hex(in->second)), wanted);
  }
  if (const auto value = vector.lines.find("encode"); value != vector.lines.end()) {
    const auto wire = vector.lines.find("wire");
    EXPECT_EQ(encoded(codec, *message_of(value->second)),
              wire != vector.lines.end() ? "wire " + wire->second
                                         : "refused " + vector.lines.at("refused"));
  }
}

template <class F, class P>
void check_framed(F framing, P payload, const Case& vector) {
  const bool skips = vector.group.contains("bad");
  check(Framed<F, P>(std::move(framing), std::move(payload),
                     skips ? BadPayload::skip : BadPayload::fail),
        vector);
}

template <class F>
void check_payload(const F& framing, const std::string& payload, const Case& vector) {
  if (payload == "protobuf:game.Join") {
    check_framed(framing, Protobuf<game::Join>(), vector);
  } else if (payload == "protobuf:game.Move") {
    check_framed(framing, Protobuf<game::Move>(), vector);
  } else if (payload == "protobuf:game.Map") {
    check_framed(framing, Protobuf<game::Map>(), vector);
  } else if (payload == "protobuf:muduo.Call") {
    check_framed(framing, Protobuf<muduo::Call>(), vector);
  } else if (payload == "tagged:1") {
    check_framed(framing, TaggedProtobuf(types(), {.tag_bytes = 1}), vector);
  } else if (payload == "tagged:2be") {
    check_framed(framing, TaggedProtobuf(types()), vector);
  } else if (payload == "tagged:4le") {
    check_framed(framing, TaggedProtobuf(types(), {.tag_bytes = 4, .order = ByteOrder::little}),
                 vector);
  } else if (payload == "named") {
    check_framed(framing, NamedProtobuf(types()), vector);
  } else if (payload == "any") {
    check_framed(framing, ProtobufAny(types()), vector);
  } else if (payload == "checksummed:RPC0:muduo.Call") {
    check_framed(framing, ChecksummedProtobuf<muduo::Call>("RPC0"), vector);
  } else {
    FAIL() << "no such payload: " << payload;
  }
}

void check(const Case& vector) {
  const std::string codec = vector.group.at("codec");
  const std::size_t slash = codec.find('/');
  const std::string framing = codec.substr(0, slash);
  const std::string payload = codec.substr(slash + 1);
  const auto limit = vector.group.find("limit");
  const std::size_t max = limit == vector.group.end() ? 1024 * 1024 : std::stoul(limit->second);
  if (framing == "varint") {
    check_payload(Varint({.max_frame_bytes = max}), payload, vector);
  } else if (framing == "length-prefixed:4be") {
    check_payload(LengthPrefixed({.max_frame_bytes = max}), payload, vector);
  } else if (framing == "length-prefixed:2le") {
    check_payload(LengthPrefixed({.width = 2, .order = ByteOrder::little, .max_frame_bytes = max}),
                  payload, vector);
  } else {
    FAIL() << "no such framing: " << framing;
  }
}

std::vector<Case> read_cases() {
  std::ifstream file(TWISTER_TEST_VECTORS "/protobuf.txt");
  std::map<std::string, std::string> group;
  std::vector<Case> cases;
  bool in_group = false;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') {
      continue;
    }
    const std::size_t space = line.find(' ');
    const std::string word = line.substr(0, space);
    const std::string rest = line.substr(space + 1);
    if (word == "codec") {
      group.clear();
      in_group = true;
    }
    if (word == "case") {
      in_group = false;
      cases.push_back({group, {}, {}});
    }
    if (in_group) {
      group[word] = rest;
    } else if (word == "out") {
      cases.back().out.push_back(rest);
    } else {
      cases.back().lines[word] = rest;
    }
  }
  return cases;
}

TEST(ProtobufVectors, AreReadAndWrittenAsTheySay) {
  const google::protobuf::LogSilencer silencer;
  const std::vector<Case> cases = read_cases();
  EXPECT_GE(cases.size(), 70u);
  for (const Case& vector : cases) {
    SCOPED_TRACE(vector.group.at("codec") + ": " + vector.lines.at("case"));
    check(vector);
  }
}

}  // namespace
}  // namespace twister
