// twister/log.hpp - where the framework's own log lines go.
//
//   twister::set_log_sink([](const twister::LogRecord& record) { my_logger(record.line()); });
//
// Without a sink, lines go to standard error as key=value pairs:
//   time=2026-03-01T12:00:00.123Z level=error event=callback_threw peer=10.0.0.7:51022 what="no"
//
// Limits: at most one line a second and event (the next one says how many were `suppressed`);
//   values are escaped and cut at 256 bytes, so that a peer can neither forge nor flood a log.
// Threads: everything here may be called from any thread; a sink must be thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twister {

enum class LogLevel { debug, info, warning, error };

// One line of the log, not yet written.
struct LogRecord {
  LogLevel level = LogLevel::info;
  std::string event;                                        // what happened, in snake_case
  std::vector<std::pair<std::string, std::string>> fields;  // cut, but not yet escaped
  std::uint64_t suppressed = 0;  // lines of this event held back before it

  // The default form: `level=... event=... key=value ...`, escaped, without time and newline.
  std::string line() const;
};

using LogSink = std::function<void(const LogRecord&)>;

// Replaces the sink; an empty function restores the default. A sink that throws loses the line.
void set_log_sink(LogSink sink);

using LogField = std::pair<std::string_view, std::string_view>;

// Writes one line, unless a line of the same event was written less than a second ago.
void log(LogLevel level, std::string_view event,
         std::initializer_list<LogField> fields = {}) noexcept;

}  // namespace twister
