// twister/codecs/resp_writer.hpp - replies of Redis's protocol, straight into a buffer.
//
//   RespWriter reply(out);
//   reply.array(2);
//   reply.bulk("score");
//   reply.integer(42);
//
// When not to use it: for a reply that is kept or passed on, RespValue (resp_value.hpp) is a value.
#pragma once

#include <cstddef>
#include <cstdint>
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
  explicit RespWriter(ByteBuffer& out) noexcept : out_(out) {}

  void simple(std::string_view text) { line('+', text); }
  // By convention the first word is a code in capitals: "ERR", "WRONGTYPE".
  void error(std::string_view text) { line('-', text); }
  void integer(std::int64_t value) { number(':', value); }
  void bulk(std::string_view bytes);
  void null() { out_.append("$-1\r\n"); }
  // What some commands answer in the place of an array.
  void null_array() { out_.append("*-1\r\n"); }
  // The next `items` items are in it.
  void array(std::size_t items) { number('*', static_cast<std::int64_t>(items)); }

 private:
  void line(char type, std::string_view text);
  void number(char type, std::int64_t value);

  ByteBuffer& out_;
};

}  // namespace twister
