// texts.hpp - standard input in pieces: JSON texts behind each other, or lines.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace twister::tool {

// A piece, and the line that it begins in, counted from 1.
struct Text {
  std::string text;
  std::size_t line = 0;
};

// No message may be larger on the wire than 1 MiB, unless its receiver says so; JSON is larger.
inline constexpr std::size_t max_text_bytes = 16 * 1024 * 1024;

// JSON texts with or without white space between them: objects, arrays and strings end where they end, all else
// at white space or at the end of the input. Whether they make sense is for their reader to say.
//
// Limits: max_text_bytes of one text. Errors: InputError over that, and for input that ends inside a text.
class JsonSplitter {
 public:
  void add(std::string_view bytes) { buffer_.append(bytes); }
  // There will be no more.
  void end() noexcept { ended_ = true; }
  bool ended() const noexcept { return ended_; }
  std::optional<Text> next();

 private:
  // The end of the text that begins at `begin_`, or npos.
  std::size_t find_end();

  std::string buffer_;
  std::size_t at_ = 0;    // looked at
  std::size_t line_ = 1;  // at the front of the buffer
  std::size_t depth_ = 0;
  bool begun_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool ended_ = false;
};

// Lines without their ends (LF, or CR and LF), also the last one. Limits and errors: the same.
class LineSplitter {
 public:
  void add(std::string_view bytes) { buffer_.append(bytes); }
  void end() noexcept { ended_ = true; }
  bool ended() const noexcept { return ended_; }
  std::optional<Text> next();

 private:
  std::string buffer_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::size_t line_ = 1;
  bool ended_ = false;
};

// Throws InputError that says what is wrong and where, unless the text is JSON.
void require_json(const Text& text);

}  // namespace twister::tool
