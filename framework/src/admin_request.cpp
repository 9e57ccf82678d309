#include "admin_request.hpp"

#include <algorithm>

namespace twister::detail {
namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// RFC 9110: tchar.
bool is_token(char c) noexcept {
  const char letter = lower(c);
  return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

std::string_view trim(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Calls `visit` with each element of a comma-separated list, in lower case.
template <class Visit>
void for_each_element(std::string_view list, const Visit& visit) {
  for (;;) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string element(trim(list.substr(0, comma)));
    std::transform(element.begin(), element.end(), element.begin(), lower);
    visit(element);
    if (comma == list.size()) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

std::size_t AdminRequestParser::feed(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  std::size_t used = 0;
  while (used < text.size() && status_ == Status::incomplete) {
    if (bytes_ == max_request_bytes) {
      fail(Status::too_large);
      break;
    }
    ++bytes_;
    take(text[used++]);
  }
  return used;
}

void AdminRequestParser::take(char byte) {
  switch (state_) {
    case State::method:
      return take_method(byte);
    case State::target:
      return take_target(byte);
    case State::version:
      return take_version(byte);
    case State::line_end:
      return take_line_feed(byte, State::header_start);
    case State::header_start:
      if (byte == '\r') {
        state_ = State::head_end;
        return;
      }
      if (++headers_ > max_request_headers) return fail(Status::too_large);
      state_ = State::header_name;
      return take_name(byte);
    case State::header_name:
      return take_name(byte);
    case State::header_value:
      return take_value(byte);
    case State::header_end:
      take_line_feed(byte, State::header_start);
      if (status_ == Status::incomplete) finish_header();
      return;
    case State::head_end:
      take_line_feed(byte, State::head_end);
      if (status_ == Status::incomplete) finish_head();
      return;
  }
}

void AdminRequestParser::take_method(char byte) {
  if (byte != ' ') {
    if (!is_token(byte)) return fail(Status::malformed);
    word_ += byte;
    return;
  }
  if (word_.empty()) return fail(Status::malformed);
  request_.head = word_ == "HEAD";
  if (!request_.head && word_ != "GET") return fail(Status::method);
  word_.clear();
  state_ = State::target;
}

void AdminRequestParser::take_target(char byte) {
  if (byte != ' ') {
    if (byte <= ' ' || byte > '~' || (word_.empty() && byte != '/')) return fail(Status::malformed);
    word_ += byte;
    return;
  }
  if (word_.empty()) return fail(Status::malformed);
  request_.path = word_.substr(0, word_.find('?'));
  word_.clear();
  state_ = State::version;
}

void AdminRequestParser::take_version(char byte) {
  static constexpr std::string_view start = "HTTP/1.";
  if (byte == '\r') {
    if (word_.size() != start.size() + 1) return fail(Status::malformed);
    http_1_0_ = word_.back() == '0';
    word_.clear();
    state_ = State::line_end;
    return;
  }
  const std::size_t at = word_.size();
  const bool good =
      at < start.size() ? byte == start[at] : at == start.size() && (byte == '0' || byte == '1');
  if (!good) return fail(Status::malformed);
  word_ += byte;
}

void AdminRequestParser::take_name(char byte) {
  if (byte == ':' && !word_.empty()) {
    state_ = State::header_value;
  } else if (is_token(byte)) {
    word_ += lower(byte);
  } else {
    fail(Status::malformed);
  }
}

void AdminRequestParser::take_value(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  if (byte == '\r') {
    state_ = State::header_end;
  } else if (byte == '\t' || (code >= ' ' && code != 0x7f)) {
    value_ += byte;
  } else {
    fail(Status::malformed);
  }
}

void AdminRequestParser::take_line_feed(char byte, State next) {
  if (byte != '\n') return fail(Status::malformed);
  state_ = next;
}

void AdminRequestParser::finish_header() {
  const std::string_view value = trim(value_);
  if (word_ == "host") {
    if (host_seen_) return fail(Status::malformed);
    host_seen_ = true;
    request_.host = value;
  } else if (word_ == "content-length") {
    if (length_seen_ || value != "0") return fail(Status::malformed);
    length_seen_ = true;
  } else if (word_ == "transfer-encoding") {
    return fail(Status::malformed);
  } else if (word_ == "connection") {
    for_each_element(value, [this](std::string_view element) {
      close_asked_ = close_asked_ || element == "close";
      keep_alive_asked_ = keep_alive_asked_ || element == "keep-alive";
    });
  }
  word_.clear();
  value_.clear();
}

void AdminRequestParser::finish_head() {
  if (!host_seen_ && !http_1_0_) return fail(Status::malformed);
  request_.keep_alive = !close_asked_ && (!http_1_0_ || keep_alive_asked_);
  status_ = Status::complete;
}

}  // namespace twister::detail
