#include "lookup_threads.hpp"

#include <csignal>
#include <thread>
#include <utility>

namespace twister::detail {
namespace {

// Signals are for the threads of the program: a thread started meanwhile takes none.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

LookupThreads& LookupThreads::instance() {
  static auto& threads = *new LookupThreads;
  return threads;
}

std::uint64_t LookupThreads::add(LookupQuery query, Answer answer) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= max_waiting_lookups) {
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                            "too many lookups are waiting");
  }
  const std::uint64_t number = ++last_;
  waiting_.push_back({number, std::move(query), std::move(answer)});
  if (running_ >= max_lookups) return number;
  try {
    const SignalsBlocked blocked;
    std::thread([this] { run(); }).detach();
    ++running_;
  } catch (const std::system_error&) {
    // Those that run will come to it.
    if (running_ == 0) {
      waiting_.pop_back();
      throw;
    }
  }
  return number;
}

void LookupThreads::forget(std::uint64_t number) {
  std::list<Job> forgotten;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  for (auto job = waiting_.begin(); job != waiting_.end(); ++job) {
    if (job->number != number) continue;
    forgotten.splice(forgotten.begin(), waiting_, job);
    return;
  }
}

void LookupThreads::run() {
  for (;;) {
    std::list<Job> taken;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        --running_;
        return;
      }
      taken.splice(taken.begin(), waiting_, waiting_.begin());
    }
    Job& job = taken.front();
    std::error_code error;
    std::vector<Address> addresses;
    try {
      addresses = look_up(job.query, error);
    } catch (const std::bad_alloc&) {
      error = std::make_error_code(std::errc::not_enough_memory);
    }
    job.answer(error, std::move(addresses));
  }
}

}  // namespace twister::detail
