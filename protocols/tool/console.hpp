// console.hpp - what the program prints: results on standard output, all else on standard error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <twister/rpc/status.hpp>

namespace twister::tool {

class LineEditor;

// The text with everything escaped that could steer a terminal: control characters as \u001b, which is what JSON
// writes, bytes that are not UTF-8 as \xff, and what reverses the direction of writing.
std::string printable(std::string_view text, bool keep_newlines = false);

// Errors: a reader of standard output who is gone ends the program, quietly and at once; other errors end it
//   with code 5.
class Console {
 public:
  Console();
  ~Console() { erase_progress(); }
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  bool reads_terminal() const noexcept { return reads_terminal_; }
  bool prints_to_terminal() const noexcept { return prints_to_terminal_; }

  // A result, with a newline behind it, at once. On a terminal printable(); in a pipe as it is.
  void print(std::string_view text);
  // A line about what goes on, printable() everywhere: much of it comes from peers.
  void note(std::string_view text);
  // "twister: TEXT"
  void complain(std::string_view text);
  // "NOT_FOUND (5): no such room", and its details.
  void note_status(const RpcStatus& status);

  // Results so far.
  std::size_t printed() const noexcept { return printed_; }

  // What goes on meanwhile: a line on the terminal that whatever is printed next takes the place of. Nothing in a
  // pipe, and while somebody types.
  void show_progress(std::string_view text);
  void erase_progress();
  // While standard input is read from a terminal there is none.
  void set_typing(bool typing) noexcept { typing_ = typing; }

  // Lines are printed above what is being typed. Null: nothing is.
  void set_editor(LineEditor* editor) noexcept { editor_ = editor; }

 private:
  void write(int descriptor, std::string_view text);

  bool reads_terminal_;
  bool prints_to_terminal_;
  bool colours_;  // standard error is a terminal that knows how to
  bool has_progress_;
  bool typing_ = false;
  bool progress_shown_ = false;
  std::size_t printed_ = 0;
  LineEditor* editor_ = nullptr;
};

}  // namespace twister::tool
