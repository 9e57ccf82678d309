#include "twister/rpc/detail/deadlines.hpp"

namespace twister::detail {

Deadlines::~Deadlines() = default;

void Deadlines::add(Timed& entry, TimePoint due) {
  if (due == TimePoint::max()) return;
  entry.due_ = due;
  heap_.push_back(&entry);
  entry.place_ = static_cast<std::uint32_t>(heap_.size() - 1);
  rise(heap_.size() - 1);
  if (heap_.front()->due_ < armed_for_) arm();
}

void Deadlines::take_out(Timed& entry) noexcept {
  const std::size_t at = entry.place_;
  entry.place_ = Timed::nowhere;
  Timed* const last = heap_.back();
  heap_.pop_back();
  if (last == &entry) return;
  put(at, last);
  rise(at);
  sink(last->place_);
}

void Deadlines::put(std::size_t at, Timed* entry) noexcept {
  heap_[at] = entry;
  entry->place_ = static_cast<std::uint32_t>(at);
}

void Deadlines::rise(std::size_t at) noexcept {
  Timed* const entry = heap_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (heap_[parent]->due_ <= entry->due_) break;
    put(at, heap_[parent]);
    at = parent;
  }
  put(at, entry);
}

void Deadlines::sink(std::size_t at) noexcept {
  Timed* const entry = heap_[at];
  for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1]->due_ < heap_[child]->due_) ++child;
    if (entry->due_ <= heap_[child]->due_) break;
    put(at, heap_[child]);
    at = child;
  }
  put(at, entry);
}

void Deadlines::arm() {
  loop_.cancel(timer_);  // which is for a later time, or has fired
  armed_for_ = heap_.front()->due_;
  timer_ = loop_.call_at(armed_for_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->fire();
  });
}

void Deadlines::fire() {
  armed_for_ = TimePoint::max();
  const TimePoint now = loop_.now();
  struct Rearm {
    Deadlines& deadlines;
    ~Rearm() {
      if (!deadlines.heap_.empty() && deadlines.heap_.front()->due_ < deadlines.armed_for_) {
        deadlines.arm();
      }
    }
  };
  const Rearm rearm{*this};  // also when a user's callback throws
  while (!heap_.empty() && heap_.front()->due_ <= now) {
    Timed& entry = *heap_.front();
    take_out(entry);
    entry.on_due();
  }
}

}  // namespace twister::detail
