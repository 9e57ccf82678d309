// twister/rpc/detail/deadlines.hpp - the times of many calls, with one timer of the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <twister/io_loop.hpp>

namespace twister::detail {

// Something that has a time.
class Timed {
 public:
  TimePoint due() const noexcept { return due_; }

 protected:
  virtual ~Timed() = default;

 private:
  friend class Deadlines;
  virtual void on_due() = 0;

  static constexpr std::uint32_t nowhere = ~std::uint32_t{0};
  TimePoint due_ = TimePoint::max();
  std::uint32_t place_ = nowhere;  // in the heap
};

// A binary heap that knows where each entry is. Calls with the same timeout are added at its end, which
// costs one comparison; one that is over leaves in logarithmic time. The loop's timer is set when it is
// needed sooner, and not taken back when calls end: at the most it fires once in vain.
//
// Threads: the loop's. Ownership: entries are removed before they are destroyed. Once the last is
//   gone, so is what the timer would touch.
class Deadlines : public std::enable_shared_from_this<Deadlines> {
 public:
  explicit Deadlines(IOLoop& loop) : loop_(loop) {}
  ~Deadlines();

  // TimePoint::max() is never.
  void add(Timed& entry, TimePoint due);
  void remove(Timed& entry) noexcept {
    if (entry.place_ != Timed::nowhere) take_out(entry);
  }
  std::size_t size() const noexcept { return heap_.size(); }

 private:
  void take_out(Timed& entry) noexcept;
  void put(std::size_t at, Timed* entry) noexcept;
  void rise(std::size_t at) noexcept;
  void sink(std::size_t at) noexcept;
  void arm();
  void fire();

  IOLoop& loop_;
  std::vector<Timed*> heap_;
  TimePoint armed_for_ = TimePoint::max();
  TimerId timer_{};
};

}  // namespace twister::detail
