// src/stream_output.cpp - what a stream sends: queue, limits, watermarks.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "loop_core.hpp"
#include "stream.hpp"
#include "stream_extras.hpp"

namespace twister::detail {
namespace {

// From here on a write is tried from the caller's memory before what is left of it is copied.
constexpr std::size_t large_write_bytes = 16 * 1024;

// Pieces of one gathered send.
constexpr std::size_t max_pieces = 16;

}  // namespace

WriteStatus Stream::write_late() noexcept {
  ++options_->traffic.writes_late;
  return WriteStatus::closed;
}

// What few writes need stays out of line, so that the others save no registers for it.
inline ByteBuffer& Stream::tail() {
  if (output_ == nullptr) [[unlikely]]
    acquire_output();
  return output_->tail();
}

[[gnu::noinline]] void Stream::acquire_output() {
  output_ = loop_.acquire_output();
}

ByteBuffer* Stream::begin_write() {
  if (!takes_output()) [[unlikely]] {
    write_late();
    return nullptr;
  }
  encoding_ = true;
  return &tail();
}

WriteStatus Stream::end_write(bool keep) {
  encoding_ = false;
  const bool plain =
      keep && state_ < State::dying && options_->slow_consumer == SlowConsumer::abort;
  if (!plain) [[unlikely]]
    return end_rare_write(keep);
  output_->commit_tail();
  // Nearly always that is all: it is below what anybody minds, and leaves when the turn ends.
  const std::size_t held = output_->held_bytes();
  if (held != 0 && held <= options_->high_watermark_bytes &&
      held <= options_->max_write_buffer_size && in_turn_ && !write_paused_) [[likely]] {
    return WriteStatus::queued;
  }
  return after_encoding();
}

[[gnu::noinline]] WriteStatus Stream::after_encoding() {
  if (output_->empty()) loop_.release_output(std::move(output_));
  return over_limit(0) ? WriteStatus::dropped : after_write();
}

[[gnu::noinline]] WriteStatus Stream::end_rare_write(bool keep) {
  if (state_ >= State::dying) {  // aborted by what was encoding, see fail()
    loop_.release_output(std::move(output_));
    return WriteStatus::closed;
  }
  if (keep) return end_droppable_write();
  output_->roll_back_tail();
  if (output_->empty()) loop_.release_output(std::move(output_));
  return WriteStatus::refused;
}

// Where a write may be dropped, what was encoded is taken out of the queue until it is known to fit.
WriteStatus Stream::end_droppable_write() {
  const ByteView encoded = output_->tail_since_begin();
  const std::string kept(as_text(encoded));
  output_->roll_back_tail();
  if (output_->empty()) loop_.release_output(std::move(output_));
  return write(as_bytes(kept));
}

WriteStatus Stream::write(ByteView bytes) {
  if (!takes_output()) return write_late();
  // A part of it cannot be dropped: tried at once only where that never happens.
  if (bytes.size() >= large_write_bytes && writable_ && state_ == State::open &&
      options_->slow_consumer == SlowConsumer::abort) {
    return write_large(bytes);
  }
  if (over_limit(bytes.size())) return WriteStatus::dropped;
  if (bytes.empty() || send_failed_) return after_write();
  tail().append(bytes);
  output_->commit_tail();
  return after_write();
}

WriteStatus Stream::write(const SharedBytes& bytes) {
  if (!takes_output()) return write_late();
  if (over_limit(bytes.size())) return WriteStatus::dropped;
  if (bytes.empty() || send_failed_) return after_write();
  if (output_ == nullptr) output_ = loop_.acquire_output();
  output_->append(bytes);
  return after_write();
}

WriteStatus Stream::write_droppable(const SharedBytes& bytes) {
  if (!takes_output()) return write_late();
  if (over_limit(bytes.size())) return WriteStatus::dropped;
  if (bytes.empty() || send_failed_) return after_write();
  if (output_ == nullptr) output_ = loop_.acquire_output();
  output_->append_droppable(bytes);
  return after_write();
}

WriteStatus Stream::write_large(ByteView bytes) {
  flush();
  while (!bytes.empty() && output_ == nullptr && writable_ && !send_failed_) {
    const IoResult result = transport_->send({&bytes, 1});
    if (result.status == IoResult::Status::failed) {
      send_failed(result.error);
      break;
    }
    if (result.bytes < bytes.size()) writable_ = false;
    sent_bytes_ += result.bytes;
    options_->traffic.sent_bytes += result.bytes;
    bytes = bytes.subspan(result.bytes);
  }
  if (over_limit(bytes.size())) return WriteStatus::dropped;
  if (!bytes.empty() && !send_failed_) {
    tail().append(bytes);
    output_->commit_tail();
  }
  return after_write();
}

// The slow consumer: one flush is tried before anything is given up. True when the write is not taken.
bool Stream::give_up_at(std::size_t bytes) {
  if (state_ == State::open) {
    const std::size_t before = held_bytes();
    flush();
    bytes -= before - held_bytes();
    if (bytes <= options_->max_write_buffer_size) return false;
  }
  if (options_->slow_consumer == SlowConsumer::drop_newest) {
    ++options_->traffic.writes_dropped;
    return true;
  }
  if (options_->slow_consumer == SlowConsumer::drop_oldest && output_ != nullptr) {
    const std::size_t before = held_bytes();
    drop_oldest(bytes - options_->max_write_buffer_size);
    bytes -= before - held_bytes();
    if (output_->empty()) loop_.release_output(std::move(output_));
    if (bytes <= options_->max_write_buffer_size) return false;
  }
  ++options_->traffic.writes_dropped;
  abort({.code = Errc::write_limit,
         .detail = "output of " + std::to_string(bytes) + " bytes exceeds max_write_buffer_size " +
                   std::to_string(options_->max_write_buffer_size)});
  return true;
}

void Stream::drop_oldest(std::size_t bytes) {
  options_->traffic.writes_dropped +=
      output_->drop_oldest(bytes, [this](std::size_t before, std::size_t dropped) {
        if (!tells_sent_) return;
        // Who waits for what came behind it need not wait for it.
        for (auto& [position, function] : extras_->when_sent) {
          if (position > sent_bytes_ + before) position -= dropped;
        }
      });
}

WriteStatus Stream::after_write() {
  if (!write_paused_ && queued_bytes() > options_->high_watermark_bytes && is_open()) {
    if (state_ == State::open) flush();
    write_paused_ = queued_bytes() > options_->high_watermark_bytes;
  }
  if (send_failed_) return WriteStatus::closed;
  if (!in_turn_) loop_.schedule(*this);
  return write_paused_ ? WriteStatus::paused : WriteStatus::queued;
}

void Stream::flush() {
  while (output_ != nullptr && writable_ && !send_failed_) {
    const IoResult result = send_output();
    if (result.status == IoResult::Status::failed) return send_failed(result.error);
    sent_bytes_ += result.bytes;
    options_->traffic.sent_bytes += result.bytes;
    if (result.bytes < output_->size()) {
      // Less than all there is: the socket is full, unless there were more pieces than go at once.
      output_->consume(result.bytes);
    } else {
      output_->clear();
      loop_.release_output(std::move(output_));
    }
  }
}

// Offers the transport as much of the output as goes in one send.
IoResult Stream::send_output() {
  const ByteView front = output_->front();
  if (front.size() == output_->size()) [[likely]] {
    const IoResult result = transport_->send({&front, 1});
    if (result.bytes < front.size()) writable_ = false;
    return result;
  }
  std::array<ByteView, max_pieces> pieces;
  const std::size_t count = output_->gather(pieces);
  std::size_t offered = 0;
  for (std::size_t i = 0; i < count; ++i) offered += pieces[i].size();
  const IoResult result = transport_->send(std::span(pieces).first(count));
  if (result.bytes < offered) writable_ = false;
  return result;
}

// The peer takes nothing more. What it sent before is still delivered; then the error shows.
void Stream::send_failed(std::error_code error) {
  send_failed_ = true;
  if (output_ != nullptr) loop_.release_output(std::move(output_));
  if (state_ == State::open && accepts_data() && !eof_) {
    extras().reason = reason_of(error);
    readable_ = true;
    hangup_ = true;
    loop_.schedule(*this);
  } else {
    fail(reason_of(error));
  }
}

void Stream::when_sent(std::function<void(std::error_code)> function) {
  extras().when_sent.emplace_back(sent_bytes_ + queued_bytes(), std::move(function));
  tells_sent_ = true;
  loop_.schedule(*this);
}

void Stream::tell_sent(std::error_code error) {
  // One that asks again is told in another turn: it may go on for ever.
  auto& waiting = extras().when_sent;
  for (std::size_t due = waiting.size(); due > 0; --due) {
    if (!error && waiting.front().first > sent_bytes_) break;
    const auto function = std::move(waiting.front().second);
    waiting.pop_front();
    guard("sent", [&] { function(error); });
  }
  tells_sent_ = !waiting.empty();
  if (tells_sent_ && waiting.front().first <= sent_bytes_) loop_.schedule(*this);
}

void Stream::notify_watermarks() {
  if (!write_paused_) {
    if (queued_bytes() <= options_->high_watermark_bytes) return;
    write_paused_ = true;
  }
  if (!pause_told_) {
    pause_told_ = true;
    guard("on_write_paused", [this] { protocol_->on_write_paused(); });
  }
  if (state_ != State::open || queued_bytes() > options_->low_watermark_bytes) return;
  write_paused_ = false;
  pause_told_ = false;
  resumed_ = true;
  loop_.schedule(*this);
  guard("on_write_resumed", [this] { protocol_->on_write_resumed(); });
}

}  // namespace twister::detail
