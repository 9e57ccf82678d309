// twister/rpc/detail/id_table.hpp - calls in flight by their ids.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace twister::detail {

// A hash table with open addressing, of pointers that are not null. Ids come from the peer, who may
// choose them to collide: a search then looks at all entries, of which there are as many as calls may be
// in flight. No memory until the first entry, and none an entry.
template <class T>
class IdTable {
 public:
  bool empty() const noexcept { return count_ == 0; }
  std::size_t size() const noexcept { return count_; }

  T* find(std::uint32_t id) const noexcept {
    if (count_ == 0) return nullptr;
    for (std::size_t at = home(id);; at = next(at)) {
      if (slots_[at].value == nullptr) return nullptr;
      if (slots_[at].id == id) return slots_[at].value;
    }
  }

  // The id is not in use.
  void insert(std::uint32_t id, T* value) {
    if (count_ * 2 >= slots_.size()) grow();
    place(id, value);
    ++count_;
  }

  // The entry, or null.
  T* erase(std::uint32_t id) noexcept {
    if (count_ == 0) return nullptr;
    std::size_t at = home(id);
    while (slots_[at].value != nullptr && slots_[at].id != id) at = next(at);
    T* const value = slots_[at].value;
    if (value == nullptr) return nullptr;
    --count_;
    // What was pushed on by this entry moves up, so that no search ends too early.
    for (std::size_t probe = next(at); slots_[probe].value != nullptr; probe = next(probe)) {
      const std::size_t distance = (probe - home(slots_[probe].id)) & (slots_.size() - 1);
      if (distance >= ((probe - at) & (slots_.size() - 1))) {
        slots_[at] = slots_[probe];
        at = probe;
      }
    }
    slots_[at] = {};
    return value;
  }

  // Takes all entries out, in no order.
  std::vector<T*> take_all() {
    std::vector<T*> all;
    all.reserve(count_);
    for (const Slot& slot : slots_) {
      if (slot.value != nullptr) all.push_back(slot.value);
    }
    slots_.clear();
    count_ = 0;
    return all;
  }

  template <class F>
  void for_each(F&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.value != nullptr) visit(*slot.value);
    }
  }

 private:
  struct Slot {
    std::uint32_t id = 0;
    T* value = nullptr;
  };

  // Ids mostly count up. Multiplied by the golden ratio they lie apart, as evenly as can be: were they
  // neighbours, taking the oldest out would move all the others.
  std::size_t home(std::uint32_t id) const noexcept { return (id * 0x9e3779b9u) >> shift_; }
  std::size_t next(std::size_t at) const noexcept { return (at + 1) & (slots_.size() - 1); }

  void place(std::uint32_t id, T* value) noexcept {
    std::size_t at = home(id);
    while (slots_[at].value != nullptr) at = next(at);
    slots_[at] = {id, value};
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    shift_ = 32 - std::countr_zero(slots_.size());
    for (const Slot& slot : old) {
      if (slot.value != nullptr) place(slot.id, slot.value);
    }
  }

  std::vector<Slot> slots_;
  int shift_ = 0;  // leaves the bits of a place
  std::size_t count_ = 0;
};

}  // namespace twister::detail
