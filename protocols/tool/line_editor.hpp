// line_editor.hpp - lines typed on a terminal, with editing and history, by libedit where it is there.
#pragma once

#include <functional>
#include <string>

namespace twister::tool {

// Ownership: one at a time. It puts the terminal back when it goes.
// Limits: the last 1000 lines are remembered, in $XDG_STATE_HOME/twister/history (~/.local/state without), which
//   only its owner may read.
class LineEditor {
 public:
  static bool available() noexcept;

  // `on_line` has the newline at its end; `on_end` is Ctrl-D.
  LineEditor(std::function<void(std::string)> on_line, std::function<void()> on_end);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // Standard input is readable.
  void read();
  // Takes what is being typed off the terminal, so that something may be printed; and shows it again.
  void hide();
  void show();

 private:
  static void take(char* line);
  void wait_for_line();

  std::function<void(std::string)> on_line_;
  std::function<void()> on_end_;
  bool waiting_ = false;
};

}  // namespace twister::tool
