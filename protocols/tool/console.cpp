#include "console.hpp"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "exit_code.hpp"
#include "line_editor.hpp"

namespace twister::tool {

namespace {

// What goes round to a second line of the terminal could not be taken back.
constexpr std::size_t max_progress_bytes = 79;

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  // 0: the first byte is not the beginning of one
};

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {};
  std::uint32_t code = lead & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {};
  return {code, size};
}

bool is_harmless(std::uint32_t code) {
  const bool controls = code < 0x20 || (code >= 0x7F && code < 0xA0);
  // Marks, embeddings and isolates that change the direction: text would read otherwise than it is.
  const bool reorders = code == 0x061C || (code >= 0x200E && code <= 0x200F) ||
                        (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return !controls && !reorders;
}

}  // namespace

std::string printable(std::string_view text, bool keep_newlines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [code, size] = first_character(text);
    const std::size_t used = size == 0 ? 1 : size;
    if (size != 0 && (is_harmless(code) || (keep_newlines && code == '\n'))) {
      out.append(text.substr(0, used));
    } else {
      char escaped[16];
      const unsigned value = size == 0 ? static_cast<unsigned char>(text[0]) : code;
      std::snprintf(escaped, sizeof escaped, size == 0 ? "\\x%02x" : "\\u%04x", value);
      out.append(escaped);
    }
    text.remove_prefix(used);
  }
  return out;
}

Console::Console()
    : reads_terminal_(::isatty(STDIN_FILENO) == 1),
      prints_to_terminal_(::isatty(STDOUT_FILENO) == 1) {
  const auto set = [](const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  const bool dumb = !set("TERM") || std::strcmp(std::getenv("TERM"), "dumb") == 0;
  has_progress_ = ::isatty(STDERR_FILENO) == 1 && !dumb;
  colours_ = has_progress_ && !set("NO_COLOR");
}

void Console::print(std::string_view text) {
  ++printed_;
  write(STDOUT_FILENO, (prints_to_terminal_ ? printable(text, true) : std::string(text)) + "\n");
}

void Console::note(std::string_view text) {
  write(STDERR_FILENO, printable(text) + "\n");
}

void Console::complain(std::string_view text) {
  note("twister: " + std::string(text));
}

void Console::note_status(const RpcStatus& status) {
  std::string name =
      to_string(status.code) + " (" + std::to_string(static_cast<unsigned>(status.code)) + ")";
  if (colours_) name = "\x1b[1;31m" + name + "\x1b[0m";
  write(STDERR_FILENO, name + (status.text.empty() ? "" : ": " + printable(status.text)) + "\n");
  if (!status.details.empty()) note("details: " + status.details);
}

void Console::show_progress(std::string_view text) {
  // Below results on the same terminal it would only come and go.
  if (!has_progress_ || typing_ || (prints_to_terminal_ && printed_ != 0)) return;
  write(STDERR_FILENO, printable(text).substr(0, max_progress_bytes));
  progress_shown_ = true;
}

void Console::erase_progress() {
  if (std::exchange(progress_shown_, false)) write(STDERR_FILENO, "\r\x1b[K");
}

void Console::write(int descriptor, std::string_view text) {
  erase_progress();
  if (editor_ != nullptr) editor_->hide();
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // Somebody who shares the descriptor does not want to wait; this program does.
      pollfd room{.fd = descriptor, .events = POLLOUT, .revents = 0};
      ::poll(&room, 1, -1);
    } else if (errno != EINTR) {
      // Whatever was to be said about standard error cannot be said.
      if (descriptor == STDERR_FILENO) break;
      if (errno == EPIPE) std::_Exit(static_cast<int>(ExitCode::ok));
      complain("standard output: " + std::string(std::strerror(errno)));
      std::_Exit(static_cast<int>(ExitCode::output));
    }
  }
  if (editor_ != nullptr) editor_->show();
}

}  // namespace twister::tool
