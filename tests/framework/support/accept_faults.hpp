// tests/framework/support/accept_faults.hpp - accept4() that fails, in this test program.
#pragma once

#include <cstddef>
#include <vector>

namespace twister::testing {

// While it lives, accept4() fails with each of `errors` once, in their order, and then works.
//
// Threads: those that accept are the one that made it.
class AcceptFaults {
 public:
  explicit AcceptFaults(std::vector<int> errors);
  ~AcceptFaults();
  AcceptFaults(const AcceptFaults&) = delete;
  AcceptFaults& operator=(const AcceptFaults&) = delete;

  // How often accept4() was called.
  int calls() const noexcept { return calls_; }
  // Errors still to come.
  std::size_t left() const noexcept { return errors_.size() - next_; }
  // The errno of the next call, 0 if it works.
  int next_error() noexcept;

 private:
  std::vector<int> errors_;
  std::size_t next_ = 0;
  int calls_ = 0;
};

}  // namespace twister::testing
