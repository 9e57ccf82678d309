#include "supervisor.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>

#include <twister/log.hpp>

namespace twister::detail {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// "status 3" or "signal 9 (Killed)".
std::string describe(int status) {
  if (WIFEXITED(status)) return "status " + std::to_string(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  return "signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
}

// Longer is never, and can be added to a time without overflow.
constexpr milliseconds longest = std::chrono::hours(24 * 365 * 10);

ForkOptions clamped(ForkOptions options) {
  for (milliseconds* time : {&options.restart_delay, &options.max_restart_delay,
                             &options.healthy_after, &options.stop_timeout}) {
    *time = std::clamp(*time, milliseconds(0), longest);
  }
  return options;
}

// What is still in a buffer would be written by the child again.
void flush_output() {
  std::fflush(nullptr);
  std::cout.flush();
  std::clog.flush();
}

}  // namespace

// ---- signals ----

SupervisorSignals::SupervisorSignals() {
  ::sigemptyset(&waited_);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) ::sigaddset(&waited_, signal);
  struct sigaction hang_up {};
  ::sigaction(SIGHUP, nullptr, &hang_up);
  if (hang_up.sa_handler != SIG_IGN) ::sigaddset(&waited_, SIGHUP);
  // Where SIGCHLD is ignored the kernel throws the children's statuses away.
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &by_default, &former_child_action_);
  ::sigprocmask(SIG_BLOCK, &waited_, &former_mask_);
}

void SupervisorSignals::restore() noexcept {
  ::sigaction(SIGCHLD, &former_child_action_, nullptr);
  ::sigprocmask(SIG_SETMASK, &former_mask_, nullptr);
}

int SupervisorSignals::wait(std::optional<nanoseconds> timeout) const noexcept {
  timespec time{};
  if (timeout) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(*timeout);
    time.tv_sec = static_cast<std::time_t>(seconds.count());
    time.tv_nsec = static_cast<long>((*timeout - seconds).count());
  }
  siginfo_t info{};
  const int signal = ::sigtimedwait(&waited_, &info, timeout ? &time : nullptr);
  return signal > 0 ? signal : 0;  // EAGAIN: the time is over; EINTR: the caller asks again
}

// ---- the life of the parent ----

Supervisor::Supervisor(const ForkOptions& options, std::size_t processes, const Run& run,
                       std::function<void()> release)
    : options_(clamped(options)),
      run_(run),
      release_(std::move(release)),
      children_(processes, Child{.delay = options_.restart_delay}) {}

Supervisor::~Supervisor() {
  send(SIGKILL);
  for (Child& child : children_) {
    while (child.pid > 0 && ::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

int Supervisor::supervise() {
  start_all();
  if (options_.started) options_.started();
  while (!finished()) {
    start_due(steady_clock::now());
    if (kill_at_ && *kill_at_ <= steady_clock::now()) {
      log(LogLevel::error, "stop_timeout",
          {{"stop_timeout_ms", std::to_string(options_.stop_timeout.count())}});
      kill_at_.reset();
      result_ = 1;
      send(SIGKILL);
    }
    for (int signal = signals_.wait(time_left()); signal != 0;
         signal = signals_.wait(nanoseconds(0)))
      heed(signal);
    collect();
  }
  return result_;
}

void Supervisor::start_all() {
  for (std::size_t id = 0; id < children_.size(); ++id) {
    if (!start(id)) {
      const int error = errno;
      throw std::system_error(error, std::generic_category(),
                              "cannot start process " + std::to_string(id));
    }
  }
}

void Supervisor::start_due(Time now) {
  for (std::size_t id = 0; id < children_.size(); ++id) {
    if (!children_[id].restart_at || *children_[id].restart_at > now) continue;
    children_[id].restart_at.reset();
    // Out of processes or memory: later, perhaps.
    if (!start(id)) restart_later(id, std::strerror(errno));
  }
}

bool Supervisor::start(std::size_t id) {
  children_[id].since = steady_clock::now();
  flush_output();
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return false;
  if (pid == 0) become_child(id, parent);
  children_[id].pid = pid;
  return true;
}

void Supervisor::become_child(std::size_t id, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  signals_.restore();
  int status = 1;
  try {
    status = run_(static_cast<int>(id));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "process %zu: %s\n", id, error.what());
  } catch (...) {
    std::fprintf(stderr, "process %zu: an exception that is not a std::exception\n", id);
  }
  std::exit(status);
}

// ---- events ----

void Supervisor::heed(int signal) {
  if (signal == SIGTERM || signal == SIGINT) {
    if (stopping_) {
      log(LogLevel::info, "killing", {{"signal", std::to_string(signal)}});
      killed_ = true;
      send(SIGKILL);
      return;
    }
    log(LogLevel::info, "stopping", {{"signal", std::to_string(signal)}});
    stop(signal);
  } else if (signal == SIGHUP && !stopping_) {
    hung_up_ = true;
    send(SIGHUP);
  }
}

void Supervisor::collect() {
  // -1: as the first process of a container, the parent is also given orphans that it does not know.
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const auto child = std::find_if(children_.begin(), children_.end(),
                                    [pid](const Child& each) { return each.pid == pid; });
    if (child == children_.end()) continue;
    child->pid = 0;
    ended(static_cast<std::size_t>(child - children_.begin()), status);
  }
}

void Supervisor::ended(std::size_t id, int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const bool by_signal = WIFSIGNALED(status);
  if (by_signal && WTERMSIG(status) == SIGHUP && hung_up_ && !stopping_) {
    log(LogLevel::info, "stopping", {{"signal", std::to_string(SIGHUP)}});
    stop(SIGTERM);
  }
  if (!stopping_) return restart_later(id, describe(status));
  const bool told = by_signal && (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT ||
                                  WTERMSIG(status) == SIGHUP);
  if (told || killed_) return;
  log(LogLevel::warning, "process_failed",
      {{"process", std::to_string(id)}, {"what", describe(status)}});
  result_ = 1;
}

void Supervisor::restart_later(std::size_t id, std::string_view why) {
  const std::string process = std::to_string(id);
  if (restarts_ >= options_.max_restarts) {
    log(LogLevel::error, "too_many_restarts",
        {{"process", process}, {"what", why}, {"restarts", std::to_string(restarts_)}});
    result_ = 1;
    return stop(SIGTERM);
  }
  ++restarts_;
  Child& child = children_[id];
  const Time now = steady_clock::now();
  if (now - child.since >= options_.healthy_after) child.delay = options_.restart_delay;
  child.restart_at = now + child.delay;
  log(LogLevel::warning, "process_restarts",
      {{"process", process},
       {"what", why},
       {"delay_ms", std::to_string(child.delay.count())},
       {"restarts", std::to_string(restarts_)}});
  child.delay = std::min(child.delay * 2, options_.max_restart_delay);
}

void Supervisor::stop(int signal) {
  stopping_ = true;
  for (Child& child : children_) child.restart_at.reset();
  // Clients are refused from here on, not left in a queue that nobody takes them from.
  release_();
  kill_at_ = steady_clock::now() + options_.stop_timeout;
  send(signal);
}

void Supervisor::send(int signal) noexcept {
  for (const Child& child : children_) {
    if (child.pid > 0) ::kill(child.pid, signal);
  }
}

bool Supervisor::finished() const noexcept {
  return std::none_of(children_.begin(), children_.end(),
                      [](const Child& child) { return child.pid > 0 || child.restart_at; });
}

std::optional<nanoseconds> Supervisor::time_left() const {
  std::optional<Time> next = kill_at_;
  for (const Child& child : children_) {
    if (child.restart_at && (!next || *child.restart_at < *next)) next = child.restart_at;
  }
  if (!next) return std::nullopt;
  return std::max(nanoseconds(*next - steady_clock::now()), nanoseconds(0));
}

}  // namespace twister::detail
