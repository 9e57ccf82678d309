#include "texts.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "exit_code.hpp"

namespace twister::tool {

namespace {

constexpr std::string_view blanks = " \t\r\n";

void require_fits(std::size_t bytes, std::size_t line) {
  if (bytes <= max_text_bytes) return;
  throw InputError("line " + std::to_string(line) + ": longer than " +
                   std::to_string(max_text_bytes) + " bytes");
}

}  // namespace

std::size_t JsonSplitter::find_end() {
  for (; at_ < buffer_.size(); ++at_) {
    const char c = buffer_[at_];
    if (in_string_) {
      if (!escaped_ && c == '"') {
        in_string_ = false;
        if (depth_ == 0) return at_ + 1;
      }
      escaped_ = !escaped_ && c == '\\';
      continue;
    }
    const bool is_first = at_ == 0;
    if (depth_ == 0 && !is_first && (c == '"' || c == '{' || c == '[')) return at_;
    if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      if (depth_ <= 1) return at_ + 1;
      --depth_;
    } else if (depth_ == 0 && blanks.find(c) != std::string_view::npos) {
      return at_;
    }
  }
  return std::string::npos;
}

std::optional<Text> JsonSplitter::next() {
  if (!begun_) {
    const std::size_t begin = std::min(buffer_.find_first_not_of(blanks), buffer_.size());
    line_ += static_cast<std::size_t>(
        std::count(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin), '\n'));
    buffer_.erase(0, begin);
    at_ = 0;
    if (buffer_.empty()) return std::nullopt;
    begun_ = true;
  }
  std::size_t end = find_end();
  require_fits(std::min(end, buffer_.size()), line_);
  if (end == std::string::npos) {
    if (!ended_) return std::nullopt;
    end = buffer_.size();  // what it lacks is for its reader to say
  }
  Text found{buffer_.substr(0, end), line_};
  line_ += static_cast<std::size_t>(std::count(found.text.begin(), found.text.end(), '\n'));
  buffer_.erase(0, end);
  at_ = depth_ = 0;
  begun_ = in_string_ = escaped_ = false;
  return found;
}

std::optional<Text> LineSplitter::next() {
  at_ = buffer_.find('\n', at_);
  const std::size_t end = std::min(at_, buffer_.size());
  require_fits(end - begin_, line_);
  if (at_ == std::string::npos && (!ended_ || begin_ == buffer_.size())) {
    // Moved once for many lines.
    buffer_.erase(0, std::exchange(begin_, 0));
    at_ = buffer_.size();
    return std::nullopt;
  }
  Text found{buffer_.substr(begin_, end - begin_), line_++};
  if (found.text.ends_with('\r')) found.text.pop_back();
  begin_ = at_ = std::min(end + 1, buffer_.size());
  return found;
}

void require_json(const Text& text) {
  try {
    const auto ignored = nlohmann::json::parse(text.text);
  } catch (const nlohmann::json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while ..."
    std::string what = error.what();
    if (const std::size_t bracket = what.find("] "); bracket != std::string::npos) {
      what.erase(0, bracket + 2);
    }
    throw InputError(
        (text.line == 0 ? "the request" : "the text in line " + std::to_string(text.line)) +
        " is not JSON: " + what);
  }
}

}  // namespace twister::tool
