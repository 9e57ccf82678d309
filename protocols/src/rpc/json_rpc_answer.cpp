#include "json_rpc_answer.hpp"

#include <exception>
#include <stdexcept>

#include "guarded.hpp"

namespace twister {

namespace detail {

using nlohmann::json;

json result_response(json result, json id) {
  json response = {{"jsonrpc", "2.0"}};
  response["result"] = std::move(result);
  response["id"] = std::move(id);
  return response;
}

json error_response(const JsonRpcError& error, json id) {
  json response = {{"jsonrpc", "2.0"},
                   {"error", {{"code", error.code()}, {"message", error.text()}}}};
  if (!error.data().is_null()) response["error"]["data"] = error.data();
  response["id"] = std::move(id);
  return response;
}

JsonRpcError error_of(const std::exception_ptr& thrown, const std::string& method) {
  std::string what(not_an_exception);
  try {
    std::rethrow_exception(thrown);
  } catch (const JsonRpcError& error) {
    return error;
  } catch (const RpcError& error) {
    return to_json_rpc_error(error.status());
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  return JsonRpcError(JsonRpcCode::internal_error,
                      {{"reference", log_handler_threw(method, what)}});
}

JsonRpcAnswer::~JsonRpcAnswer() {
  try {
    if (wanted()) {
      fail(std::make_exception_ptr(std::logic_error("the reply was destroyed unanswered")));
    } else {
      respond(nullptr, {RpcCode::internal, "the reply was destroyed unanswered"});
    }
  } catch (...) {
    log_callback_threw(std::current_exception());  // no memory
  }
  if (call_ != nullptr) call_->release();
  const auto peer = peer_.lock();
  if (peer != nullptr && peer->epoch_ == epoch_) --peer->replies_;
}

bool JsonRpcAnswer::wanted() const noexcept {
  if (answered_ || is_notification_) return false;
  const auto peer = peer_.lock();
  return peer != nullptr && peer->epoch_ == epoch_ && peer->is_open();
}

void JsonRpcAnswer::respond(json response, const RpcStatus& status) {
  if (std::exchange(answered_, true)) return;
  if (call_ != nullptr) call_->answered(status);
  if (const auto peer = peer_.lock()) {
    if (is_notification_) response = nullptr;
    peer->answer_late(std::move(response), batch_, epoch_);
  }
}

}  // namespace detail

void JsonRpcReply::operator()(nlohmann::json result) const {
  answer_->give(std::move(result));
}

void JsonRpcReply::fail(const JsonRpcError& error) const {
  answer_->fail(error);
}

void JsonRpcReply::fail(const std::exception_ptr& error) const {
  answer_->fail(error);
}

void JsonRpcReply::on_cancel(std::function<void()> function) const {
  answer_->on_cancel(std::move(function));
}

bool JsonRpcReply::wanted() const noexcept {
  return answer_->wanted();
}

}  // namespace twister
