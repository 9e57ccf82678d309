#include "line_editor.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include <editline/readline.h>

namespace twister::tool {

namespace {

constexpr int max_history = 1000;
constexpr const char* prompt = "> ";

LineEditor* current = nullptr;  // libedit's callback has no argument for it

// Empty where there is no place for it.
std::filesystem::path history_file() {
  const char* const state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::filesystem::path(state) / "twister/history";
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home == '/') {
    return std::filesystem::path(home) / ".local/state/twister/history";
  }
  return {};
}

}  // namespace

bool LineEditor::available() noexcept {
  return true;
}

LineEditor::LineEditor(std::function<void(std::string)> on_line, std::function<void()> on_end)
    : on_line_(std::move(on_line)), on_end_(std::move(on_end)) {
  std::setlocale(LC_CTYPE, "");  // for characters of several bytes
  current = this;
  rl_initialize();
  using_history();
  stifle_history(max_history);
  if (const auto file = history_file(); !file.empty()) read_history(file.c_str());
  wait_for_line();
}

LineEditor::~LineEditor() {
  if (waiting_) hide();
  rl_callback_handler_remove();
  current = nullptr;
  const auto file = history_file();
  if (file.empty()) return;
  std::error_code ignored;  // a history that cannot be kept is none
  std::filesystem::create_directories(file.parent_path(), ignored);
  const mode_t before = ::umask(077);
  write_history(file.c_str());
  ::umask(before);
}

void LineEditor::wait_for_line() {
  waiting_ = true;
  rl_callback_handler_install(prompt, &LineEditor::take);
}

void LineEditor::read() {
  rl_callback_read_char();
}

void LineEditor::take(char* line) {
  const std::unique_ptr<char, decltype(&std::free)> held(line, &std::free);
  LineEditor& self = *current;
  self.waiting_ = false;
  if (line == nullptr) return self.on_end_();
  if (*line != '\0') add_history(line);
  self.on_line_(std::string(line) + "\n");
  if (current == &self) self.wait_for_line();
}

void LineEditor::hide() {
  if (!waiting_) return;
  std::fputs("\r\x1b[K", stdout);
  std::fflush(stdout);
}

void LineEditor::show() {
  if (waiting_) rl_forced_update_display();
}

}  // namespace twister::tool
