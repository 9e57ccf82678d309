// twister/shared_bytes.hpp - bytes that are encoded once and sent to many.
//
//   twister::SharedBytes snapshot(encode(world));
//   for (Player* player : room) player->write(snapshot);  // no copy of a large snapshot
//
// Not for a message with one receiver: write() takes a view and copies what it must.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <twister/codecs/byte_buffer.hpp>
#include <twister/codecs/byte_view.hpp>

namespace twister {

// An immutable, reference-counted run of bytes.
//
// Threads: the bytes never change, so copies may be used on any thread.
class SharedBytes {
 public:
  SharedBytes() = default;
  // Takes over a string, without a copy.
  explicit SharedBytes(std::string bytes)
      : owner_(std::make_shared<const std::string>(std::move(bytes))), view_(as_bytes(*owner_)) {}
  // Copies `bytes` once.
  explicit SharedBytes(ByteView bytes) : SharedBytes(std::string(as_text(bytes))) {}

  ByteView view() const noexcept { return view_; }
  std::size_t size() const noexcept { return view_.size(); }
  bool empty() const noexcept { return view_.empty(); }

 private:
  std::shared_ptr<const std::string> owner_;
  ByteView view_;
};

}  // namespace twister
