#include "output_queue.hpp"

#include <algorithm>
#include <utility>

namespace twister::detail {
namespace {

// A reference costs an entry in the vector and one in the gathered send; below about a kilobyte a
// copy is cheaper.
constexpr std::size_t min_shared_bytes = 1024;

}  // namespace

void OutputQueue::append(ByteView bytes) {
  tail().append(bytes);
  commit_tail();
}

void OutputQueue::append(const SharedBytes& bytes) {
  if (bytes.size() < min_shared_bytes) return append(bytes.view());
  rest_.push_back(Segment{.own = {}, .shared = bytes, .sent = 0, .droppable = false});
  size_ += bytes.size();
}

void OutputQueue::append_droppable(const SharedBytes& bytes) {
  rest_.push_back(Segment{.own = {}, .shared = bytes, .sent = 0, .droppable = true});
  size_ += bytes.size();
}

std::size_t OutputQueue::drop_oldest(std::size_t bytes) noexcept {
  std::size_t dropped = 0;
  std::size_t messages = 0;
  for (std::size_t i = rest_begin_; i < rest_.size() && dropped < bytes; ++i) {
    Segment& segment = rest_[i];
    if (!segment.droppable || segment.sent > 0 || segment.shared.empty()) continue;
    dropped += segment.shared.size();
    ++messages;
    segment = Segment{};
  }
  size_ -= dropped;
  return messages;
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
    rest_begin_ = 0;
  }
}

}  // namespace twister::detail
