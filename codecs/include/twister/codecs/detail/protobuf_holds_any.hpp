// twister/codecs/detail/protobuf_holds_any.hpp - which protobuf messages may not be printed as JSON.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <google/protobuf/descriptor.h>

namespace twister::detail {

// A message of this type may have a google.protobuf.Any somewhere within, extensions included. protobuf
// prints an Any that is in an Any by a call within a call, without any limit: who has sent the message
// would choose how deep.
inline bool may_hold_any(const google::protobuf::Descriptor& type) {
  std::vector<const google::protobuf::Descriptor*> found = {&type};
  const auto add = [&found](const google::protobuf::FieldDescriptor* field) {
    const auto* const within = field->message_type();
    if (within != nullptr && std::find(found.begin(), found.end(), within) == found.end()) {
      found.push_back(within);
    }
  };
  for (std::size_t i = 0; i < found.size(); ++i) {
    const google::protobuf::Descriptor& each = *found[i];
    if (each.full_name() == "google.protobuf.Any") return true;
    for (int field = 0; field < each.field_count(); ++field) add(each.field(field));
    std::vector<const google::protobuf::FieldDescriptor*> extensions;
    type.file()->pool()->FindAllExtensions(&each, &extensions);
    for (const auto* const extension : extensions) add(extension);
  }
  return false;
}

}  // namespace twister::detail
