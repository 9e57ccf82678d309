// twister/codecs/byte_buffer.hpp - a queue of bytes in one contiguous block.
//
//   ByteBuffer buffer;
//   buffer.append("hello ");
//   std::span<std::byte> room = buffer.prepare(4096);      // receive straight into it ...
//   buffer.commit(receive_into(room));                     // ... and keep what arrived
//   buffer.consume(codec.decode(buffer.view()).consumed);
//
// When not to use it: for bytes that are only looked at, pass a ByteView.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "twister/codecs/byte_view.hpp"
#include "twister/codecs/detail/check.hpp"

namespace twister {

// Bytes enter at the back and leave at the front.
//
//            consumed            content             room
//        +--------------+=====================+---------------+
//        |              |                     |               |
//        +--------------+=====================+---------------+
//        0           begin_                 end_          capacity_
//
// Cost: append, consume and prepare are amortised O(1) a byte. Content is moved to the front of the
//   block only when at least as many bytes have been consumed as would be moved. New memory is not
//   cleared.
// Memory: none until the first byte. Whenever consuming empties the buffer, a block larger than
//   `kept_capacity` is freed; one that never quite empties shrinks when it runs out of room with
//   less than a quarter in use. So one large message does not pin memory for the rest of a
//   connection.
// Ownership: views and pointers into the content last until the next call that is not const.
// Threads: none of its own; one thread at a time.
// Errors: std::bad_alloc or std::length_error when there is no memory, the content then unchanged.
//   Breaking a precondition ("at most") is a caller's bug and aborts, in release builds too.
class ByteBuffer {
 public:
  // Kept by an empty buffer: enough that small messages do not visit the allocator each time, and
  // little enough that 100 000 quiet connections keep no more than 25 MB.
  static constexpr std::size_t kept_capacity = 256;

  ByteBuffer() noexcept = default;
  ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    ByteBuffer(std::move(other)).swap(*this);
    return *this;
  }
  // No copies: nobody wants one by accident. append(other.view()) says it.
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ~ByteBuffer() = default;

  // Adds a copy of `bytes` at the back. They may be a view into this buffer's own content.
  void append(ByteView bytes) { append(bytes, ByteView()); }
  void append(std::string_view text) { append(as_bytes(text)); }

  // Adds `first`, then `second`, growing once: a header and a body, a line and its end.
  void append(ByteView first, ByteView second) {
    if (first.size() > capacity_ - end_ || second.size() > capacity_ - end_ - first.size())
        [[unlikely]] {
      append_growing(first, second);
    } else {
      append_in_room(first, second);
    }
  }

  void push_back(std::byte byte) {
    prepare(1)[0] = byte;
    ++end_;
  }

  // Drops `count` bytes from the front, at most size().
  void consume(std::size_t count) {
    detail::check(count <= size(), "ByteBuffer::consume: more than there is");
    begin_ += count;
    if (begin_ == end_) {
      begin_ = end_ = 0;
      if (capacity_ > kept_capacity) {
        release();
      }
    }
  }

  // Writable room for `count` bytes behind the content, uninitialised. It becomes content by
  // commit().
  std::span<std::byte> prepare(std::size_t count) {
    if (count > capacity_ - end_) [[unlikely]] {
      make_room(count);
    }
    return {storage_.get() + end_, count};
  }

  // Makes the first `count` prepared bytes content.
  void commit(std::size_t count) {
    detail::check(count <= capacity_ - end_, "ByteBuffer::commit: more than was prepared");
    end_ += count;
  }

  // Drops bytes from the back until `new_size` are left, at most size(): takes back what was
  // appended.
  void truncate(std::size_t new_size) {
    detail::check(new_size <= size(), "ByteBuffer::truncate: more than there is");
    end_ = begin_ + new_size;
  }

  // Makes room for a content of `count` bytes in all; exact, for when the final size is known.
  void reserve(std::size_t count) {
    if (count > size()) {
      prepare(count - size());
    }
  }

  // Drops the content and keeps the memory.
  void clear() noexcept { begin_ = end_ = 0; }

  // Drops the content and gives the memory back.
  void release() noexcept {
    storage_.reset();
    begin_ = end_ = capacity_ = 0;
  }

  bool empty() const noexcept { return begin_ == end_; }
  std::size_t size() const noexcept { return end_ - begin_; }
  // Bytes that can be appended or prepared without moving the content.
  std::size_t room() const noexcept { return capacity_ - end_; }
  // Bytes of memory held.
  std::size_t capacity() const noexcept { return capacity_; }
  ByteView view() const noexcept { return {storage_.get() + begin_, size()}; }
  std::byte* data() noexcept { return storage_.get() + begin_; }

  void swap(ByteBuffer& other) noexcept {
    std::swap(storage_, other.storage_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  static void copy(std::byte* to, ByteView from) noexcept {
    if (!from.empty()) {  // memcpy must not see a null pointer, even for no bytes
      std::memcpy(to, from.data(), from.size());
    }
  }

  void append_in_room(ByteView first, ByteView second) noexcept {
    copy(storage_.get() + end_, first);
    copy(storage_.get() + end_ + first.size(), second);
    end_ += first.size() + second.size();
  }

  void append_growing(ByteView first, ByteView second);
  void make_room(std::size_t count);
  void move_to_new_block(std::size_t capacity);

  std::unique_ptr<std::byte[]> storage_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace twister
