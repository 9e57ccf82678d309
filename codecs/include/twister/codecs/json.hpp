// twister/codecs/json.hpp - frames of JSON (target twister::json; needs nlohmann_json).
//
//   JsonLines codec(Lines({.max_line_bytes = 16 * 1024}), Json({.max_depth = 8}));
//
// When not to use it: where speed matters more than being readable, see protobuf.hpp.
#pragma once

#include <cstddef>

#include <nlohmann/json.hpp>

#include "twister/codecs/codec.hpp"
#include "twister/codecs/framed.hpp"
#include "twister/codecs/lines.hpp"

namespace twister {

struct JsonOptions {
  // Levels of arrays and objects, both directions; [] is one level, a number none. At most 1000.
  std::size_t max_depth = 64;
};

// One JSON text (RFC 8259) a frame, as a nlohmann::json.
//
// Stricter than the parser it uses, which on its own accepts text after a NUL byte and a byte order
// mark, turns integers
// beyond 64 bits into rounded doubles, writes NaN as null, and overflows the stack when a value
// nested 100 000 times, which it has parsed without complaint, is copied, compared or printed.
//
// Decoding: one text, with blanks around it but nothing else; UTF-8; the last of equal keys wins.
// Encoding: one line without blanks or line feeds, so that it goes into Lines; keys in order; text
//   in UTF-8 as it is, only control characters, quotes and backslashes escaped; the shortest form
//   of a double that reads back the same.
// Limits: max_depth is judged before a level is built; the framing limits the size. A value takes
//   up to some thirty times the bytes of its text, and as much for each copy.
// Errors: malformed_json (an empty frame too), too_deep, invalid_utf8, number_out_of_range;
//   encoding too_deep, invalid_utf8, and unencodable for NaN, infinities and binary values.
// Ownership: message() is the codec's, freed when the input runs dry; move from it to keep it.
class Json {
 public:
  using Message = nlohmann::json;
  using Received = nlohmann::json&;

  Json() = default;
  // Throws std::invalid_argument for a max_depth over 1000.
  explicit Json(const JsonOptions& options);

  CodecError decode(ByteView frame);
  nlohmann::json& message() noexcept { return value_; }
  CodecError encode(const nlohmann::json& value, ByteBuffer& out) const;
  void forget() noexcept { value_ = nullptr; }

 private:
  std::size_t max_depth_ = JsonOptions{}.max_depth;
  nlohmann::json value_;
};

// One JSON text a line (jsonlines.org). An empty line is malformed.
using JsonLines = Framed<Lines, Json>;

}  // namespace twister
