// src/admin_request.hpp - reads the head of an HTTP/1 request, byte by byte, without I/O.
//
//   GET /metrics?x HTTP/1.1 CR LF
//   Host: localhost:9100 CR LF
//   CR LF
//
// Stricter than RFC 9112 allows where it offers a choice: no bare LF, no folded headers, no empty
// lines before the request, no space before a colon, only paths, no body of any kind.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <twister/codecs/byte_view.hpp>

namespace twister::detail {

// Of the request line and all headers. A browser with cookies stays below it.
inline constexpr std::size_t max_request_bytes = 8 * 1024;
inline constexpr std::size_t max_request_headers = 100;

struct AdminRequest {
  bool head = false;  // HEAD, not GET
  std::string path;   // without the query
  std::string host;   // as it was sent; empty without one
  bool keep_alive = true;
};

class AdminRequestParser {
 public:
  enum class Status {
    incomplete,
    complete,   // request() is there; what follows is not consumed
    malformed,  // 400
    method,     // 405: neither GET nor HEAD
    too_large,  // 431
  };

  // Takes bytes up to the end of the request and returns how many. Nothing after an error.
  std::size_t feed(ByteView bytes);
  Status status() const noexcept { return status_; }
  const AdminRequest& request() const noexcept { return request_; }
  // For the next request.
  void reset() { *this = AdminRequestParser(); }

 private:
  enum class State {
    method,
    target,
    version,
    line_end,      // the request line's LF
    header_start,  // a header, or the CR of the empty line
    header_name,
    header_value,
    header_end,  // a header's LF
    head_end,    // the empty line's LF
  };

  void take(char byte);
  void take_method(char byte);
  void take_target(char byte);
  void take_version(char byte);
  void take_name(char byte);
  void take_value(char byte);
  void take_line_feed(char byte, State next);
  void finish_header();
  void finish_head();
  void fail(Status why) noexcept { status_ = why; }

  Status status_ = Status::incomplete;
  State state_ = State::method;
  std::size_t bytes_ = 0;
  std::size_t headers_ = 0;
  std::string word_;  // method, target, version, or a header's name in lower case
  std::string value_;
  bool http_1_0_ = false;
  bool host_seen_ = false;
  bool length_seen_ = false;
  bool close_asked_ = false;
  bool keep_alive_asked_ = false;
  AdminRequest request_;
};

}  // namespace twister::detail
