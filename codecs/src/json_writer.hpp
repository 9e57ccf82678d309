// json_writer.hpp - a nlohmann::json as one line of text, straight into a ByteBuffer.
//
// nlohmann's own dump() makes a string (and its serializer another, of 512 bytes) for each call,
// writes NaN as null, throws on text that is not UTF-8, and recurses as deep as the value is
// nested.
#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include "twister/codecs/byte_buffer.hpp"
#include "twister/codecs/error.hpp"

namespace twister::detail {

// Appends to `out` as it goes; after an error what was appended is for the caller to take back.
class JsonWriter {
 public:
  JsonWriter(ByteBuffer& out, std::size_t max_depth) : out_(out), max_depth_(max_depth) {}

  // `depth` is the number of arrays and objects around the value. Recurses at most max_depth
  // levels.
  CodecError write(const nlohmann::json& value, std::size_t depth = 0);

 private:
  CodecError write_array(const nlohmann::json::array_t& array, std::size_t depth);
  CodecError write_object(const nlohmann::json::object_t& object, std::size_t depth);
  CodecError write_string(const std::string& text);
  void write_escaped(unsigned character);
  CodecError write_double(double number);
  template <class Integer>
  void write_integer(Integer number);

  ByteBuffer& out_;
  std::size_t max_depth_;
};

}  // namespace twister::detail
