#include "output_queue.hpp"

#include <algorithm>
#include <utility>

namespace twister::detail {
namespace {

// A reference costs an entry in the vector and one in the gathered send; below about a kilobyte a
// copy is cheaper.
constexpr std::size_t min_shared_bytes = 1024;

}  // namespace

ByteBuffer& OutputQueue::tail_of_rest() {
  if (rest_.back().kind != Segment::Kind::own) rest_.emplace_back();
  ByteBuffer& last = rest_.back().own;
  tail_before_ = last.size();
  return last;
}

void OutputQueue::append(ByteView bytes) {
  tail().append(bytes);
  commit_tail();
}

void OutputQueue::append(const SharedBytes& bytes) {
  if (bytes.size() < min_shared_bytes) return append(bytes.view());
  append_reference(bytes, Segment::Kind::shared);
}

void OutputQueue::append_droppable(const SharedBytes& bytes) {
  append_reference(bytes, Segment::Kind::droppable);
}

void OutputQueue::append_reference(const SharedBytes& bytes, Segment::Kind kind) {
  rest_.push_back(Segment{.own = {}, .shared = bytes, .sent = 0, .kind = kind});
  size_ += bytes.size();
}

std::size_t OutputQueue::drop_oldest(std::size_t bytes, const Dropped& dropped) {
  std::size_t gone = 0;
  std::size_t messages = 0;
  drop_begin_ = std::max(drop_begin_, rest_begin_);
  for (; drop_begin_ < rest_.size() && gone < bytes; ++drop_begin_) {
    Segment& segment = rest_[drop_begin_];
    if (segment.kind == Segment::Kind::droppable && segment.sent == 0) {
      const std::size_t size = segment.shared.size();
      if (dropped) dropped(first_.size() + before_drop_begin_, size);
      gone += size + sizeof(Segment);
      size_ -= size;
      ++messages;
      ++dropped_entries_;
      segment = Segment{};
      segment.kind = Segment::Kind::dropped;
    } else {
      // The last buffer of our own may still grow.
      if (segment.kind == Segment::Kind::own && drop_begin_ + 1 == rest_.size()) break;
      before_drop_begin_ += segment.view().size();
    }
  }
  // Entries that were dropped are taken out once they are the half, so that each is passed once or twice.
  if (dropped_entries_ > 16 && dropped_entries_ * 2 > rest_.size() - rest_begin_) forget_dropped();
  return messages;
}

void OutputQueue::forget_dropped() {
  const auto begin = rest_.begin();
  std::size_t kept = rest_begin_;
  std::size_t kept_before_drop_begin = rest_begin_;
  for (std::size_t i = rest_begin_; i < rest_.size(); ++i) {
    if (i == drop_begin_) kept_before_drop_begin = kept;
    if (rest_[i].kind == Segment::Kind::dropped) continue;
    if (kept != i) rest_[kept] = std::move(rest_[i]);
    ++kept;
  }
  drop_begin_ = drop_begin_ >= rest_.size() ? kept : kept_before_drop_begin;
  rest_.erase(begin + static_cast<std::ptrdiff_t>(kept), rest_.end());
  dropped_entries_ = 0;
}

std::size_t OutputQueue::gather(std::span<ByteView> pieces) const noexcept {
  std::size_t count = 0;
  if (!first_.empty()) pieces[count++] = first_.view();
  for (std::size_t i = rest_begin_; i < rest_.size() && count < pieces.size(); ++i) {
    if (const ByteView view = rest_[i].view(); !view.empty()) pieces[count++] = view;
  }
  return count;
}

void OutputQueue::consume(std::size_t bytes) {
  size_ -= bytes;
  if (size_ == 0) return clear();
  const std::size_t from_first = std::min(bytes, first_.size());
  first_.consume(from_first);
  bytes -= from_first;
  while (bytes > 0) {
    Segment& segment = rest_[rest_begin_];
    const std::size_t taken = std::min(bytes, segment.view().size());
    bytes -= taken;
    if (rest_begin_ < drop_begin_) before_drop_begin_ -= taken;
    if (segment.kind == Segment::Kind::dropped) --dropped_entries_;
    if (taken == segment.view().size()) {
      segment = Segment{};
      ++rest_begin_;
    } else if (segment.shared.empty()) {
      segment.own.consume(taken);
    } else {
      segment.sent += taken;
    }
  }
  // Spent entries are dropped once they are half of the vector, so that each is moved once at most.
  if (rest_begin_ > 0 && rest_begin_ * 2 >= rest_.size()) {
    rest_.erase(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(rest_begin_));
    drop_begin_ -= std::min(drop_begin_, rest_begin_);
    rest_begin_ = 0;
  }
}

}  // namespace twister::detail
