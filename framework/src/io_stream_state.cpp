#include "io_stream_state.hpp"

#include <algorithm>

#include <twister/io_loop.hpp>

#include "loop_core.hpp"
#include "task_exception.hpp"

namespace twister {
using detail::ReadRequest;

namespace {

// The code of what was thrown, if that says no more than the end of the stream does: one of our own, or
// `ended`.
std::error_code stream_error(const std::exception_ptr& thrown, std::error_code ended) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::system_error& error) {
    const std::error_code code = error.code();
    const bool ours = code.category() == make_error_code(Errc::closed_here).category();
    return ours || code == ended ? code : std::error_code();
  } catch (...) {
    return {};
  }
}

}  // namespace

// ---- State ----

void IOStream::State::attach(IOLoop& loop, Adapter& adapter) noexcept {
  loop_ = &loop;
  lifetime_ = loop.core().lifetime();
  adapter_ = &adapter;
}

void IOStream::State::read(ReadRequest request, const ReadOptions& options) {
  IOLoop* const loop = living_loop();
  if (loop == nullptr) return;
  if (options.timeout > Duration::zero()) {
    const TimerId timer = loop->call_later(options.timeout, [weak = weak_from_this()] {
      if (const auto state = weak.lock()) state->cancel(Errc::read_timeout);
    });
    request.deadline = std::shared_ptr<void>(nullptr, [loop, lifetime = lifetime_, timer](void*) {
      if (!lifetime.expired()) loop->cancel(timer);
    });
  }
  if (reader_.start(std::move(request))) advance_soon();
  settle();
}

void IOStream::State::cancel(std::uint64_t read, std::error_code why) {
  if (!reader_.cancel(read, why)) return;
  advance_soon();
  settle();
}

void IOStream::State::cancel(std::error_code why) {
  if (!reader_.cancel(why)) return;
  advance_soon();
  settle();
}

void IOStream::State::pause(bool on) {
  paused_ = on;
  settle();
}

// Ends the pending read, and those to come once what is there has been read.
void IOStream::State::end_reads(std::error_code why) {
  later([why](State& state) { state.reader_.end(why); });
}

WriteStatus IOStream::State::written(WriteStatus status) noexcept {
  if (status == WriteStatus::paused) output_high_ = true;
  return status;
}

void IOStream::State::when_drained(std::function<void(std::error_code)> function) {
  ++last_drain_;
  if (output_high_ && adapter_ != nullptr) {
    return drain_waiters_.push_back({std::move(function), last_drain_});
  }
  later([function = std::move(function)](State& state) {
    const bool ended = state.adapter_ == nullptr || !state.adapter_->is_open();
    const std::error_code error = state.error_ ? state.error_ : make_error_code(Errc::closed_here);
    function(ended ? error : std::error_code());
  });
}

void IOStream::State::cancel_drain(std::uint64_t waiter) {
  const auto found = std::find_if(drain_waiters_.begin(), drain_waiters_.end(),
                                  [waiter](const Waiter& each) { return each.number == waiter; });
  if (found == drain_waiters_.end()) return;  // it is told already, or about to be
  tell_later(found->function, std::make_error_code(std::errc::operation_canceled));
  drain_waiters_.erase(found);
}

void IOStream::State::on_write_resumed() {
  output_high_ = false;
  tell(drain_waiters_, {});
}

void IOStream::State::tell(std::vector<Waiter>& waiters, std::error_code error) {
  for (const Waiter& waiter : std::exchange(waiters, {})) waiter.function(error);
}

void IOStream::State::tell_later(const std::function<void(std::error_code)>& function,
                                 std::error_code error) {
  later([function, error](State&) { function(error); });
}

void IOStream::State::when_open(std::function<void(std::error_code)> function) {
  if (adapter_ != nullptr && !opened_) return open_waiters_.push_back({std::move(function)});
  tell_later(function, opened_ ? std::error_code() : error_);
}

void IOStream::State::start_tls(const TransportLayer& tls,
                                std::function<void(std::error_code)> function) {
  if (adapter_ == nullptr || !adapter_->is_open()) {
    return tell_later(function, error_ ? error_ : make_error_code(Errc::closed_here));
  }
  if (reader_.reading()) return tell_later(function, Errc::already_reading);
  if (!reader_.empty()) return tell_later(function, Errc::unread_input);
  if (starts_tls_)
    return tell_later(function, std::make_error_code(std::errc::operation_in_progress));
  adapter_->start_tls(tls, [weak = weak_from_this()] {
    if (const auto state = weak.lock()) state->on_open();
  });
  starts_tls_ = true;
  opened_ = false;
  open_waiters_.push_back({std::move(function)});
}

void IOStream::State::on_open() {
  opened_ = true;
  starts_tls_ = false;
  tell(open_waiters_, {});
}

void IOStream::State::abandon() {
  reader_.forget();
  drain_waiters_.clear();
  open_waiters_.clear();
  if (Adapter* adapter = std::exchange(adapter_, nullptr)) adapter->abandon(reader_.breach());
}

void IOStream::State::on_data(ByteView chunk) {
  reader_.arrived(chunk);
  settle();
}

void IOStream::State::on_close(const CloseReason& reason) {
  adapter_ = nullptr;
  error_ = reason.code;
  reader_.end(reason.code);
  const std::error_code why = reason.code ? reason.code : make_error_code(Errc::end_of_stream);
  tell(open_waiters_, why);
  tell(drain_waiters_, why);
}

void IOStream::State::advance() {
  reader_.advance();
  settle();
}

void IOStream::State::advance_soon() {
  later([](State& state) { state.advance(); });
}

// From the loop, whether the connection lives until then or not; what it throws costs the connection.
void IOStream::State::later(std::function<void(State&)> work) {
  IOLoop* const loop = living_loop();
  if (loop == nullptr) return;
  loop->add_callback([self = shared_from_this(), work = std::move(work)] {
    if (self->adapter_ == nullptr) return work(*self);
    self->adapter_->run_guarded([&] { work(*self); });
  });
}

// Receives while a read waits for bytes, and while there are none, so as to notice the peer's end.
void IOStream::State::settle() {
  if (adapter_ == nullptr) return;
  if (const std::error_code breach = reader_.breach()) adapter_->close(breach);
  if (!reader_.empty()) adapter_->account_input();
  if (!paused_ && (reader_.reading() || reader_.empty())) {
    adapter_->resume_reading();
  } else {
    adapter_->pause_reading();
  }
}

std::function<void(std::exception_ptr)> IOStream::State::failure_handler() {
  auto connection = adapter_ != nullptr ? adapter_->self() : std::make_shared<Adapter*>(nullptr);
  return [self = shared_from_this(), connection](const std::exception_ptr& error) {
    if (error == nullptr) return;
    if (*connection != nullptr) return (*connection)->task_threw(error);
    if (stream_error(error, self->error_)) return;
    detail::log_task_exception(error, self->peer_.to_string());
  };
}

// ---- Adapter ----

IOStream::Adapter::~Adapter() {
  if (self_ != nullptr) *self_ = nullptr;
  if (state_ != nullptr) state_->detach();  // without a word: the loop was ending
}

void IOStream::Adapter::abandon(std::error_code breach) {
  state_ = nullptr;
  set_close_callback(nullptr);
  abandoned_open_ = is_open() && !breach;
  close(breach);
}

std::shared_ptr<IOStream::Adapter*> IOStream::Adapter::self() {
  if (self_ == nullptr) self_ = std::make_shared<Adapter*>(this);
  return self_;
}

void IOStream::Adapter::task_threw(const std::exception_ptr& error) {
  if (const std::error_code code = stream_error(error, {})) {
    if (abandoned_open_) blame({.code = code, .detail = {}});
  } else {
    run_guarded([&error] { std::rethrow_exception(error); });
  }
}

void IOStream::Adapter::on_connect() {
  const auto state = state_;
  if (state == nullptr) return;
  if (on_open_) {
    state->attach(loop(), *this);
    state->set_max_buffer_size(stream_options().max_buffer_size);
    std::exchange(on_open_, {})(IOStream(state));
  }
  state->on_open();
}

void IOStream::Adapter::on_data(ByteView chunk) {
  if (const auto state = state_) state->on_data(chunk);
}

EofAction IOStream::Adapter::on_eof() {
  const auto state = state_;
  if (state == nullptr) return EofAction::close;
  state->on_eof();
  return state_ != nullptr && state->keeps_open() ? EofAction::keep_open : EofAction::close;
}

void IOStream::Adapter::on_drain() {
  const auto state = state_;
  if (state == nullptr || !state->keeps_open()) return Protocol::on_drain();
  state->on_eof();  // whoever reads comes to an end, and closes behind the last reply
}

void IOStream::Adapter::on_write_resumed() {
  if (const auto state = state_) state->on_write_resumed();
}

void IOStream::Adapter::on_close(const CloseReason& reason) {
  if (const auto state = state_) state->on_close(reason);
}

std::size_t IOStream::Adapter::kept_bytes() const noexcept {
  return state_ == nullptr ? 0 : state_->kept_bytes();
}

}  // namespace twister
