// twister/codecs/detail/rollback.hpp - takes back what was appended to a buffer, unless all went well.
#pragma once

#include <cstddef>

#include "twister/codecs/byte_buffer.hpp"
#include "twister/codecs/error.hpp"

namespace twister::detail {

// For who appends more than once: an error takes back what is in the buffer already, and so does an
// exception, for want of memory.
//
//   Rollback rollback(out);
//   out.append(header);
//   return rollback.keep_unless(append_body(out));
class Rollback {
 public:
  explicit Rollback(ByteBuffer& out) noexcept : Rollback(out, out.size()) {}
  // Of what has been appended since `out` had `size` bytes.
  Rollback(ByteBuffer& out, std::size_t size) noexcept : out_(out), size_(size) {}
  ~Rollback() {
    if (!kept_) out_.truncate(size_);
  }
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;

  void keep() noexcept { kept_ = true; }
  // Gives the error on.
  CodecError keep_unless(const CodecError& error) noexcept {
    kept_ = !error;
    return error;
  }

 private:
  ByteBuffer& out_;
  std::size_t size_;
  bool kept_ = false;
};

}  // namespace twister::detail
