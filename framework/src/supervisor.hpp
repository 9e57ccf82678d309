// src/supervisor.hpp - the parent of fork_processes(): starts children, restarts and stops them.
//
// Everything happens in one place, wait(): signals stay blocked and are taken one by one, so there is
// no handler, and nothing that could interrupt. A round of the loop starts whose time has come, kills
// what was given its time to end, waits for a signal or the next of these times, and collects the
// dead. Signals are looked at before the dead, so that children who died of the same Ctrl-C as the
// parent was told by are not restarted.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <vector>

#include <twister/fork_processes.hpp>

namespace twister::detail {

// How many ForkOptions::processes are: `cores` is as many as there are CPUs. Throws
// std::invalid_argument for too many.
std::size_t count_processes(std::size_t processes);

// Blocks the signals that the supervisor waits for, and takes back what would keep children from
// being collected. Undone by the destructor, or by a child for itself.
class SupervisorSignals {
 public:
  SupervisorSignals();
  ~SupervisorSignals() { restore(); }
  SupervisorSignals(const SupervisorSignals&) = delete;
  SupervisorSignals& operator=(const SupervisorSignals&) = delete;

  void restore() noexcept;
  // The next signal; 0 when none has come within `timeout` (none: for ever).
  int wait(std::optional<std::chrono::nanoseconds> timeout) const noexcept;

 private:
  sigset_t waited_{};
  sigset_t former_mask_{};
  struct sigaction former_child_action_ {};
};

class Supervisor {
 public:
  // Runs in a child; what it returns is the exit status.
  using Run = std::function<int(int id)>;

  // `release` is called when children are no longer started: the parent's own listeners close.
  Supervisor(const ForkOptions& options, std::size_t processes, const Run& run,
             std::function<void()> release);
  // Kills what is left.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Returns fork_processes()'s result; never returns in a child.
  int supervise();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Child {
    pid_t pid = 0;                      // 0: does not run
    Time since{};                       // its last start, or the attempt
    std::chrono::milliseconds delay{};  // before its next restart
    std::optional<Time> restart_at{};
  };

  void start_all();
  void start_due(Time now);
  bool start(std::size_t id);
  [[noreturn]] void become_child(std::size_t id, pid_t parent);
  void heed(int signal);
  void collect();
  void ended(std::size_t id, int status);
  void restart_later(std::size_t id, std::string_view why);
  void stop(int signal);
  void send(int signal) noexcept;
  bool finished() const noexcept;
  std::optional<std::chrono::nanoseconds> time_left() const;

  ForkOptions options_;
  const Run& run_;
  std::function<void()> release_;
  SupervisorSignals signals_;
  std::vector<Child> children_;
  std::size_t restarts_ = 0;
  bool hung_up_ = false;   // SIGHUP was passed on
  bool stopping_ = false;  // nobody is restarted any more
  bool killed_ = false;    // by a second signal: the status of the dead says nothing
  std::optional<Time> kill_at_;
  int result_ = 0;
};

}  // namespace twister::detail
