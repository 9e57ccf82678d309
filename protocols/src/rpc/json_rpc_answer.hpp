// A call of the peer that is answered later.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <twister/rpc/json_rpc_peer.hpp>

#include "free_methods.hpp"

namespace twister {

// A batch of the peer's, and what it is answered with.
struct JsonRpcPeer::ServedBatch {
  nlohmann::json responses = nlohmann::json::array();
  std::size_t pending = 1;  // calls that are not answered yet, and one for the loop over the items
};

namespace detail {

nlohmann::json result_response(nlohmann::json result, nlohmann::json id);
nlohmann::json error_response(const JsonRpcError& error, nlohmann::json id);
// For what a handler has thrown. Logs it, unless it is meant for the caller.
JsonRpcError error_of(const std::exception_ptr& thrown, const std::string& method);

class JsonRpcAnswer {
 public:
  JsonRpcAnswer(JsonRpcPeer& peer, std::string method, nlohmann::json id, bool is_notification,
                std::shared_ptr<JsonRpcPeer::ServedBatch> batch)
      : peer_(peer.weak_from_this()),
        epoch_(peer.epoch_),
        method_(std::move(method)),
        id_(std::move(id)),
        is_notification_(is_notification),
        batch_(std::move(batch)) {
    ++peer.serving_;
    ++peer.replies_;
  }
  ~JsonRpcAnswer();
  JsonRpcAnswer(const JsonRpcAnswer&) = delete;
  JsonRpcAnswer& operator=(const JsonRpcAnswer&) = delete;

  // Who is told of the answer, and tells of its end without one.
  void set_call(FreeCall& call) {
    call.retain();
    call_ = &call;
  }

  void give(nlohmann::json result) { respond(result_response(std::move(result), id_), {}); }
  void fail(const JsonRpcError& error) {
    if (!answered_) respond(error_response(error, id_), to_rpc_status(error));
  }
  void fail(const RpcStatus& status) {
    if (!answered_) respond(error_response(to_json_rpc_error(status), id_), status);
  }
  void fail(const std::exception_ptr& thrown) {
    if (!answered_) fail(error_of(thrown, method_));
  }
  bool wanted() const noexcept;
  void on_cancel(std::function<void()> function) {
    if (call_ != nullptr) call_->on_cancel(std::move(function));
  }

 private:
  void respond(nlohmann::json response, const RpcStatus& status);

  std::weak_ptr<JsonRpcPeer> peer_;
  std::uint64_t epoch_;
  std::string method_;
  nlohmann::json id_;
  bool is_notification_;
  bool answered_ = false;
  std::shared_ptr<JsonRpcPeer::ServedBatch> batch_;
  FreeCall* call_ = nullptr;
};

}  // namespace detail
}  // namespace twister
