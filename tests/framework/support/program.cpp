#include "support/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <spawn.h>

namespace twister::testing {
namespace {

constexpr int deadline_ms = 10'000;
constexpr std::string_view the_end = "(end)";

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return ends;
}

// The thread sanitizer's run-time defers a signal to the next call that it intercepts, and one in a hundred
// that come while a process is starting is never handed on. A process whose first thread sleeps has started.
#if defined(__SANITIZE_THREAD__)
std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool sleeps(const std::string& pid) {
  const std::string text = text_of("/proc/" + pid + "/stat");
  const std::size_t name_end = text.rfind(')');
  return name_end == std::string::npos || text.compare(name_end, 3, ") S") == 0;
}

bool family_sleeps(pid_t pid) {
  const std::string parent = std::to_string(pid);
  std::istringstream children(text_of("/proc/" + parent + "/task/" + parent + "/children"));
  bool all = sleeps(parent);
  for (std::string child; children >> child;) all = sleeps(child) && all;
  return all;
}

void wait_until_started(pid_t pid) {
  // Who is busy for good never sleeps, and has started.
  const auto gives_up_at = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!family_sleeps(pid) && std::chrono::steady_clock::now() < gives_up_at) {
    std::this_thread::yield();
  }
}
#else
void wait_until_started(pid_t) {}
#endif

}  // namespace

std::string Program::path() {
  return TWISTER_TEST_PROGRAM;
}

Program::Program(const std::string& scenario, int number) {
  const auto out = make_pipe();
  const auto err = make_pipe();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::array<std::string, 3> words{path(), scenario, std::to_string(number)};
  std::array<char*, 4> argv{words[0].data(), words[1].data(), words[2].data(), nullptr};
  const int error = ::posix_spawn(&pid_, argv[0], &actions, &attributes, argv.data(), ::environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  ::close(out[1]);
  ::close(err[1]);
  out_ = out[0];
  err_ = err[0];
  if (error != 0) throw std::runtime_error("cannot start " + words[0]);
}

Program::~Program() {
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(out_);
  ::close(err_);
}

// False at the end, or when nothing comes in time.
bool Program::receive(int fd, std::string& into, int timeout_ms) {
  pollfd waited{.fd = fd, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&waited, 1, timeout_ms);
  if (ready <= 0) {
    if (timeout_ms > 0) ADD_FAILURE() << "nothing in 10 s; standard error: " << err_text_;
    return false;
  }
  std::array<char, 4096> buffer;
  const ssize_t size = ::read(fd, buffer.data(), buffer.size());
  if (size > 0) into.append(buffer.data(), static_cast<std::size_t>(size));
  return size > 0;
}

std::string Program::line() {
  while (out_text_.find('\n') == std::string::npos) {
    if (!receive(out_, out_text_, deadline_ms)) {
      const std::string last = std::exchange(out_text_, {});
      return last.empty() ? std::string(the_end) : last;
    }
  }
  const std::size_t end = out_text_.find('\n');
  std::string text = out_text_.substr(0, end);
  out_text_.erase(0, end + 1);
  return text;
}

std::vector<std::string> Program::lines(std::size_t count) {
  std::vector<std::string> all(count);
  std::generate(all.begin(), all.end(), [this] { return line(); });
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<std::string> Program::rest() {
  std::vector<std::string> all;
  for (std::string next = line(); next != the_end; next = line()) all.push_back(next);
  std::sort(all.begin(), all.end());
  return all;
}

void Program::wait_for_error(std::string_view text) {
  while (err_text_.find(text) == std::string::npos && receive(err_, err_text_, deadline_ms)) {
  }
  EXPECT_NE(err_text_.find(text), std::string::npos) << err_text_;
}

std::string Program::errors() {
  while (receive(err_, err_text_, 0)) {
  }
  return err_text_;
}

void Program::signal(int number) const {
  wait_until_started(pid_);
  ::kill(pid_, number);
}

void Program::signal_group(int number) const {
  wait_until_started(pid_);
  ::kill(-pid_, number);
}

int Program::wait() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms);
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "still runs after 10 s; standard error: " << errors();
      return -1;
    }
    std::this_thread::yield();
  }
  ::kill(-pid_, SIGKILL);  // whoever is left of its group
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace twister::testing
