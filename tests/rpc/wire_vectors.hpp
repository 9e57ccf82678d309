// Files of tests/vectors whose groups are of codecs: read, and every case of a group tried.
//
//   codec NAME, then perhaps limit N, oversize skip                     a group
//   case TITLE, in HEX (one for each write), out ...                    what comes of a stream
//   encode TEXT, then wire HEX or refused CODE                          what comes of a message
#pragma once

#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "decode_all.hpp"

namespace twister::testing_codecs {

struct WireCase {
  std::string title{};
  std::vector<std::string> in{};  // bytes
  std::vector<std::string>
      out{};  // "message TEXT", "skipped CODE", "error CODE", "end", "end CODE"
  bool encodes = false;
  std::string encode{};
  std::string wire{};  // bytes
  std::string refused{};
};

struct WireGroup {
  std::string codec;
  std::map<std::string, std::string> options;
  std::vector<WireCase> cases;
};

inline std::vector<WireGroup> read_wire_vectors(const std::string& path) {
  std::ifstream file(path);
  std::vector<WireGroup> groups;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t blank = line.find(' ');
    const std::string word = line.substr(0, blank);
    const std::string rest = blank == line.npos ? "" : line.substr(blank + 1);
    if (word == "codec") {
      groups.push_back({rest, {}, {}});
    } else if (word == "case") {
      groups.back().cases.push_back({.title = rest});
    } else if (groups.back().cases.empty()) {
      groups.back().options[word] = rest;
    } else {
      WireCase& last = groups.back().cases.back();
      if (word == "in")
        last.in.push_back(hex(rest));
      else if (word == "out")
        last.out.push_back(rest);
      else if (word == "encode")
        last.encodes = true, last.encode = rest;
      else if (word == "wire")
        last.wire = hex(rest);
      else if (word == "refused")
        last.refused = rest;
      else
        throw std::invalid_argument(path + ": not understood: " + line);
    }
  }
  return groups;
}

// The names that the files have for codes.
inline std::string name_of(CodecErrc code) {
  static const std::map<CodecErrc, std::string> names = {
      {CodecErrc::frame_too_long, "frame_too_long"},
      {CodecErrc::line_too_long, "line_too_long"},
      {CodecErrc::bad_length, "bad_length"},
      {CodecErrc::truncated, "truncated"},
      {CodecErrc::too_deep, "too_deep"},
      {CodecErrc::too_many_items, "too_many_items"},
      {CodecErrc::invalid_utf8, "invalid_utf8"},
      {CodecErrc::malformed_msgpack, "malformed_msgpack"},
      {CodecErrc::unencodable, "unencodable"},
      {CodecErrc::unknown_type, "unknown_type"},
  };
  return names.at(code);
}

// What `codec` makes of the pieces, in the terms of the files.
template <Codec C, class Describe>
std::vector<std::string> outcome_of(C codec, const std::vector<std::string>& pieces,
                                    Describe describe) {
  std::vector<std::string> out{};
  std::string kept;
  for (const std::string& piece : pieces) {
    kept += piece;
    for (;;) {
      const DecodeResult result = codec.decode(as_bytes(kept));
      if (result.status == DecodeResult::Status::error) {
        out.push_back("error " + name_of(result.error.code));
        return out;
      }
      if (result.status == DecodeResult::Status::message) {
        out.push_back("message " + describe(codec.message()));
      } else if (result.status == DecodeResult::Status::skipped) {
        out.push_back("skipped " + name_of(result.error.code));
      }
      kept.erase(0, result.consumed);
      if (result.status == DecodeResult::Status::incomplete) break;
    }
  }
  const CodecError error = codec.finish(as_bytes(kept));
  out.push_back(error ? "end " + name_of(error.code) : "end");
  return out;
}

// Tries a case as it is written and byte by byte, and what it encodes.
template <Codec C, class Describe, class Encode>
void check_wire_case(const C& codec, const WireCase& wire_case, Describe describe, Encode encode) {
  SCOPED_TRACE(wire_case.title);
  if (!wire_case.out.empty()) {
    EXPECT_EQ(outcome_of(codec, wire_case.in, describe), wire_case.out);
    std::vector<std::string> bytes;
    for (const std::string& piece : wire_case.in)
      for (const char byte : piece) bytes.emplace_back(1, byte);
    EXPECT_EQ(outcome_of(codec, bytes, describe), wire_case.out);
  }
  if (wire_case.encodes) {
    ByteBuffer out;
    C encoder = codec;
    const CodecError error = encode(encoder, wire_case.encode, out);
    EXPECT_EQ(error ? name_of(error.code) : "", wire_case.refused);
    EXPECT_EQ(to_hex(out.view()), to_hex(as_bytes(wire_case.wire)));
  }
}

}  // namespace twister::testing_codecs
