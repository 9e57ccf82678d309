#include "input.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

namespace twister::tool {

bool input_is_redirected() {
  struct stat about {};
  if (::fstat(STDIN_FILENO, &about) != 0) return false;
  return S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode) || S_ISREG(about.st_mode);
}

Input::~Input() {
  *alive_ = false;
  finish();
}

void Input::start(std::function<void(std::string_view)> on_bytes, std::function<void()> on_end) {
  on_bytes_ = std::move(on_bytes);
  on_end_ = std::move(on_end);
  reading_ = true;
  if (console_.reads_terminal() && console_.prints_to_terminal() && LineEditor::available()) {
    editor_ = std::make_unique<LineEditor>([this](const std::string& line) { on_bytes_(line); },
                                           [this] { end(); });
    console_.set_editor(editor_.get());
  }
  console_.set_typing(console_.reads_terminal());
  always_ready_ = !console_.reads_terminal() && !input_is_redirected();
  struct stat about {};
  always_ready_ |= ::fstat(STDIN_FILENO, &about) != 0 || S_ISREG(about.st_mode);
  if (always_ready_) return read_soon();
  loop_.add_handler(STDIN_FILENO, Readiness::readable, [this](Readiness) {
    if (editor_ != nullptr) {
      editor_->read();
    } else {
      read();
    }
  });
}

void Input::read() {
  std::array<char, 64 * 1024> bytes;
  const ssize_t size = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (size <= 0) return end();
  on_bytes_(std::string_view(bytes.data(), static_cast<std::size_t>(size)));
}

void Input::read_soon() {
  if (std::exchange(scheduled_, true)) return;
  loop_.add_callback([this, alive = alive_] {
    if (!*alive) return;
    scheduled_ = false;
    if (!reading_ || paused_) return;
    read();
    if (reading_ && !paused_) read_soon();
  });
}

void Input::pause() {
  if (std::exchange(paused_, true) || !reading_ || always_ready_) return;
  loop_.update_handler(STDIN_FILENO, Readiness::none);
}

void Input::resume() {
  if (!std::exchange(paused_, false) || !reading_) return;
  if (always_ready_) return read_soon();
  loop_.update_handler(STDIN_FILENO, Readiness::readable);
}

void Input::end() {
  if (!reading_) return;
  reading_ = false;
  if (!always_ready_) loop_.remove_handler(STDIN_FILENO);
  // Not here: this may be the editor's own call.
  loop_.add_callback([this, alive = alive_] {
    if (!*alive) return;
    finish();
    on_end_();
  });
}

void Input::finish() {
  if (std::exchange(reading_, false) && !always_ready_) loop_.remove_handler(STDIN_FILENO);
  console_.set_typing(false);
  console_.set_editor(nullptr);
  editor_.reset();
}

}  // namespace twister::tool
