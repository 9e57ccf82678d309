#include "twister/codecs/error.hpp"

namespace twister {

namespace {

std::string text(Condition condition) {
  switch (condition) {
    case Condition::gone:
      return "the peer is gone";
    case Condition::limit:
      return "a limit was reached";
    case Condition::malformed:
      return "malformed input";
    case Condition::timed_out:
      return "timed out";
    case Condition::refused:
      return "refused";
  }
  return "unknown condition";
}

std::string text(CodecErrc code) {
  switch (code) {
    case CodecErrc::frame_too_long:
      return "frame too long";
    case CodecErrc::line_too_long:
      return "line too long";
    case CodecErrc::bad_length:
      return "length missing, or smaller than what it counts";
    case CodecErrc::embedded_delimiter:
      return "message holds its own delimiter";
    case CodecErrc::truncated:
      return "stream ended inside a message";
    case CodecErrc::malformed_json:
      return "malformed JSON";
    case CodecErrc::too_deep:
      return "nested too deeply";
    case CodecErrc::invalid_utf8:
      return "invalid UTF-8";
    case CodecErrc::number_out_of_range:
      return "number out of range";
    case CodecErrc::malformed_protobuf:
      return "malformed protobuf message";
    case CodecErrc::unencodable:
      return "message has no form on the wire";
    case CodecErrc::malformed_varint:
      return "malformed varint";
    case CodecErrc::malformed_netstring:
      return "malformed netstring";
    case CodecErrc::wrong_size:
      return "message is not of the size of a frame";
    case CodecErrc::malformed_msgpack:
      return "malformed MessagePack";
    case CodecErrc::too_many_items:
      return "too many items";
    case CodecErrc::unknown_type:
      return "unknown message type";
    case CodecErrc::bad_checksum:
      return "bad checksum";
    case CodecErrc::malformed_compression:
      return "malformed compressed data";
    case CodecErrc::inflated_too_long:
      return "too long once inflated";
    case CodecErrc::malformed_resp:
      return "malformed RESP";
  }
  return "unknown codec error";
}

Condition condition_of(CodecErrc code) noexcept {
  switch (code) {
    case CodecErrc::frame_too_long:
    case CodecErrc::line_too_long:
    case CodecErrc::too_deep:
    case CodecErrc::too_many_items:
    case CodecErrc::inflated_too_long:
      return Condition::limit;
    default:
      return Condition::malformed;
  }
}

class ConditionCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "twister.condition"; }
  std::string message(int value) const override { return text(static_cast<Condition>(value)); }
  // What the system says of a connection has a condition too; twister's own codes name theirs.
  bool equivalent(const std::error_code& code, int value) const noexcept override {
    switch (static_cast<Condition>(value)) {
      case Condition::gone:
        return code == std::errc::connection_reset || code == std::errc::connection_aborted ||
               code == std::errc::broken_pipe || code == std::errc::not_connected;
      case Condition::timed_out:
        return code == std::errc::timed_out;
      case Condition::refused:
        return code == std::errc::connection_refused || code == std::errc::permission_denied;
      default:
        return false;
    }
  }
};

class CodecCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "twister.codec"; }
  std::string message(int value) const override { return text(static_cast<CodecErrc>(value)); }
  std::error_condition default_error_condition(int value) const noexcept override {
    return condition_of(static_cast<CodecErrc>(value));
  }
};

}  // namespace

const std::error_category& condition_category() noexcept {
  static const ConditionCategory category;
  return category;
}

const std::error_category& codec_category() noexcept {
  static const CodecCategory category;
  return category;
}

std::error_condition make_error_condition(Condition condition) noexcept {
  return {static_cast<int>(condition), condition_category()};
}

std::error_code make_error_code(CodecErrc code) noexcept {
  return {static_cast<int>(code), codec_category()};
}

std::error_code CodecError::error_code() const noexcept {
  return code == CodecErrc{} ? std::error_code() : make_error_code(code);
}

std::string CodecError::message() const {
  if (!*this) {
    return "";
  }
  const std::string number = std::to_string(size);
  const std::string bound = std::to_string(limit);
  switch (code) {
    case CodecErrc::frame_too_long:
      return "frame of " + number + " bytes exceeds max_frame_bytes " + bound;
    case CodecErrc::line_too_long:
      return "line of at least " + number + " bytes exceeds max_line_bytes " + bound;
    case CodecErrc::bad_length:
      return limit == 0 ? "no length where one has to be, at byte " + number
                        : "length " + number +
                              " is smaller than the least that is possible here, " + bound;
    case CodecErrc::embedded_delimiter:
      return "message of " + number + " bytes holds its own delimiter";
    case CodecErrc::truncated:
      return "stream ended inside a message, " + number + " bytes into it";
    case CodecErrc::malformed_json:
      return "malformed JSON at byte " + number;
    case CodecErrc::too_deep:
      return "nesting of at least " + number + " levels exceeds max_depth " + bound;
    case CodecErrc::invalid_utf8:
      return "invalid UTF-8 at byte " + number;
    case CodecErrc::malformed_protobuf:
      return "malformed protobuf message of " + number + " bytes";
    case CodecErrc::malformed_varint:
      return "malformed varint of at most " + bound + " bytes at byte " + number;
    case CodecErrc::wrong_size:
      return "message of " + number + " bytes where every frame has " + bound;
    case CodecErrc::malformed_msgpack:
      return "malformed MessagePack at byte " + number;
    case CodecErrc::too_many_items:
      return "at least " + number + " items exceed max_items " + bound;
    case CodecErrc::unknown_type:
      // A number, or how long a name is: what a peer calls it does not belong into a log.
      return limit == 0 ? "unknown message type " + number
                        : "unknown message type, a name of " + number + " bytes";
    case CodecErrc::bad_checksum:
      return "bad checksum of a frame of " + number + " bytes";
    case CodecErrc::malformed_compression:
      return "malformed compressed data at byte " + number;
    case CodecErrc::inflated_too_long:
      return "at least " + number + " inflated bytes exceed max_inflated_bytes " + bound;
    case CodecErrc::malformed_resp:
      return "malformed RESP at byte " + number;
    default:
      return text(code);
  }
}

}  // namespace twister
