// src/pipe_transport.cpp - two pipes as a transport: one to read from, one to write to.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <twister/make_connection.hpp>

#include "descriptor.hpp"
#include "loop_core.hpp"
#include "without_sigpipe.hpp"

namespace twister {
namespace detail {
namespace {

IoResult result_of(ssize_t moved, int error) noexcept {
  if (moved > 0) {
    return {.status = IoResult::Status::ok, .bytes = static_cast<std::size_t>(moved), .error = {}};
  }
  if (moved == 0) return {.status = IoResult::Status::end_of_stream, .bytes = 0, .error = {}};
  if (error == EAGAIN) return {.status = IoResult::Status::would_block, .bytes = 0, .error = {}};
  return {.status = IoResult::Status::failed,
          .bytes = 0,
          .error = std::error_code(error, std::generic_category())};
}

// The input is watched as a socket is. The output is not: a reader that closes its end would be reported
// as a broken connection, and what the other pipe still carries be lost. It is waited for while it is
// full, and only what is sent then finds out that nobody reads.
class PipeTransport final : public Transport {
 public:
  PipeTransport(LoopCore& loop, Descriptor input, Descriptor output) noexcept
      : loop_(loop), input_(std::move(input)), output_(std::move(output)) {}
  ~PipeTransport() override { close(); }
  PipeTransport(const PipeTransport&) = delete;
  PipeTransport& operator=(const PipeTransport&) = delete;

  void start(TransportEvents& events) override {
    const bool again = std::exchange(events_, &events) != nullptr;
    if (input_) {
      if (again) loop_.reactor().remove(input_.get());
      watch_.reset();
      watch_ = loop_.reactor().add(input_.get(), events);
    }
    if (output_ && !again) {
      loop_.add_handler(output_.get(), Readiness::none, [this](Readiness) {
        loop_.update_handler(output_.get(), Readiness::none);
        events_->on_ready(Readiness::writable);
      });
    }
  }

  // Without an input nothing would ever tell that it has ended: establishing does.
  bool established() const noexcept override { return input_ || asked_; }
  IoResult establish() override {
    asked_ = true;
    return {};
  }

  IoResult receive(std::span<std::byte> room) override {
    if (!input_) return result_of(0, 0);
    ssize_t got = 0;
    do {
      got = ::read(input_.get(), room.data(), room.size());
    } while (got < 0 && errno == EINTR);
    const int error = errno;
    const bool drained = got < 0 || (got > 0 && static_cast<std::size_t>(got) < room.size());
    if (drained && watch_ != nullptr) watch_->want_readable();
    return result_of(got, error);
  }

  IoResult send(std::span<const ByteView> pieces) override {
    if (!output_) return result_of(-1, EPIPE);
    std::size_t sent = 0;
    for (const ByteView piece : pieces) {
      ssize_t count = 0;
      int error = 0;
      {
        const WithoutSigpipe without;
        do {
          count = ::write(output_.get(), piece.data(), piece.size());
        } while (count < 0 && errno == EINTR);
        error = errno;
      }
      if (count < 0 && error != EAGAIN) return result_of(-1, error);
      if (count > 0) sent += static_cast<std::size_t>(count);
      if (count < 0 || static_cast<std::size_t>(count) < piece.size()) {
        if (events_ != nullptr) loop_.update_handler(output_.get(), Readiness::writable);
        break;
      }
    }
    return sent > 0 ? result_of(static_cast<ssize_t>(sent), 0) : result_of(-1, EAGAIN);
  }

  void shutdown_send() override { close_output(); }
  void close() noexcept override {
    if (input_ && events_ != nullptr) loop_.reactor().remove(input_.get());
    watch_.reset();
    input_.reset();
    close_output();
  }
  void reset() noexcept override { close(); }
  Address peer_address() const override { return {}; }
  int native_handle() const noexcept override { return input_.get(); }

 private:
  void close_output() noexcept {
    if (output_ && events_ != nullptr) loop_.remove_handler(output_.get());
    output_.reset();
  }

  LoopCore& loop_;
  TransportEvents* events_ = nullptr;  // since start()
  Descriptor input_;
  std::unique_ptr<Watch> watch_;  // of the input
  Descriptor output_;
  bool asked_ = false;
};

void make_non_blocking(const Descriptor& fd) {
  if (!fd) return;
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    throw std::system_error(errno, std::generic_category(), "make_pipe_transport");
  }
}

}  // namespace
}  // namespace detail

std::unique_ptr<Transport> make_pipe_transport(IOLoop& loop, int read_from, int write_to) {
  detail::Descriptor input(read_from);
  detail::Descriptor output(write_to);
  detail::make_non_blocking(input);
  detail::make_non_blocking(output);
  return std::make_unique<detail::PipeTransport>(loop.core(), std::move(input), std::move(output));
}

}  // namespace twister
