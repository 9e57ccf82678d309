// src/stream_reader.hpp - the bytes that an IOStream has received, and the read that waits for some.
//
// Knows no socket: bytes come in by arrived(), the end by end(). Handlers are called from there and
// from advance(), never from start(): so nothing is called back inside a call that a user made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <twister/codecs/byte_buffer.hpp>
#include <twister/io_stream.hpp>

namespace twister::detail {

// What one read asks for.
struct ReadRequest {
  enum class Kind { bytes, until, close };
  Kind kind = Kind::bytes;
  std::size_t count = 0;                     // bytes: how many
  bool partial = false;                      // bytes: one is enough
  std::span<std::byte> into{};               // bytes: where they shall be copied, unless empty
  std::string delimiter{};                   // until, unless there is a
  Matcher matcher{};                         //   matcher
  std::size_t max_bytes = unlimited;         // until: the most to look through
  std::function<void(ByteView)> on_chunk{};  // bytes, close: takes them as they come
  ReadHandler handler{};
  std::uint64_t number = 0;          // given by start(): the n-th of its stream
  bool begun = false;                // a chunk was handed over
  std::shared_ptr<void> deadline{};  // over when the read is
};

class StreamReader {
 public:
  explicit StreamReader(std::size_t max_buffer_size) : max_buffer_size_(max_buffer_size) {}

  void set_max_buffer_size(std::size_t bytes) noexcept { max_buffer_size_ = bytes; }
  bool reading() const noexcept { return request_.has_value(); }
  bool empty() const noexcept { return buffer_.empty(); }
  std::size_t size() const noexcept { return buffer_.size(); }
  bool has_ended() const noexcept { return ended_; }
  // The limit that the peer broke, for which its connection is to be closed.
  std::error_code breach() const noexcept { return breach_; }

  // Takes the request, or refuses it while another is pending. True when advance() has to be called
  // soon, because no handler is running that it would follow.
  bool start(ReadRequest request);
  // Takes the pending request back; its handler is told `why` by advance(). Bytes stay. False when
  // there is none, or not this one.
  bool cancel(std::error_code why);
  bool cancel(std::uint64_t number, std::error_code why);
  // The number of the request that was started last, also if it was refused.
  std::uint64_t last() const noexcept { return last_; }
  // Calls what is due.
  void advance() { deliver({}); }
  void arrived(ByteView chunk) { deliver(chunk); }
  // No more bytes will come; `why` is empty after a clean end by the peer. The first call counts.
  void end(std::error_code why);
  // Calls nobody any more.
  void forget() noexcept;

 private:
  // How the pending read ends.
  struct Outcome {
    std::error_code error{};
    std::size_t size = 0;  // what it takes of the input
  };

  void deliver(ByteView chunk);
  std::size_t serve(ByteView input);
  std::optional<Outcome> outcome(ByteView input);
  std::optional<Outcome> outcome_of_search(ByteView input);
  std::optional<Outcome> outcome_of_match(std::string_view text, bool complete);
  std::size_t hand_over(ByteView input);
  void complete(std::error_code error, ByteView data);

  std::size_t max_buffer_size_;
  ByteBuffer buffer_;
  std::optional<ReadRequest> request_;
  std::uint64_t last_ = 0;
  std::size_t searched_ = 0;                                     // no delimiter begins before this
  std::vector<std::pair<ReadHandler, std::error_code>> failed_;  // to be told
  ByteBuffer late_;  // what came while a handler ran the loop
  bool delivering_ = false;
  bool ended_ = false;
  std::error_code end_;
  std::error_code breach_;
};

}  // namespace twister::detail
