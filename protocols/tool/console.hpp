// console.hpp - what the program prints: results on standard output, all else on standard error.
#pragma once

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

  // Lines are printed above what is being typed. Null: nothing is.
  void set_editor(LineEditor* editor) noexcept { editor_ = editor; }

 private:
  void write(int descriptor, std::string_view text);

  bool reads_terminal_;
  bool prints_to_terminal_;
  bool colours_;
  LineEditor* editor_ = nullptr;
};

}  // namespace twister::tool
