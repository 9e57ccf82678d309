#include "twister/codecs/detail/protobuf_store.hpp"

#include <algorithm>

#include "twister/codecs/detail/protobuf_bytes.hpp"

namespace twister::detail {

CodecError ProtobufStore::parse(const ProtobufType& type, ByteView bytes) {
  forget();
  if (slots_.size() <= type.index) {
    slots_.resize(types_->size());
  }
  Slot& slot = slots_[type.index];
  if (slot.message == nullptr) {
    slot.message.reset(type.prototype->New());
  }
  const std::size_t longest = std::max(slot.longest, bytes.size());
  kept_bytes_ += longest - slot.longest;
  slot.longest = longest;
  type_ = &type;
  return parse_protobuf(*slot.message, bytes);
}

void ProtobufStore::release() noexcept {
  slots_.clear();  // keeps its own memory
  kept_bytes_ = 0;
}

}  // namespace twister::detail
