// Input: options, cut, then a stream of frames; and, as one frame, compared with what protobuf makes of
// the message behind the tag.
#include "twister/codecs/tagged_protobuf.hpp"

#include "protobuf_family.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  google::protobuf::SetLogHandler(nullptr);
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  const bool little = (flags & 4u) != 0;
  const TaggedProtobuf payload(
      fuzz::types(), {.tag_bytes = 4, .order = little ? ByteOrder::little : ByteOrder::big});
  fuzz::compare_cuts_of(payload, fuzz::Choices(data, size));

  choices.next();
  const std::string_view frame = choices.rest();
  if (frame.size() < 4) {
    fuzz::expect_frame(payload, frame, "");
    return 0;
  }
  std::uint32_t tag = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    tag |= std::uint32_t{static_cast<unsigned char>(frame[i])} << 8 * (little ? i : 3 - i);
  }
  const ProtobufType* found = nullptr;
  for (std::size_t i = 0; i < fuzz::types().size(); ++i) {
    if (fuzz::types()[i].tag == tag) {
      found = &fuzz::types()[i];
    }
  }
  fuzz::expect_frame(payload, frame,
                     found == nullptr ? "" : fuzz::parsed_by_protobuf(*found, frame.substr(4)));
  return 0;
}
