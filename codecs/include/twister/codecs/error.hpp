// twister/codecs/error.hpp - what can be wrong with bytes, and the few conditions to decide by.
//
//   if (reason.code == twister::Condition::limit) ...         // decide by the condition
//   log(error.message());                                     // log the code and its numbers
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <type_traits>

namespace twister {

// Few, for decisions. Every error code of twister, from any layer, compares equal to at most one of
// them. They live in the lowest layer because every layer has to speak them.
enum class Condition {
  gone = 1,   // the peer or the path to it is no longer there
  limit,      // a configured limit was reached
  malformed,  // bytes or messages that break their format
  timed_out,  // a deadline passed
  refused,    // not allowed, or not accepted
};

// Many, for logs.
enum class CodecErrc {
  frame_too_long = 1,     // limit      over max_frame_bytes, or more than the length field can say
  line_too_long,          // limit      over max_line_bytes
  bad_length,             // malformed  a length that is missing, or smaller than what it counts
  embedded_delimiter,     // malformed  encode: the body holds what ends a frame
  truncated,              // malformed  the stream ended inside a message
  malformed_json,         // malformed  not one JSON text
  too_deep,               // limit      nested over max_depth
  invalid_utf8,           // malformed  text that is not UTF-8
  number_out_of_range,    // malformed  a number that no 64-bit integer or double holds
  malformed_protobuf,     // malformed  not the wire form of the message type
  unencodable,            // malformed  encode: the message has no form on the wire
  malformed_varint,       // malformed  a length in base 128 that is not minimal, or too long
  malformed_netstring,    // malformed  no length, colon or comma where one has to be
  wrong_size,             // malformed  encode: not the size that every frame has
  malformed_msgpack,      // malformed  not one MessagePack value
  too_many_items,         // limit      over max_items
  unknown_type,           // malformed  a type that was not registered
  bad_checksum,           // malformed  a checksum that is not that of the bytes
  malformed_compression,  // malformed  not what a compressor wrote
  inflated_too_long,      // limit      over max_inflated_bytes
  malformed_resp,         // malformed  not Redis's protocol
};

// The categories are named "twister.condition" and "twister.codec".
const std::error_category& condition_category() noexcept;
const std::error_category& codec_category() noexcept;

// Found by argument-dependent lookup when an enumerator is compared with, or assigned to, an
// error_code.
std::error_condition make_error_condition(Condition condition) noexcept;
std::error_code make_error_code(CodecErrc code) noexcept;

// A code with the numbers that make it useful in a log. Cheap to return: no text until it is asked
// for.
struct CodecError {
  CodecErrc code{};
  std::uint64_t size = 0;   // what arrived: bytes, levels, or where a mistake shows, from byte 0
  std::uint64_t limit = 0;  // what was allowed, where that is the matter

  explicit operator bool() const noexcept { return code != CodecErrc{}; }
  std::error_code error_code() const noexcept;

  // Such as "frame of 4294967295 bytes exceeds max_frame_bytes 1048576"; empty without an error.
  std::string message() const;

  friend bool operator==(const CodecError&, const CodecError&) = default;
};

}  // namespace twister

template <>
struct std::is_error_condition_enum<twister::Condition> : std::true_type {};
template <>
struct std::is_error_code_enum<twister::CodecErrc> : std::true_type {};
