// src/rpc/duplex_answer.hpp - a call of a peer's that is being answered.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <twister/rpc/detail/duplex_methods.hpp>
#include <twister/rpc/detail/duplex_peer.hpp>
#include <twister/rpc/json_rpc_error.hpp>

#include "free_methods.hpp"
#include "guarded.hpp"

namespace twister::detail {

// For what a handler has thrown. Logs it, unless it is meant for the caller.
template <class Wire>
DuplexFailure failure_of(const std::exception_ptr& thrown, const std::string& method) {
  std::string what(not_an_exception);
  try {
    std::rethrow_exception(thrown);
  } catch (const JsonRpcError& error) {  // of arguments that do not fit, among others
    return Wire::failure(error, method);
  } catch (const RpcError& error) {
    return Wire::failure(error.status());
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  return Wire::internal_error(log_handler_threw(method, what), method);
}

template <class Wire>
class DuplexAnswer final : public LateAnswer {
 public:
  using json = nlohmann::json;
  using Ticket = typename Wire::Ticket;

  DuplexAnswer(DuplexPeer<Wire>& peer, std::string method, Ticket ticket)
      : peer_(peer.weak_from_this()),
        epoch_(peer.epoch_),
        method_(std::move(method)),
        ticket_(std::move(ticket)) {
    ++peer.serving_;
    ++peer.replies_;
  }
  ~DuplexAnswer() override {
    constexpr const char* why = "the reply was destroyed unanswered";
    try {
      if (wanted()) {
        end(failure_of<Wire>(std::make_exception_ptr(std::logic_error(why)), method_));
      } else {
        end({RpcStatus(RpcCode::internal, why), nullptr});
      }
    } catch (...) {
      log_callback_threw(std::current_exception());  // no memory
    }
    if (call_ != nullptr) call_->release();
    if (const auto peer = connected_peer()) --peer->replies_;
  }
  DuplexAnswer(const DuplexAnswer&) = delete;
  DuplexAnswer& operator=(const DuplexAnswer&) = delete;

  // Who is told of the answer, and tells of its end without one.
  void set_call(FreeCall& call) {
    call.retain();
    call_ = &call;
  }

  void give(json result) override { end({}, std::move(result)); }
  void fail(const RpcStatus& status) override {
    if (!answered_) end(Wire::failure(status));
  }
  void fail(const JsonRpcError& error) override {
    if (!answered_) end(Wire::failure(error, method_));
  }
  void fail(const std::exception_ptr& thrown) override {
    if (!answered_) end(failure_of<Wire>(thrown, method_));
  }
  bool wanted() const noexcept override {
    if (answered_ || ticket_.is_notice) return false;
    const auto peer = connected_peer();
    return peer != nullptr && peer->is_open();
  }
  void on_cancel(std::function<void()> function) override {
    if (call_ != nullptr) call_->on_cancel(std::move(function));
  }

 private:
  // Null when the connection of the call is lost.
  std::shared_ptr<typename Wire::Peer> connected_peer() const noexcept {
    auto peer = peer_.lock();
    return peer != nullptr && peer->epoch_ == epoch_ ? peer : nullptr;
  }
  void end(DuplexFailure failure, json result = nullptr) {
    if (std::exchange(answered_, true)) return;
    if (call_ != nullptr) call_->answered(failure.status);
    if (const auto peer = connected_peer()) {
      peer->answer_late(ticket_, std::move(failure.error), std::move(result));
    }
  }

  std::weak_ptr<typename Wire::Peer> peer_;
  std::uint64_t epoch_;
  std::string method_;
  Ticket ticket_;
  bool answered_ = false;
  FreeCall* call_ = nullptr;
};

}  // namespace twister::detail
