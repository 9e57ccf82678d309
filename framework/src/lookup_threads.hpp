// src/lookup_threads.hpp - lookups that block, on threads of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <system_error>
#include <vector>

#include <twister/address.hpp>

#include "lookup.hpp"

namespace twister::detail {

// A name server that does not answer holds a lookup for half a minute. With eight at once, it takes
// eight such names to hold up the others.
inline constexpr unsigned max_lookups = 8;
// Beyond this, answers would come long after those who asked have given up.
inline constexpr std::size_t max_waiting_lookups = 1024;

// The lookups of the process. A thread is started when there is work and fewer than max_lookups run,
// and ends when no work is left: an idle program has none, and what forks then forks cleanly.
//
// Threads: any.
class LookupThreads {
 public:
  // Called on the lookup's thread.
  using Answer = std::function<void(std::error_code, std::vector<Address>)>;

  // Never destroyed: a lookup may still be running when the process ends.
  static LookupThreads& instance();

  // Returns a number for forget(). Throws std::system_error when there is no room, or no thread to be
  // had.
  std::uint64_t add(LookupQuery query, Answer answer);
  // Takes a lookup out that has not begun.
  void forget(std::uint64_t number);

 private:
  struct Job {
    std::uint64_t number;
    LookupQuery query;
    Answer answer;
  };

  void run();

  std::mutex mutex_;
  std::list<Job> waiting_;
  std::uint64_t last_ = 0;
  unsigned running_ = 0;
};

}  // namespace twister::detail
