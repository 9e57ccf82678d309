#include "twister/spawn_with_listeners.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "descriptor.hpp"

namespace twister {
namespace {

using detail::Descriptor;

constexpr int first_descriptor = 3;
constexpr std::string_view pid_variable = "LISTEN_PID=";

[[noreturn]] void throw_errno(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

std::string join(const std::vector<std::string>& names, std::size_t listeners) {
  if (names.size() != listeners) {
    throw std::invalid_argument("spawn_with_listeners: " + std::to_string(names.size()) +
                                " names for " + std::to_string(listeners) + " listeners");
  }
  std::string joined;
  for (const std::string& name : names) {
    const bool fits = name.size() <= 255 && std::all_of(name.begin(), name.end(), [](char c) {
                        return static_cast<unsigned char>(c) >= ' ' && c != ':' && c != 0x7f;
                      });
    if (!fits) throw std::invalid_argument("spawn_with_listeners: \"" + name + "\" is not a name");
    joined += (&name == names.data() ? "" : ":") + name;
  }
  return joined;
}

// The environment of the new program. It begins with LISTEN_PID, whose value only the new process
// knows: room for it is left.
class Environment {
 public:
  Environment(const SpawnOptions& options, std::size_t listeners) {
    lines_.push_back(std::string(pid_variable) + std::string(20, '\0'));
    lines_.push_back("LISTEN_FDS=" + std::to_string(listeners));
    if (!options.names.empty())
      lines_.push_back("LISTEN_FDNAMES=" + join(options.names, listeners));
    for (const std::string& line : options.environment) {
      if (line.find('=') == line.npos || line.front() == '=') {
        throw std::invalid_argument("spawn_with_listeners: \"" + line + "\" is not NAME=value");
      }
      add(line);
    }
    for (char** line = ::environ; line != nullptr && *line != nullptr; ++line) add(*line);
    for (std::string& line : lines_) pointers_.push_back(line.data());
    pointers_.push_back(nullptr);
  }

  // For the child, between fork and exec.
  void set_pid(pid_t pid) noexcept {
    char* const begin = lines_.front().data();
    std::to_chars(begin + pid_variable.size(), begin + lines_.front().size(), pid);
  }
  char** get() noexcept { return pointers_.data(); }

 private:
  // The first one of a name counts.
  void add(std::string_view line) {
    const std::string_view name = line.substr(0, line.find('=') + 1);
    const bool known = std::any_of(lines_.begin(), lines_.end(), [name](const std::string& each) {
      return each.starts_with(name);
    });
    if (!known && name != "LISTEN_FDNAMES=") lines_.emplace_back(line);
  }

  std::vector<std::string> lines_;
  std::vector<char*> pointers_;
};

// A duplicate that is not inherited, beyond the numbers that the listeners get: so that none is
// overwritten before it was copied itself.
Descriptor copy_beyond(int fd, int first_free, const std::string& what) {
  Descriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, first_free));
  if (!copy) throw_errno(errno, what);
  return copy;
}

// Between fork and exec, in what may be the copy of a program with threads: nothing here allocates or
// takes a lock.
[[noreturn]] void become(char** command, Environment& environment,
                         const std::vector<Descriptor>& copies, int failure) {
  // Handlers of this program must not run in the copy: they would write into what both share.
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
  }
  // A mask outlives exec: what this thread blocks, as fork_processes() does while its `started` runs,
  // would keep the new program from ever being told to end.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  environment.set_pid(::getpid());
  bool placed = true;
  for (std::size_t i = 0; i < copies.size(); ++i)
    placed = placed && ::dup2(copies[i].get(), first_descriptor + static_cast<int>(i)) >= 0;
  if (placed) ::execvpe(command[0], command, environment.get());
  const int error = errno;
  [[maybe_unused]] const ssize_t told = ::write(failure, &error, sizeof error);
  ::_exit(127);
}

// Nothing comes when the program was loaded: its copy of the pipe has closed by itself.
int read_failure(int fd) {
  int error = 0;
  ssize_t size = 0;
  while ((size = ::read(fd, &error, sizeof error)) < 0 && errno == EINTR) {
  }
  return size == sizeof error ? error : 0;
}

}  // namespace

pid_t spawn_with_listeners(const std::vector<std::string>& command,
                           std::span<const ListeningSocket> listeners,
                           const SpawnOptions& options) {
  if (command.empty()) throw std::invalid_argument("spawn_with_listeners: no command");
  const std::string what = "cannot start " + command.front();
  Environment environment(options, listeners.size());
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const int first_free = first_descriptor + static_cast<int>(listeners.size());
  std::vector<Descriptor> copies;
  for (const ListeningSocket& listener : listeners)
    copies.push_back(copy_beyond(listener.native_handle(), first_free, what));
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw_errno(errno, what);
  const Descriptor reading(pipe[0]);
  Descriptor writing(pipe[1]);
  writing = copy_beyond(writing.get(), first_free, what);

  sigset_t all;
  sigset_t mask;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &mask);
  const pid_t pid = ::fork();
  const int fork_error = errno;
  if (pid == 0) become(arguments.data(), environment, copies, writing.get());
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  if (pid < 0) throw_errno(fork_error, what);

  writing.reset();
  if (const int error = read_failure(reading.get()); error != 0) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw_errno(error, what);
  }
  for (const ListeningSocket& listener : listeners) listener.keep_file();
  return pid;
}

}  // namespace twister
