// msgpack_reader.hpp - one MessagePack value to a nlohmann::json.
//
// nlohmann's own from_msgpack() recurses as deep as its input is nested, and takes strings that are
// not UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "twister/codecs/byte_view.hpp"
#include "twister/codecs/msgpack.hpp"

namespace twister::detail {

// For one frame. Does not recurse: what is open is in a list.
class MsgpackReader {
 public:
  MsgpackReader(ByteView frame, const MsgpackOptions& options)
      : frame_(frame), rest_(frame), options_(options) {}

  // After an error `root` holds the part that was built.
  CodecError read(nlohmann::json& root);

 private:
  using json = nlohmann::json;

  // An array or object that is not complete.
  struct Level {
    json* container;
    std::uint64_t left;  // elements or pairs that are still to come
  };

  // Each reads one thing from the front of what is left.
  CodecError read_value(json& place);
  CodecError read_typed(std::uint8_t type, json& place);
  CodecError read_string(std::uint64_t bytes, json& place);
  CodecError read_binary(std::uint64_t bytes, json& place);
  CodecError read_ext(std::uint64_t bytes, json& place);
  CodecError read_key(std::string_view& key);
  CodecError take_text(std::uint64_t bytes, std::string_view& text);
  bool take_number(std::size_t width, std::uint64_t& number);

  static CodecError keep_unsigned(std::uint64_t number, json& place);
  static CodecError keep_signed(std::size_t width, std::uint64_t bits, json& place);
  static CodecError keep_real(std::size_t width, std::uint64_t bits, json& place);

  CodecError open(json::value_t type, std::uint64_t count, json& place);
  // Where the next value goes, which in an object is behind its key; null when the root is complete.
  CodecError find_next(json*& place);

  std::uint8_t begin_value();
  std::size_t position() const noexcept { return frame_.size() - rest_.size(); }
  CodecError malformed() const noexcept { return {CodecErrc::malformed_msgpack, value_at_}; }

  ByteView frame_;
  ByteView rest_;
  MsgpackOptions options_;
  std::size_t value_at_ = 0;  // where the value that is being read begins
  std::uint64_t items_ = 0;   // elements and pairs announced so far
  std::uint64_t owed_ = 0;    // values that the open levels still wait for: a byte each at least
  std::vector<Level> open_;   // outermost first
};

}  // namespace twister::detail
