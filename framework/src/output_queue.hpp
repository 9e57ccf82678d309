// src/output_queue.hpp - what a connection has written and the kernel has not yet taken.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <twister/codecs/byte_buffer.hpp>
#include <twister/shared_bytes.hpp>

namespace twister::detail {

// A queue of bytes in order: small writes are appended to one buffer, large shared ones are kept by
// reference, and all of them leave together in one gathered send.
class OutputQueue {
 public:
  std::size_t size() const noexcept { return size_; }
  // With what the queue itself needs for pieces that are kept by reference.
  std::size_t held_bytes() const noexcept {
    if (rest_.empty()) [[likely]]
      return size_;
    return size_ + (rest_.size() - rest_begin_ - dropped_entries_) * sizeof(Segment);
  }
  bool empty() const noexcept { return size_ == 0; }

  void append(ByteView bytes);
  void append(const SharedBytes& bytes);
  // Keeps it by reference, whatever its size, so that it can be taken out again.
  void append_droppable(const SharedBytes& bytes);
  // Drops what may be dropped, the oldest first, until `bytes` of held_bytes() are gone or nothing is
  // left of it. What has been sent in part stays. Tells `dropped` how many bytes are before each
  // message, and in it. Returns how many messages were dropped.
  using Dropped = std::function<void(std::size_t before, std::size_t bytes)>;
  std::size_t drop_oldest(std::size_t bytes, const Dropped& dropped = {});
  // The buffer at the end, to encode into; commit_tail() or roll_back_tail() must follow.
  ByteBuffer& tail() {
    if (!rest_.empty()) [[unlikely]]
      return tail_of_rest();
    tail_before_ = first_.size();
    return first_;
  }
  ByteView tail_since_begin() noexcept { return last_buffer().view().subspan(tail_before_); }
  void commit_tail() noexcept { size_ += last_buffer().size() - tail_before_; }
  void roll_back_tail() { last_buffer().truncate(tail_before_); }

  // The first piece; nearly always all there is.
  ByteView front() const noexcept {
    return first_.empty() && rest_begin_ < rest_.size() ? rest_[rest_begin_].view() : first_.view();
  }
  // Fills `pieces` from the front and returns how many it filled.
  std::size_t gather(std::span<ByteView> pieces) const noexcept;
  void consume(std::size_t bytes);
  void clear() noexcept {
    first_.clear();
    if (!rest_.empty()) rest_.clear();
    rest_begin_ = drop_begin_ = before_drop_begin_ = dropped_entries_ = 0;
    size_ = 0;
  }
  // Memory that is held while empty.
  std::size_t capacity() const noexcept {
    return first_.capacity() + rest_.capacity() * sizeof(Segment);
  }
  void release_memory() noexcept {
    first_.release();
    std::vector<Segment>().swap(rest_);
  }

 private:
  // Behind the first buffer: bytes of our own, a reference, or what is left of one that was dropped.
  struct Segment {
    enum class Kind : unsigned char { own, shared, droppable, dropped };
    ByteBuffer own;
    SharedBytes shared;
    std::size_t sent = 0;  // of `shared`
    Kind kind = Kind::own;
    ByteView view() const noexcept {
      return shared.empty() ? own.view() : shared.view().subspan(sent);
    }
  };

  void append_reference(const SharedBytes& bytes, Segment::Kind kind);
  void forget_dropped();

  ByteBuffer& tail_of_rest();
  ByteBuffer& last_buffer() noexcept { return rest_.empty() ? first_ : rest_.back().own; }

  // Almost always the only one, so it needs no vector. Its memory stays while the queue is in the
  // pool.
  ByteBuffer first_;
  std::vector<Segment> rest_;
  std::size_t rest_begin_ = 0;
  // Nothing between rest_begin_ and here may be dropped any more; how many bytes that is.
  std::size_t drop_begin_ = 0;
  std::size_t before_drop_begin_ = 0;
  std::size_t dropped_entries_ = 0;  // from rest_begin_ on
  std::size_t size_ = 0;
  std::size_t tail_before_ = 0;
};

// The idle queues of one loop. An idle connection has none; in the steady state none is allocated.
//
// Limits: keeps at most 1 024 queues and 4 MiB of their buffers: a room of a thousand is served
//   without an allocation, and a burst gives its memory back.
class OutputPool {
 public:
  std::unique_ptr<OutputQueue> acquire() {
    if (idle_.empty()) return std::make_unique<OutputQueue>();
    std::unique_ptr<OutputQueue> queue = std::move(idle_.back());
    idle_.pop_back();
    kept_bytes_ -= queue->capacity();
    return queue;
  }
  void release(std::unique_ptr<OutputQueue> queue) {
    if (idle_.size() >= max_queues) return;
    queue->clear();
    if (kept_bytes_ + queue->capacity() > max_kept_bytes) queue->release_memory();
    kept_bytes_ += queue->capacity();
    idle_.push_back(std::move(queue));
  }

 private:
  static constexpr std::size_t max_queues = 1024;
  static constexpr std::size_t max_kept_bytes = 4 * 1024 * 1024;

  std::vector<std::unique_ptr<OutputQueue>> idle_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace twister::detail
