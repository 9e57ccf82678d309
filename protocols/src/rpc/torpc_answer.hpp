// A call of the peer that is answered later.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <twister/rpc/torpc_peer.hpp>

namespace twister::detail {

// What a caller is told of what a handler has thrown. Logs it, unless it is meant for the caller.
std::string error_text_of(const std::exception_ptr& thrown, const std::string& method);

class TorpcAnswer {
 public:
  TorpcAnswer(TorpcPeer& peer, std::string method, std::int32_t id, bool is_notice)
      : peer_(peer.weak_from_this()),
        epoch_(peer.epoch_),
        method_(std::move(method)),
        id_(id),
        is_notice_(is_notice) {
    ++peer.serving_;
  }
  ~TorpcAnswer();
  TorpcAnswer(const TorpcAnswer&) = delete;
  TorpcAnswer& operator=(const TorpcAnswer&) = delete;

  void give(nlohmann::json result) { respond(nullptr, std::move(result)); }
  void fail(std::string text) { respond(std::move(text), nullptr); }
  void fail(const std::exception_ptr& thrown) {
    if (!answered_) fail(error_text_of(thrown, method_));
  }
  bool wanted() const noexcept;

 private:
  void respond(nlohmann::json error, nlohmann::json result);

  std::weak_ptr<TorpcPeer> peer_;
  std::uint64_t epoch_;
  std::string method_;
  std::int32_t id_;
  bool is_notice_;
  bool answered_ = false;
};

}  // namespace twister::detail
