// arena_screen.hpp - what the arena_bot sample shows: standard output, and pictures that are drawn over one
// another where that is a terminal.
#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <twister/log.hpp>

// Whoever has started this program without standard descriptors would find its sockets in their place, and
// write to them. What stands there instead cannot be used either, so that nothing gets lost unnoticed.
inline void open_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0)  // opening takes the lowest that is free: this one
      ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

// Standard output, up to its first error. SIGPIPE has to be ignored.
class Output {
 public:
  void write(std::string_view text) {
    while (!error_ && !text.empty()) {
      const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
      if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
      if (written < 0 && errno != EINTR) error_ = {errno, std::generic_category()};
    }
  }
  std::error_code error() const noexcept { return error_; }

 private:
  std::error_code error_;
};

// A terminal's second screen, from the first picture on; given back at the end, and while it is too small.
// The log's lines do not go through the picture meanwhile: the last one stands below it.
class Screen {
 public:
  // Whether output is a terminal that knows of positions.
  static bool is_possible() {
    const char* kind = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && *kind != '\0' &&
           std::string_view(kind) != "dumb";
  }

  explicit Screen(Output& output) : output_(output) {}
  ~Screen() { leave(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // Makes ready for a picture of that size. False, and the terminal as it was, when it has no room for it and
  // a line of the log; its size may change at any time.
  bool enter(std::size_t columns, std::size_t rows) {
    winsize size{};
    ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);  // failed: nothing has room
    columns_ = size.ws_col;
    if (columns > columns_ || rows + 1 > size.ws_row) {
      leave();
      return false;
    }
    if (entered_) return true;
    entered_ = true;
    twister::set_log_sink([this](const twister::LogRecord& record) {
      const std::lock_guard lock(mutex_);  // a sink is called by any thread
      last_log_ = record.line();
    });
    output_.write("\x1b[?1049h\x1b[?25l");
    return true;
  }

  bool entered() const noexcept { return entered_; }

  // After enter(). What is longer than the terminal is wide is cut.
  void draw(std::vector<std::string> lines) {
    lines.push_back(last_log());
    std::string text = "\x1b[H";
    for (const std::string& line : lines) {
      text += line.substr(0, columns_);
      // What was longer before ends here. At the right edge it would take the last character along.
      if (line.size() < columns_) text += "\x1b[K";
      if (&line != &lines.back()) text += '\n';
    }
    output_.write(text + "\x1b[J");
  }

  void leave() {
    if (!std::exchange(entered_, false)) return;
    twister::set_log_sink({});
    output_.write("\x1b[?25h\x1b[?1049l");
    if (const std::string line = last_log(); !line.empty())
      std::fprintf(stderr, "%s\n", line.c_str());
  }

 private:
  std::string last_log() {
    const std::lock_guard lock(mutex_);
    return last_log_;
  }

  Output& output_;
  bool entered_ = false;
  std::size_t columns_ = 0;
  std::mutex mutex_;
  std::string last_log_;
};
