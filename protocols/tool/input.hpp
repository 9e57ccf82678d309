// input.hpp - standard input as events of a loop: a terminal, a pipe, or a file.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include <twister/io_loop.hpp>

#include "console.hpp"
#include "line_editor.hpp"

namespace twister::tool {

// Whether somebody has put something there for the program to read: a pipe, a socket or a file.
bool input_is_redirected();

// Ownership: the loop and the console outlive it. Threads: the loop's.
// Timing: nothing is read before start(), and while it is paused.
class Input {
 public:
  Input(IOLoop& loop, Console& console) : loop_(loop), console_(console) {}
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // `on_end` is called once, unless the input is destroyed first; an error of reading is an end, too.
  void start(std::function<void(std::string_view)> on_bytes, std::function<void()> on_end);
  // The same, cut by a JsonSplitter or a LineSplitter, which outlives it: `added` is called behind whatever was added
  // to that, and behind the end.
  template <class Splitter>
  void start_cutting(Splitter& texts, std::function<void()> added) {
    start(
        [&texts, added](std::string_view bytes) {
          texts.add(bytes);
          added();
        },
        [&texts, added] {
          texts.end();
          added();
        });
  }
  void pause();
  void resume();

 private:
  void read();
  void read_soon();
  void end();
  void finish();

  IOLoop& loop_;
  Console& console_;
  std::function<void(std::string_view)> on_bytes_;
  std::function<void()> on_end_;
  std::unique_ptr<LineEditor> editor_;
  // What waits in the loop asks whether there is still anything to do.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool reading_ = false;
  bool always_ready_ = false;  // a file: loops cannot wait for it
  bool paused_ = false;
  bool scheduled_ = false;
};

}  // namespace twister::tool
