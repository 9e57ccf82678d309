// twister/codecs/json_texts.hpp - JSON objects and arrays one after the other, without separators.
//
//   Framed<JsonTexts, Json> codec;                         // {"a":1}{"b":2}[3]
//
// When not to use it: where the peer can send a line feed after each text, see JsonLines in
// json.hpp: that is faster, and one malformed text does not end the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "twister/codecs/codec.hpp"

namespace twister {

struct JsonTextsOptions {
  std::size_t max_frame_bytes = 1024 * 1024;  // counts one text; both directions
  Oversize on_oversize = Oversize::fail;      // also of a text over max_depth
  // Levels of arrays and objects; [] is one. Unset: any, since a level costs nothing here, and Json
  // limits what it builds.
  std::optional<std::size_t> max_depth{};
};

// Each text ends where the bracket that began it is closed, which is found by counting.
//
//      +===================+----+----+===================+
//      | { " a " : " } " } | 20 | 0a | [ 1 , [ 2 ] ]     |       brackets in strings do not count
//      +===================+----+----+===================+
//
// Blanks (space, tab, line feed, carriage return) between texts are dropped as they come, and count
// for no limit. Only what is needed to find the end is looked at: strings, escapes in them, and
// brackets. That the brackets match in kind, and all else that makes a text JSON, is for the payload
// to judge: {] is a frame.
//
// Limits: a text of exactly max_frame_bytes passes. A longer one is reported as soon as it has so
//   many bytes and has not ended; the size reported is max_frame_bytes + 1, "at least". A text over
//   max_depth is reported at the bracket that leads too deep. With Oversize::skip either is stepped
//   over to its end, exactly. Bytes are looked at once.
// Errors: frame_too_long, too_deep; malformed_json, for a text that begins with anything else than
//   { or [, also with a number, a string or a byte order mark: there is no telling where it ends.
//   Encoding unencodable, for what is not exactly one object or array without blanks around it.
// Ownership: a message is a view into the input of the decode() that found it.
class JsonTexts {
 public:
  using Message = ByteView;
  using Received = ByteView;

  JsonTexts() : JsonTexts(JsonTextsOptions{}) {}
  explicit JsonTexts(const JsonTextsOptions& options) noexcept;

  DecodeResult decode(ByteView input);
  ByteView message() const noexcept { return frame_; }

  CodecError encode(ByteView text, ByteBuffer& out) const;
  std::size_t begin_frame(ByteBuffer& out) const noexcept { return out.size(); }
  CodecError end_frame(ByteBuffer& out, std::size_t mark) const;

  CodecError finish(ByteView rest) const noexcept;

 private:
  // Where in a text the bytes looked at have led.
  struct Position {
    std::size_t at = 0;     // bytes looked at
    std::size_t depth = 0;  // brackets open
    bool in_string = false;
    bool escaped = false;  // behind a backslash in a string
  };
  enum class Verdict : std::uint8_t { open, ended, too_long, too_deep, malformed };
  enum class State : std::uint8_t { ready, skipping, failed };

  static Verdict find_end(ByteView text, Position& position, std::size_t max_bytes,
                          std::size_t max_depth) noexcept;
  DecodeResult refuse(std::size_t passed, Verdict verdict);
  CodecError check(ByteView text) const noexcept;
  CodecError error_of(Verdict verdict) const noexcept;

  std::size_t max_frame_bytes_;
  std::size_t max_depth_;
  Position position_;
  ByteView frame_;
  bool skips_oversize_;
  State state_ = State::ready;
  Verdict failure_ = Verdict::open;  // failed: why
};

}  // namespace twister
