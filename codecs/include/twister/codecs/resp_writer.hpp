// twister/codecs/resp_writer.hpp - replies of Redis's protocol, straight into a buffer.
//
//   RespWriter reply(out);
//   reply.array(2);
//   reply.bulk("score");
//   reply.integer(42);
//
// When not to use it: for a reply that is kept or passed on, RespValue (resp_value.hpp) is a value.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "twister/codecs/byte_buffer.hpp"

namespace twister {

// Appends one item a call.
//
//      simple("OK")      + O K \r \n             integer(42)   : 4 2 \r \n
//      error("ERR no")   - E R R   n o \r \n     null()        $ - 1 \r \n
//      bulk("a\nb")      $ 3 \r \n a \n b \r \n  null_array()  * - 1 \r \n
//      array(2)          * 2 \r \n               and then two items, which may be arrays again
//
// Nothing can fail but memory. A carriage return or line feed in a simple string or an error, which
// would end it early and let whoever chose the text write a reply of his own, becomes a blank, as in
// Redis; what may hold any byte is bulk().
//
// Limits: none are judged here; what is too long for the other side is for the caller to know.
// Ownership: refers to the buffer. A text may be part of the buffer's own content in bulk() alone.
class RespWriter {
 public:
  explicit RespWriter(ByteBuffer& out) noexcept : out_(out), begin_(out.size()) {}

  void simple(std::string_view text) { line('+', text); }
  // By convention the first word is a code in capitals: "ERR", "WRONGTYPE".
  void error(std::string_view text) { line('-', text); }
  // Of any type that 64 bits with a sign can hold; sizes too.
  void integer(std::integral auto value) { number(':', static_cast<std::int64_t>(value)); }
  void bulk(std::string_view bytes);
  void null() { out_.append("$-1\r\n"); }
  // What some commands answer in the place of an array.
  void null_array() { out_.append("*-1\r\n"); }
  // The next `items` items are in it.
  void array(std::size_t items) { number('*', static_cast<std::int64_t>(items)); }
  // An array of bulk strings, as commands are too.
  void strings(std::span<const std::string_view> items);
  void strings(std::initializer_list<std::string_view> items) {
    strings(std::span(items.begin(), items.size()));
  }

  // Bytes that this writer has written.
  std::size_t size() const noexcept { return out_.size() - begin_; }
  // Takes them back, for an error in their place. The buffer must have grown at the back alone.
  void take_back() { out_.truncate(begin_); }

 private:
  void line(char type, std::string_view text);
  void number(char type, std::int64_t value);

  ByteBuffer& out_;
  std::size_t begin_;
};

}  // namespace twister
