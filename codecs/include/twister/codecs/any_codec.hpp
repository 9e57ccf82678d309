// twister/codecs/any_codec.hpp - a framing and a payload that are chosen by name, at run time (target
// twister::json).
//
//   AnyCodec codec("length-prefixed:4le/msgpack", {.max_frame_bytes = 64 * 1024});
//   AnyCodec lines("jsonl");                                       // lines/json
//
// For tools, tests and configurations. When not to use it: where the program knows its codec.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "twister/codecs/any_framing.hpp"
#include "twister/codecs/any_payload.hpp"
#include "twister/codecs/framed.hpp"

namespace twister {

struct AnyCodecOptions {
  std::optional<std::size_t> max_frame_bytes{};  // unset: the default of the framing
  Oversize on_oversize = Oversize::fail;
  BadPayload on_bad_payload = BadPayload::fail;
  AnyPayloadOptions payload{};
};

// FRAMING/PAYLOAD, a framing alone (its frames are then bytes), or a short name:
//
//   jsonl       lines/json
//   msgpack     length-prefixed:4be/msgpack
//
// The names of framings are those of AnyFraming, lp32 and its like among them, the names of payloads
// those of AnyPayload. Messages are values as AnyPayload makes them.
//
// Limits, Errors, Ownership: those of the two.
class AnyCodec : public Framed<AnyFraming, AnyPayload> {
 public:
  // Throws std::invalid_argument, with the names that there are, for one that is unknown.
  explicit AnyCodec(std::string_view name, const AnyCodecOptions& options = {});
  AnyCodec(std::string_view name, const AnyCodecOptions& options, const PayloadNames& names);

  // All that a name can be made of, in a few lines of text, for a program's --help.
  static std::string help(const PayloadNames& names = {});
};

}  // namespace twister
