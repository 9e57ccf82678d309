// A call of the peer that is answered later.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <twister/rpc/torpc_peer.hpp>

#include "free_methods.hpp"

namespace twister::detail {

// What a handler has thrown, as its caller is told. Logs it, unless it is meant for the caller.
RpcStatus torpc_error_of(const std::exception_ptr& thrown, const std::string& method);

class TorpcAnswer {
 public:
  TorpcAnswer(TorpcPeer& peer, std::string method, std::int32_t id, bool is_notice)
      : peer_(peer.weak_from_this()),
        epoch_(peer.epoch_),
        method_(std::move(method)),
        id_(id),
        is_notice_(is_notice) {
    ++peer.serving_;
    ++peer.replies_;
  }
  ~TorpcAnswer();
  TorpcAnswer(const TorpcAnswer&) = delete;
  TorpcAnswer& operator=(const TorpcAnswer&) = delete;

  // Who is told of the answer, and tells of its end without one.
  void set_call(FreeCall& call) {
    call.retain();
    call_ = &call;
  }

  void give(nlohmann::json result) { respond({}, nullptr, std::move(result)); }
  void fail(const RpcStatus& status) {
    respond(status, status.text.empty() ? status.message() : status.text, nullptr);
  }
  void fail(const std::exception_ptr& thrown) {
    if (!answered_) fail(torpc_error_of(thrown, method_));
  }
  bool wanted() const noexcept;
  void on_cancel(std::function<void()> function) {
    if (call_ != nullptr) call_->on_cancel(std::move(function));
  }

 private:
  void respond(const RpcStatus& status, nlohmann::json error, nlohmann::json result);

  std::weak_ptr<TorpcPeer> peer_;
  std::uint64_t epoch_;
  std::string method_;
  std::int32_t id_;
  bool is_notice_;
  bool answered_ = false;
  FreeCall* call_ = nullptr;
};

}  // namespace twister::detail
