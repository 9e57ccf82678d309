// src/admission.hpp - a connection's place in its server's counts.
#pragma once

#include <functional>
#include <utility>

namespace twister::detail {

// What a server counts a connection by: gives the place back when it is destroyed.
class Admission {
 public:
  Admission() = default;  // not counted
  explicit Admission(std::function<void()> give_back) : give_back_(std::move(give_back)) {}
  ~Admission() {
    if (give_back_) give_back_();
  }
  Admission(Admission&& other) noexcept : give_back_(std::exchange(other.give_back_, nullptr)) {}
  Admission& operator=(Admission&& other) noexcept {
    std::swap(give_back_, other.give_back_);
    return *this;
  }
  explicit operator bool() const noexcept { return give_back_ != nullptr; }

 private:
  std::function<void()> give_back_;
};

}  // namespace twister::detail
