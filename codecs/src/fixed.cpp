#include "twister/codecs/fixed.hpp"

#include <stdexcept>

namespace twister {

Fixed::Fixed(std::size_t frame_bytes) : frame_bytes_(frame_bytes) {
  if (frame_bytes == 0) {
    throw std::invalid_argument("Fixed: frame_bytes must not be 0");
  }
}

CodecError Fixed::end_frame(ByteBuffer& out, std::size_t mark) const {
  const std::size_t size = out.size() - mark;
  if (size != frame_bytes_) {
    out.truncate(mark);
    return {CodecErrc::wrong_size, size, frame_bytes_};
  }
  return {};
}

CodecError Fixed::finish(ByteView rest) const noexcept {
  return rest.empty() ? CodecError{} : CodecError{CodecErrc::truncated, rest.size()};
}

}  // namespace twister
