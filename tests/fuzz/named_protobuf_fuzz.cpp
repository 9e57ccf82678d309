// Input: options, cut, then a stream of frames; and, as one frame whose checksum is put right unless the
// options say otherwise, compared with a straight reading of muduo's format.
#include <string>

#include "twister/codecs/detail/adler32.hpp"
#include "twister/codecs/named_protobuf.hpp"

#include "protobuf_family.hpp"

namespace {

std::uint32_t be32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes.substr(0, 4)) {
    value = value << 8 | static_cast<unsigned char>(byte);
  }
  return value;
}

// Adler-32 as RFC 1950 defines it, with a division for each byte.
std::uint32_t adler32(std::string_view bytes) {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const char byte : bytes) {
    a = (a + static_cast<unsigned char>(byte)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

// What the frame says, or nothing when it has to be refused.
std::string read(std::string_view frame) {
  using namespace twister;
  if (frame.size() < 10 ||
      be32(frame.substr(frame.size() - 4)) != adler32(frame.substr(0, frame.size() - 4))) {
    return "";
  }
  const std::uint64_t name_bytes = be32(frame);
  if (name_bytes < 2 || name_bytes > frame.size() - 8) {
    return "";
  }
  const std::string_view name = frame.substr(4, name_bytes);
  const std::string_view body = frame.substr(4 + name_bytes, frame.size() - 8 - name_bytes);
  for (std::size_t i = 0; i < fuzz::types().size(); ++i) {
    const ProtobufType& type = fuzz::types()[i];
    if (name == type.name + '\0') {
      return fuzz::parsed_by_protobuf(type, body);
    }
  }
  return "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  google::protobuf::SetLogHandler(nullptr);
  const NamedProtobuf payload(fuzz::types());
  fuzz::compare_cuts_of(payload, fuzz::Choices(data, size));

  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  choices.next();
  std::string frame(choices.rest());
  if ((flags & 4u) == 0) {  // or nothing would ever get past the checksum
    ByteBuffer summed;
    summed.append(frame);
    detail::append_checksum(summed, 0);
    frame = as_text(summed.view());
  }
  fuzz::expect_frame(payload, frame, read(frame));
  return 0;
}
