// tests/vectors/resp.txt, which says how it is written; resp_vectors_test.py reads it too.
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "twister/codecs/resp.hpp"

#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::hex;
using testing_codecs::to_hex;
using Words = std::vector<std::string>;

const std::map<CodecErrc, std::string> names = {
    {CodecErrc::embedded_delimiter, "embedded_delimiter"},
    {CodecErrc::frame_too_long, "frame_too_long"},
    {CodecErrc::line_too_long, "line_too_long"},
    {CodecErrc::malformed_resp, "malformed_resp"},
    {CodecErrc::too_deep, "too_deep"},
    {CodecErrc::too_many_items, "too_many_items"},
    {CodecErrc::truncated, "truncated"},
    {CodecErrc::unencodable, "unencodable"},
};

// As the file writes them.
std::string text_of(std::span<const std::string_view> command) {
  std::string text;
  for (const std::string_view arg : command) text += " $" + to_hex(as_bytes(arg));
  return text;
}

std::string text_of(const RespValue& value) {
  switch (value.type) {
    case RespType::simple:
      return " +" + to_hex(as_bytes(value.text));
    case RespType::error:
      return " -" + to_hex(as_bytes(value.text));
    case RespType::integer:
      return " :" + std::to_string(value.number);
    case RespType::bulk:
      return " $" + to_hex(as_bytes(value.text));
    case RespType::null:
      return " nil";
    case RespType::null_array:
      return " nil-array";
    case RespType::array:
      break;
  }
  std::string text = " (";
  for (const RespValue& item : value.items) text += text_of(item);
  return text + " )";
}

std::string text_of(const RespReply& reply) {
  return text_of(RespValue(reply));
}

struct Describe {
  template <class Received>
  std::string operator()(const Received& received) const {
    return text_of(received);
  }
};

RespValue value_of(std::istringstream& words) {
  std::string word;
  words >> word;
  if (word == "nil") return RespValue::null();
  if (word == "nil-array") return RespValue::null_array();
  if (word[0] == ':') return RespValue::integer(std::stoll(word.substr(1)));
  if (word[0] == '+') return RespValue::simple(hex(word.substr(1)));
  if (word[0] == '-') return RespValue::error(hex(word.substr(1)));
  if (word[0] == '$') return RespValue::bulk(hex(word.substr(1)));
  RespValue array = RespValue::array({});
  while ((words >> std::ws).peek() != ')') array.items.push_back(value_of(words));
  words >> word;
  return array;
}

class Vectors {
 public:
  void read(const std::string& path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#') continue;
      const std::size_t end = line.find(' ', line.starts_with("out ") ? 4 : 0);
      take(line.substr(0, end), end == line.npos ? "" : line.substr(end + 1));
    }
    check();
  }
  int cases() const { return cases_; }

 private:
  void take(const std::string& what, const std::string& value) {
    if (what == "codec" || what == "case") check();
    if (what == "codec") {
      codec_ = value;
      options_ = {};
    }
    if (what == "case") title_ = value;
    if (what == "limit") options_.max_frame_bytes = std::stoul(value);
    if (what == "items") options_.max_items = std::stoul(value);
    if (what == "line") options_.max_line_bytes = std::stoul(value);
    if (what == "depth") options_.max_depth = std::stoul(value);
    if (what == "inline") options_.inline_commands = InlineCommands::refuse;
    if (what == "in") in_ = hex(value);
    if (what.starts_with("out ")) {
      out_.push_back(what.substr(4) + (value.empty() ? "" : " " + value));
    }
    if (what == "encode") encode_ = " " + value;
    if (what == "wire" || what == "refused") encoded_ = what + " " + value;
  }

  void check() {
    if (!title_.empty()) {
      SCOPED_TRACE(codec_ + ": " + title_);
      if (!out_.empty()) {
        EXPECT_EQ(codec_ == "resp-commands" ? decoded(RespCommands(options_))
                                            : decoded(RespReplies(options_)),
                  out_);
      }
      if (!encoded_.empty()) {
        EXPECT_EQ(encoded(), encoded_);
      }
      ++cases_;
    }
    title_ = in_ = encode_ = encoded_ = "";
    out_.clear();
  }

  template <class C>
  Words decoded(C codec) const {
    testing_codecs::decode_all(codec, in_, Describe());  // and the cut does not matter
    Words out;
    ByteView rest = as_bytes(in_);
    for (;;) {
      const DecodeResult result = codec.decode(rest);
      if (result.status == DecodeResult::Status::error) {
        out.push_back("error " + names.at(result.error.code));
        return out;
      }
      rest = rest.subspan(result.consumed);
      if (result.status == DecodeResult::Status::incomplete) break;
      out.push_back("message" + text_of(codec.message()));
    }
    const CodecError end = codec.finish(rest);
    out.push_back(end ? "end " + names.at(end.code) : "end");
    return out;
  }

  std::string encoded() const {
    ByteBuffer out;
    CodecError error;
    std::istringstream words(encode_);
    if (codec_ == "resp-replies") {
      error = RespCommands(options_).encode(value_of(words), out);
    } else {
      Words args;
      for (std::string word; words >> word;) args.push_back(hex(word.substr(1)));
      const std::vector<std::string_view> views(args.begin(), args.end());
      error = RespReplies(options_).encode(std::span<const std::string_view>(views), out);
    }
    return error ? "refused " + names.at(error.code) : "wire " + to_hex(out.view());
  }

  std::string codec_;
  RespOptions options_;
  std::string title_, in_, encode_, encoded_;
  Words out_;
  int cases_ = 0;
};

TEST(RespVectors, AreDecodedAndEncodedAsTheySay) {
  Vectors vectors;
  vectors.read(TWISTER_TEST_VECTORS "/resp.txt");
  EXPECT_GE(vectors.cases(), 75);
}

}  // namespace
}  // namespace twister
