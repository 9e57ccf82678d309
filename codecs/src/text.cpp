#include "twister/codecs/text.hpp"

#include "utf8.hpp"

namespace twister {

namespace {

CodecError check(ByteView text) noexcept {
  const std::size_t valid = detail::utf8_prefix_bytes(text);
  return valid < text.size() ? CodecError{CodecErrc::invalid_utf8, valid} : CodecError{};
}

}  // namespace

CodecError Text::decode(ByteView frame) noexcept {
  text_ = as_text(frame);
  return check(frame);
}

CodecError Text::encode(std::string_view text, ByteBuffer& out) const {
  const CodecError error = check(as_bytes(text));
  if (!error) {
    out.append(text);
  }
  return error;
}

}  // namespace twister
