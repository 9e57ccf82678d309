// tests/framework/support/lookup_faults.hpp - getaddrinfo() under control, in this test program.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string_view>

struct addrinfo;

namespace twister::testing {

// While it lives, names that end in ".test" are not looked up by the system:
//   slow.test      waits for release(), and is 127.0.0.1 then
//   nosuch.test    EAI_NONAME
//   later.test     EAI_AGAIN
//   broken.test    EAI_SYSTEM with errno EMFILE
//   twice.test     127.0.0.1, two times
//   strange.test   an address of a family that nobody knows
//   others         127.0.0.1
//
// Threads: lookups on any; release() is called by the destructor, which waits for them.
class LookupFaults {
 public:
  LookupFaults();
  ~LookupFaults();
  LookupFaults(const LookupFaults&) = delete;
  LookupFaults& operator=(const LookupFaults&) = delete;

  // Lets the lookups of slow.test go on.
  void release();
  // How many lookups are waiting for release().
  int waiting();
  // How many have begun.
  int begun() const noexcept { return begun_; }

  // What getaddrinfo returns; empty: the system shall say.
  std::optional<int> answer(std::string_view host, const char* port, const addrinfo* hints,
                            addrinfo** found);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;
  int waiting_ = 0;
  int inside_ = 0;
  std::atomic<int> begun_ = 0;
};

}  // namespace twister::testing
