// Input: options, cut, then a stream of frames; and, as one frame, compared with what protobuf's own Any
// makes of it.
#include <google/protobuf/any.pb.h>
#include <google/protobuf/unknown_field_set.h>

#include "twister/codecs/protobuf_any.hpp"

#include "protobuf_family.hpp"

namespace {

bool has_groups(const google::protobuf::Any& any) {
  const google::protobuf::UnknownFieldSet& fields = any.GetReflection()->GetUnknownFields(any);
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).type() == google::protobuf::UnknownField::TYPE_GROUP) {
      return true;
    }
  }
  return false;
}

// What the frame says, or nothing when it has to be refused.
std::string read(std::string_view frame) {
  using namespace twister;
  google::protobuf::Any any;
  if (!any.ParseFromArray(frame.data(), static_cast<int>(frame.size())) || has_groups(any)) {
    return "";
  }
  const std::string& url = any.type_url();
  const std::size_t slash = url.rfind('/');
  for (std::size_t i = 0; i < fuzz::types().size(); ++i) {
    const ProtobufType& type = fuzz::types()[i];
    if (slash != url.npos && url.substr(slash + 1) == type.name) {
      return fuzz::parsed_by_protobuf(type, any.value());
    }
  }
  return "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  google::protobuf::SetLogHandler(nullptr);
  const ProtobufAny payload(fuzz::types());
  fuzz::compare_cuts_of(payload, fuzz::Choices(data, size));

  fuzz::Choices choices(data, size);
  choices.next();
  choices.next();
  fuzz::expect_frame(payload, choices.rest(), read(choices.rest()));
  return 0;
}
