// tests/framework/support/program.hpp - another program, started by a test.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace twister::testing {

// The program of processes/program.cpp, playing a scenario in a process group of its own. What waits
// here waits ten seconds at most, and fails the test then. The destructor kills the whole group.
class Program {
 public:
  explicit Program(const std::string& scenario, int number = 0);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  static std::string path();

  pid_t pid() const noexcept { return pid_; }
  // The next line of standard output, without its end; "(end)" when there will be none, which means
  // that neither the program nor a child of it is there any more.
  std::string line();
  // `count` lines, sorted: processes speak in any order.
  std::vector<std::string> lines(std::size_t count);
  // All lines up to the end, sorted.
  std::vector<std::string> rest();
  // Waits until standard error has said this.
  void wait_for_error(std::string_view text);
  // What standard error has said so far; after rest(), everything.
  std::string errors();

  void signal(int number) const;
  // Sends it to the children as well, as a terminal does.
  void signal_group(int number) const;
  // The exit status; -9 for death by signal 9.
  int wait();

 private:
  bool receive(int fd, std::string& into, int timeout_ms);

  pid_t pid_ = 0;
  int out_ = -1;
  int err_ = -1;
  std::string out_text_;
  std::string err_text_;
};

}  // namespace twister::testing
