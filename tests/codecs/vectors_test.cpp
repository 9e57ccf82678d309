// The files of tests/vectors about framings, by AnyFraming. Each says how it is written; vectors_test.py
// reads them too, and minds that there is no file that nobody reads.
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "twister/codecs/any_framing.hpp"

#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::hex;
using testing_codecs::to_hex;
using Texts = std::vector<std::string>;

struct Case {
  std::string framing;
  AnyFramingOptions options;
  std::string title{};
  Texts in{};   // bytes
  Texts out{};  // "message HEX", "skipped CODE", "error CODE", "end", "end CODE"
  std::optional<std::string> encode{};
  std::string wire{};
  std::string refused{};
};

const std::map<CodecErrc, std::string> names = {
    {CodecErrc::bad_length, "bad_length"},
    {CodecErrc::embedded_delimiter, "embedded_delimiter"},
    {CodecErrc::frame_too_long, "frame_too_long"},
    {CodecErrc::line_too_long, "line_too_long"},
    {CodecErrc::malformed_json, "malformed_json"},
    {CodecErrc::malformed_netstring, "malformed_netstring"},
    {CodecErrc::malformed_varint, "malformed_varint"},
    {CodecErrc::too_deep, "too_deep"},
    {CodecErrc::truncated, "truncated"},
    {CodecErrc::unencodable, "unencodable"},
    {CodecErrc::wrong_size, "wrong_size"},
};

// "6162 00*3" -> five bytes.
std::string bytes_of(const std::string& text) {
  std::string bytes;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t star = word.find('*');
    if (star == word.npos) {
      bytes += hex(word);
    } else {
      bytes.append(std::stoul(word.substr(star + 1)), hex(word.substr(0, star)).at(0));
    }
  }
  return bytes;
}

// A message without blanks and repetitions, and with a blank behind the word when it is empty.
std::string canonical(const std::string& out) {
  const std::string word = "message";
  return out.starts_with(word) ? word + ' ' + to_hex(as_bytes(bytes_of(out.substr(word.size()))))
                               : out;
}

std::string name_of(const CodecError& error) {
  return error ? names.at(error.code) : std::string();
}

// Groups, and the cases in them, line by line.
class Reader {
 public:
  explicit Reader(const std::string& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    for (std::string line; std::getline(file, line);) {
      if (!line.empty() && line.front() != '#') {
        const std::size_t blank = std::min(line.find(' '), line.size());
        take(line.substr(0, blank), line.substr(std::min(blank + 1, line.size())));
      }
    }
  }

  const std::vector<Case>& cases() const { return cases_; }

 private:
  void take(const std::string& word, const std::string& rest) {
    if (word == "codec") {
      group_ = {.framing = rest, .options = {}};
    } else if (word == "limit") {
      group_.options.max_frame_bytes = std::stoull(rest);
    } else if (word == "oversize") {
      EXPECT_EQ(rest, "skip");
      group_.options.on_oversize = Oversize::skip;
    } else if (word == "case") {
      cases_.push_back(group_);
      cases_.back().title = rest;
    } else if (word == "in") {
      cases_.back().in.push_back(bytes_of(rest));
    } else if (word == "out") {
      cases_.back().out.push_back(canonical(rest));
    } else if (word == "encode") {
      cases_.back().encode = bytes_of(rest);
    } else if (word == "wire") {
      cases_.back().wire = bytes_of(rest);
    } else if (word == "refused") {
      cases_.back().refused = rest;
    } else {
      ADD_FAILURE() << "not understood: " << word;
    }
  }

  Case group_;
  std::vector<Case> cases_;
};

// What comes of the writes, in the words of the files.
Texts outcome_of(AnyFraming codec, const Texts& writes) {
  Texts out;
  std::string rest;
  for (const std::string& write : writes) {
    rest += write;
    for (;;) {
      const DecodeResult result = codec.decode(as_bytes(rest));
      if (result.status == DecodeResult::Status::error) {
        out.push_back("error " + name_of(result.error));
        return out;
      }
      if (result.status == DecodeResult::Status::message) {
        out.push_back("message " + to_hex(codec.message()));
      } else if (result.status == DecodeResult::Status::skipped) {
        out.push_back("skipped " + name_of(result.error));
      }
      rest.erase(0, result.consumed);
      if (result.status == DecodeResult::Status::incomplete) {
        break;
      }
    }
  }
  const CodecError error = codec.finish(as_bytes(rest));
  out.emplace_back("end");
  if (error) {
    out.back() += ' ' + name_of(error);
  }
  return out;
}

void check_decoding(const AnyFraming& codec, const Case& vector) {
  EXPECT_EQ(outcome_of(codec, vector.in), vector.out);
  std::string input;
  for (const std::string& write : vector.in) {
    input += write;
  }
  EXPECT_EQ(outcome_of(codec, {input}), vector.out);
  decode_all(codec, input);  // and no other cut makes a difference
}

void check_encoding(const AnyFraming& codec, const Case& vector) {
  const ByteView message = as_bytes(*vector.encode);
  ByteBuffer out;
  const CodecError error = codec.encode(message, out);
  EXPECT_EQ(name_of(error), vector.refused);
  EXPECT_TRUE(as_text(out.view()) == vector.wire)
      << to_hex(out.view().first(std::min<std::size_t>(out.size(), 64)));
  ByteBuffer in_place;
  const std::size_t mark = codec.begin_frame(in_place);
  in_place.append(message);
  EXPECT_EQ(codec.end_frame(in_place, mark), error);
  EXPECT_TRUE(as_text(in_place.view()) == vector.wire);
}

class Vectors : public ::testing::TestWithParam<const char*> {};

TEST_P(Vectors, SayWhatFramingsDo) {
  const Reader file(std::string(TWISTER_TEST_VECTORS) + "/" + GetParam() + ".txt");
  EXPECT_GE(file.cases().size(), 9u);
  for (const Case& vector : file.cases()) {
    SCOPED_TRACE(vector.framing + ": " + vector.title);
    const AnyFraming codec(vector.framing, vector.options);
    EXPECT_TRUE(!vector.out.empty() || vector.encode) << "says nothing";
    if (!vector.out.empty()) {
      check_decoding(codec, vector);
    }
    if (vector.encode) {
      check_encoding(codec, vector);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Vectors,
                         ::testing::Values("content_length", "delimited", "fixed", "json_texts",
                                           "length_prefixed", "lines", "netstring", "varint"),
                         [](const auto& file) { return std::string(file.param); });

}  // namespace
}  // namespace twister
