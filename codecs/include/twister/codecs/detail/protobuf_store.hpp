// twister/codecs/detail/protobuf_store.hpp - where the payloads of several protobuf types keep what
// they receive.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <google/protobuf/message_lite.h>

#include "twister/codecs/byte_view.hpp"
#include "twister/codecs/error.hpp"
#include "twister/codecs/protobuf_types.hpp"

namespace twister::detail {

// One message of each type that has come, made for the first and reused, with the memory of its
// fields, for those that follow.
//
// Limits: the messages are freed by forget(), and before another is read, when the longest frames
//   of each type that are in them add up to more than kept_frame_bytes.
// Memory: 48 bytes; from the first message on, 16 for each type of the table; and the messages.
class ProtobufStore {
 public:
  // Twice what Protobuf<T> keeps: some small types go on without allocating, and an idle connection
  // holds no more for having many. Fields can take some forty times the bytes that announce them.
  static constexpr std::size_t kept_frame_bytes = 2048;

  explicit ProtobufStore(const ProtobufTypes& types) noexcept : types_(&types) {}
  ProtobufStore(ProtobufStore&&) noexcept = default;
  ProtobufStore& operator=(ProtobufStore&&) noexcept = default;
  // A factory copies a codec for each connection: the copy begins with nothing received.
  ProtobufStore(const ProtobufStore& other) noexcept : types_(other.types_) {}
  ProtobufStore& operator=(const ProtobufStore& other) noexcept {
    return *this = ProtobufStore(other);
  }
  ~ProtobufStore() = default;

  const ProtobufTypes& types() const noexcept { return *types_; }

  CodecError parse(const ProtobufType& type, ByteView bytes);
  // What the last parse() without an error read.
  ReceivedProtobuf message() const noexcept { return {*type_, *slots_[type_->index].message}; }
  void forget() noexcept {
    if (kept_bytes_ > kept_frame_bytes) {
      release();
    }
  }

 private:
  struct Slot {
    std::unique_ptr<google::protobuf::MessageLite> message;
    std::size_t longest = 0;  // of the frames that were read into it
  };

  void release() noexcept;

  const ProtobufTypes* types_;
  const ProtobufType* type_ = nullptr;
  std::vector<Slot> slots_;
  std::size_t kept_bytes_ = 0;  // the slots' longest, added up
};

}  // namespace twister::detail
