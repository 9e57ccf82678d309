#include "twister/rpc/detail/stream_state.hpp"

#include <climits>
#include <stdexcept>
#include <utility>

#include <twister/rpc/detail/little_endian.hpp>

#include "guarded.hpp"

namespace twister::detail {

namespace {

constexpr std::size_t length_bytes = 4;

void append(ByteBuffer& to, ByteView message) {
  std::byte length[length_bytes];
  store_little(length, static_cast<std::uint32_t>(message.size()));
  to.append(ByteView(length, length_bytes), message);
}

ByteView front_of(const ByteBuffer& buffer) noexcept {
  const ByteView all = buffer.view();
  return all.subspan(length_bytes, load_little<std::uint32_t>(all.data()));
}

}  // namespace

// ---- memory ----

void RpcStreamState::counts_in(std::shared_ptr<RpcStreamMemory> memory) noexcept {
  if (memory_ != nullptr) memory_->change(std::exchange(counted_, 0), 0);
  memory_ = std::move(memory);
  count();
}

void RpcStreamState::count() noexcept {
  const std::size_t kept = received_.capacity() + unsent_.capacity();
  if (memory_ != nullptr && kept != counted_) memory_->change(std::exchange(counted_, kept), kept);
}

// ---- sending ----

WriteStatus RpcStreamState::send(const MessageLite& message) {
  if (ends_ || deferred_ || closed()) return WriteStatus::closed;
  if (!message.IsInitialized()) return WriteStatus::refused;
  const std::size_t size = message.ByteSizeLong();
  if (size > link_.max_message_bytes()) return WriteStatus::refused;
  if (ready()) {
    const WriteStatus status = write(size, &message, {});
    return status == WriteStatus::queued && send_credit_ <= 0 ? WriteStatus::paused : status;
  }
  if (unsent_.size() + size > max_unsent_bytes || !has_room(size)) return WriteStatus::dropped;
  std::byte* const room = unsent_.prepare(length_bytes + size).data();
  store_little(room, static_cast<std::uint32_t>(size));
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(room + length_bytes));
  unsent_.commit(length_bytes + size);
  count();
  return WriteStatus::paused;
}

WriteStatus RpcStreamState::write(std::size_t size, const MessageLite* message, ByteView bytes) {
  send_credit_ -= static_cast<std::int64_t>(frame_bytes + size);
  return link_.send_data(message, bytes);
}

void RpcStreamState::send_unsent() {
  while (!unsent_.empty() && has_credit()) {
    const ByteView message = front_of(unsent_);
    if (message.size() > link_.max_message_bytes()) {  // not known when it was sent
      return break_off(RpcStatus(RpcCode::resource_exhausted,
                                 "a message of the stream is larger than the peer takes"));
    }
    write(message.size(), nullptr, message);
    unsent_.consume(length_bytes + message.size());
  }
  count();
  if (!unsent_.empty() || !open_) return;
  if (ends_ && !end_sent_) {
    end_sent_ = true;
    link_.send_end();
  }
  if (deferred_) {
    const RpcStatus status = *std::exchange(deferred_, std::nullopt);
    link_.end_call(status);
    link_.release_call();
    return;
  }
  tell_ready();
}

void RpcStreamState::tell(const char* callback, std::function<void()>& once) noexcept {
  if (auto function = std::exchange(once, {})) guarded(callback, link_.method_name(), function);
}

// A function may ask for itself again, for as long as there is credit: that is a loop, and no recursion.
void RpcStreamState::tell_ready() {
  if (std::exchange(telling_ready_, true)) return;
  while (on_ready_ && (ready() || closed())) tell("when_ready", on_ready_);
  telling_ready_ = false;
}

void RpcStreamState::when_ready(std::function<void()> function) {
  const KeptCall kept(link_);
  on_ready_ = std::move(function);
  tell_ready();
}

void RpcStreamState::await_ready(std::function<void()> resume) {
  if (on_ready_) throw std::logic_error("RpcWriter::ready: another waits for this stream already");
  when_ready(std::move(resume));
}

void RpcStreamState::end_sending() {
  if (std::exchange(ends_, true)) return;
  if (!closed()) send_unsent();
}

void RpcStreamState::on_credit(std::uint32_t bytes) {
  const KeptCall kept(link_);
  open_ = true;
  // More than any stream needs is as good as unlimited, and does not overflow.
  constexpr std::int64_t most = INT64_MAX / 2;
  send_credit_ = send_credit_ > most ? most : send_credit_ + bytes;
  send_unsent();
}

void RpcStreamState::on_output_low() {
  const KeptCall kept(link_);
  send_unsent();
}

bool RpcStreamState::defers(const RpcStatus& status) {
  if (deferred_) return true;
  if (unsent_.empty() || closed()) return false;
  deferred_ = status;
  link_.retain_call();
  return true;
}

// ---- receiving ----

const char* RpcStreamState::on_data(ByteView message) {
  if (status_) return nullptr;  // it was cancelled, or is broken: nobody looks
  if (receive_credit_ <= 0) return "more of a stream than there was credit for";
  if (!has_room(message.size())) return "the streams of this connection keep too much";
  receive_credit_ -= static_cast<std::int64_t>(frame_bytes + message.size());
  on_reply(message);
  return nullptr;
}

void RpcStreamState::on_reply(ByteView message) {
  const KeptCall kept(link_);
  append(received_, message);
  pump();
}

void RpcStreamState::on_end() {
  if (status_) return;
  const KeptCall kept(link_);
  status_ = RpcStatus();
  pump();
}

void RpcStreamState::on_answer(const RpcStatus& status) {
  const KeptCall kept(link_);
  if (!status_ || status_->ok()) status_ = status;
  unsent_.release();
  if (deferred_) {
    deferred_.reset();
    link_.release_call();
  }
  tell_ready();
  pump();
}

void RpcStreamState::on_abandon(const RpcStatus& status) {
  received_.release();
  paused_ = false;
  on_answer(status);
}

ByteView RpcStreamState::front() const noexcept {
  return front_of(received_);
}

// The receiver has taken so much: half a window at a time is given back.
void RpcStreamState::taken(std::size_t bytes) {
  taken_ += frame_bytes + bytes;
  if (taken_ * 2 < window_ || status_) return;
  receive_credit_ += static_cast<std::int64_t>(taken_);
  link_.send_credit(static_cast<std::uint32_t>(std::exchange(taken_, 0)));
}

RpcStreamState::Taken RpcStreamState::take(MessageLite& into) {
  // A function that is being given the first message would be given another's bytes.
  if (receives_) throw std::logic_error("RpcReader::read: a function receives this stream already");
  if (received_.empty()) return status_ ? Taken::end : Taken::nothing;
  const ByteView message = front();
  const std::size_t size = message.size();
  const bool parsed = size <= INT_MAX &&
                      into.ParsePartialFromArray(message.data(), static_cast<int>(size)) &&
                      into.IsInitialized();
  received_.consume(length_bytes + size);
  taken(size);
  count();
  if (parsed) return Taken::message;
  break_off(RpcStatus(RpcCode::invalid_argument, "a message of the stream is malformed"));
  return Taken::end;
}

void RpcStreamState::await_readable(std::function<void()> resume) {
  if (on_readable_) throw std::logic_error("RpcReader::read: another reads this stream already");
  on_readable_ = std::move(resume);
}

void RpcStreamState::receive(std::function<bool(ByteView)> on_message,
                             std::function<void(const RpcStatus&)> on_end) {
  if (on_readable_) throw std::logic_error("RpcReader::receive: a read waits already");
  const KeptCall kept(link_);
  receives_ = true;
  on_message_ = std::move(on_message);
  on_end_ = std::move(on_end);
  pump();
}

void RpcStreamState::resume() {
  paused_ = false;
  const KeptCall kept(link_);
  pump();
}

// Hands on what there is, unless it is being done already further up.
void RpcStreamState::pump() {
  if (pumping_) return;
  if (on_message_) {
    pumping_ = true;
    hand_on_all();
    pumping_ = false;
  } else if (!received_.empty() || status_) {
    tell("read", on_readable_);
  }
  count();
}

void RpcStreamState::hand_on_all() {
  while (!received_.empty() && !paused_) {
    // Moved out: the function may end the call, or receive more.
    const ByteView message = front();
    const std::size_t size = message.size();
    if (!hand_on(message)) break;
    if (received_.empty()) break;  // it has ended the call
    received_.consume(length_bytes + size);
    taken(size);
  }
  // Who is told of the end may receive once more, and is told again.
  while (on_message_ && received_.empty() && status_ && !paused_) tell_end();
}

// False when there is nothing more to hand on: the stream is not taken any further.
bool RpcStreamState::hand_on(ByteView message) {
  // Out of its place, where receive() may put another while it runs.
  auto function = std::exchange(on_message_, {});
  bool taken = false;
  try {
    taken = function(message);
    if (!taken) {
      break_off(RpcStatus(RpcCode::invalid_argument, "a message of the stream is malformed"));
    }
  } catch (...) {
    link_.end_call_with_exception();
    break_off(RpcStatus(RpcCode::internal, "the receiver of the stream threw"));
  }
  if (!on_message_) on_message_ = std::move(function);
  return taken;
}

void RpcStreamState::tell_end() noexcept {
  // They may hold handles of this very stream, and what they do may change the status.
  const auto no_more = std::exchange(on_message_, {});
  const auto function = std::exchange(on_end_, {});
  if (!function) return;
  guarded("on_end", link_.method_name(), [&, status = *status_] { function(status); });
}

void RpcStreamState::break_off(const RpcStatus& why) {
  const KeptCall kept(link_);
  link_.end_call(why);
  received_.release();
  if (!status_ || status_->ok()) status_ = why;
  pump();
}

}  // namespace twister::detail
