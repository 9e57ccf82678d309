// msgpack_writer.hpp - a nlohmann::json as MessagePack, straight into a ByteBuffer.
//
// nlohmann's own to_msgpack() recurses as deep as the value is nested, takes strings that are not
// UTF-8, and cuts what it has no form for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "twister/codecs/byte_buffer.hpp"
#include "twister/codecs/msgpack.hpp"

namespace twister::detail {

// For one value. Appends to `out` as it goes; after an error what was appended is for the caller to
// take back. Does not recurse: what is open is in a list, which allocates beyond 16 levels only.
class MsgpackWriter {
 public:
  MsgpackWriter(ByteBuffer& out, const MsgpackOptions& options) : out_(out), options_(options) {
    open_.reserve(usual_depth);
  }

  CodecError write(const nlohmann::json& root);

 private:
  using json = nlohmann::json;

  // An array or object of which the header and all before `next` are written.
  struct Level {
    const json* container;
    json::const_iterator next;
  };

  CodecError write_value(const json& value);
  void write_unsigned(std::uint64_t number);
  void write_signed(std::int64_t number);
  void write_double(double number);
  CodecError write_string(ByteView bytes);
  CodecError write_binary(const json::binary_t& binary);
  void write_ext_header(std::size_t bytes, std::uint64_t type);
  CodecError open(const json& container);

  bool sends_raw() const noexcept { return options_.forms == MsgpackForms::raw; }
  void put(std::uint8_t type, std::size_t width = 0, std::uint64_t number = 0);
  void put_narrowest(std::uint8_t type, std::size_t width, std::uint64_t number);

  static constexpr std::size_t usual_depth = 16;

  ByteBuffer& out_;
  MsgpackOptions options_;
  std::uint64_t items_ = 0;  // elements and pairs of all that was opened
  alignas(Level) std::array<std::byte, usual_depth * sizeof(Level)> room_;
  std::pmr::monotonic_buffer_resource memory_{room_.data(), room_.size()};
  std::pmr::vector<Level> open_{&memory_};  // outermost first
};

}  // namespace twister::detail
