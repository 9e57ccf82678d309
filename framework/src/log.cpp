#include "twister/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>

#include <limits.h>

#include "without_sigpipe.hpp"

namespace twister {
namespace {

constexpr std::size_t max_value_bytes = 256;
constexpr auto one_line_each = std::chrono::seconds(1);

const char* name_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "unknown";
}

// A value in quotes where it needs them; what is not printable ASCII becomes \xNN, so that a line
// stays a line and a terminal is not written to by a peer.
void append_value(std::string& line, std::string_view value) {
  bool plain = !value.empty();
  for (const char c : value)
    plain = plain && c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      std::array<char, 5> hex;
      std::snprintf(hex.data(), hex.size(), "\\x%02x", byte);
      line += hex.data();
    } else {
      line += c;
    }
  }
  line += '"';
}

// Lines since the last one that standard error took.
std::atomic<std::uint64_t> lost = 0;

// All of it or nothing, without waiting for whoever reads it: a loop that stands still because nobody
// empties a pipe would be worse than a line that is missing. What can be written to has room for
// PIPE_BUF bytes.
bool try_write(const std::string& line) {
  pollfd output{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&output, 1, 0) != 1 || (output.revents & POLLOUT) == 0) return false;
  const detail::WithoutSigpipe without;
  return ::write(STDERR_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

void write_to_stderr(const LogRecord& record) {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> day;
  std::strftime(day.data(), day.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 48> time;
  std::snprintf(time.data(), time.size(), "time=%s.%03dZ ", day.data(),
                static_cast<int>(milliseconds));
  std::string line = time.data() + record.line();
  if (const std::uint64_t count = lost.load(std::memory_order_relaxed); count > 0)
    line += " lost=" + std::to_string(count);
  line.resize(std::min<std::size_t>(line.size(), PIPE_BUF - 1));
  line += '\n';
  if (try_write(line)) {
    lost = 0;
  } else {
    ++lost;
  }
}

// The sink, and when each event was last written.
class Logger {
 public:
  void set_sink(LogSink sink) {
    const std::lock_guard lock(mutex_);
    sink_ = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
    // A new sink has seen nothing yet.
    events_.clear();
  }

  void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    LogRecord record{.level = level, .event = std::string(event), .fields = {}, .suppressed = 0};
    std::shared_ptr<const LogSink> sink;
    {
      const std::lock_guard lock(mutex_);
      Event& state = events_[record.event];
      const auto now = std::chrono::steady_clock::now();
      if (state.written && now - state.last < one_line_each) {
        ++state.suppressed;
        return;
      }
      state.written = true;
      state.last = now;
      record.suppressed = std::exchange(state.suppressed, 0);
      sink = sink_;
    }
    for (const auto& [key, value] : fields) {
      record.fields.emplace_back(std::string(key), std::string(value.substr(0, max_value_bytes)));
    }
    // Outside the lock: a sink may log.
    if (sink != nullptr) {
      (*sink)(record);
    } else {
      write_to_stderr(record);
    }
  }

 private:
  struct Event {
    bool written = false;
    std::chrono::steady_clock::time_point last;
    std::uint64_t suppressed = 0;
  };

  std::mutex mutex_;
  std::shared_ptr<const LogSink> sink_;
  std::map<std::string, Event> events_;
};

Logger& logger() {
  static Logger& instance = *new Logger;  // never destroyed: what ends at exit may still log
  return instance;
}

}  // namespace

std::string LogRecord::line() const {
  std::string text = "level=";
  text += name_of(level);
  text += " event=";
  append_value(text, event);
  for (const auto& [key, value] : fields) {
    text += ' ';
    text += key;
    text += '=';
    append_value(text, value);
  }
  if (suppressed > 0) text += " suppressed=" + std::to_string(suppressed);
  return text;
}

void set_log_sink(LogSink sink) {
  logger().set_sink(std::move(sink));
}

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) noexcept {
  try {
    logger().log(level, event, fields);
  } catch (...) {
    // A log that fails must not take the server with it: the line is lost.
  }
}

}  // namespace twister
