// twister/codecs/any_framing.hpp - a framing that is chosen by its name when the program runs.
//
//   AnyFraming codec("length-prefixed:2le", {.max_frame_bytes = 4096});
//
// When not to use it: where the framing is known when the program is written. LengthPrefixed and
// its kin are inlined, and the compiler knows their options.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include "twister/codecs/codec.hpp"
#include "twister/codecs/content_length.hpp"
#include "twister/codecs/delimited.hpp"
#include "twister/codecs/fixed.hpp"
#include "twister/codecs/json_texts.hpp"
#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/lines.hpp"
#include "twister/codecs/netstring.hpp"
#include "twister/codecs/varint.hpp"

namespace twister {

struct AnyFramingOptions {
  std::optional<std::size_t> max_frame_bytes{};  // unset: the default of the framing
  Oversize on_oversize = Oversize::fail;
};

// The framing that a name says:
//
//   length-prefixed          LengthPrefixed; parameters: the width with be or le behind it (4be),
//                            offset=, adjustment=, strip=, includes-itself
//   lp8 lp16 lp24 lp32 lp64  the same by bits, big endian; lp16le and so on are little endian
//   varint                   Varint; varint:10 takes lengths of 64 bits
//   lines                    Lines that end in LF, or CR and LF, and are sent with LF, or with
//                            send=crlf; lines:lf and lines:crlf are strict in both directions; keep
//   delimited:0d0a,00        Delimited by these bytes, in hexadecimal digits; keep
//   fixed:16                 Fixed
//   netstring                Netstring
//   json-texts               JsonTexts; depth=
//   content-length           ContentLength; header= for the bytes that a header may have
//
// A colon comes before the first parameter and a comma before every other one, in any order:
// "length-prefixed:2be,offset=1,adjustment=-3,strip=3", "lines:crlf,keep".
//
// Limits, Errors, Ownership: those of the framing. Copies are independent: one made from the name
//   is copied for each connection.
class AnyFraming {
 public:
  using Message = ByteView;
  using Received = ByteView;

  // Throws std::invalid_argument for a bad name: its text says what is wrong with it, at which
  // character, and what names there are.
  explicit AnyFraming(std::string_view name, const AnyFramingOptions& options = {});

  DecodeResult decode(ByteView input) {
    return std::visit([&](auto& framing) { return framing.decode(input); }, framing_);
  }
  ByteView message() const noexcept {
    return std::visit([](const auto& framing) { return framing.message(); }, framing_);
  }

  CodecError encode(ByteView message, ByteBuffer& out) const {
    return std::visit([&](const auto& framing) { return framing.encode(message, out); }, framing_);
  }
  std::size_t begin_frame(ByteBuffer& out) const {
    return std::visit([&](const auto& framing) { return framing.begin_frame(out); }, framing_);
  }
  CodecError end_frame(ByteBuffer& out, std::size_t mark) const {
    return std::visit([&](const auto& framing) { return framing.end_frame(out, mark); }, framing_);
  }

  CodecError finish(ByteView rest) const noexcept {
    return std::visit([&](const auto& framing) { return framing.finish(rest); }, framing_);
  }

  // What names there are and their parameters, commas between them, for a program's --help.
  static std::string_view names() noexcept;

 private:
  std::variant<LengthPrefixed, Varint, Lines, Delimited, Fixed, Netstring, JsonTexts, ContentLength>
      framing_;
};

}  // namespace twister
