#include "torpc_answer.hpp"

#include <stdexcept>

#include <twister/rpc/json_rpc_error.hpp>

#include "guarded.hpp"

namespace twister {

namespace detail {

RpcStatus torpc_error_of(const std::exception_ptr& thrown, const std::string& method) {
  std::string what(not_an_exception);
  try {
    std::rethrow_exception(thrown);
  } catch (const JsonRpcError& error) {  // of arguments that do not fit, among others
    RpcStatus status = to_rpc_status(error);
    status.text =
        method + ": " + (error.data().is_string() ? error.data().get<std::string>() : error.text());
    return status;
  } catch (const RpcError& error) {
    return error.status();
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  return {RpcCode::internal,
          method + ": internal error, reference " + log_handler_threw(method, what)};
}

TorpcAnswer::~TorpcAnswer() {
  try {
    if (wanted()) {
      fail(std::make_exception_ptr(std::logic_error("the reply was destroyed unanswered")));
    } else {
      respond({RpcCode::internal, "the reply was destroyed unanswered"}, nullptr, nullptr);
    }
  } catch (...) {
    log_callback_threw(std::current_exception());  // no memory
  }
  if (call_ != nullptr) call_->release();
  const auto peer = peer_.lock();
  if (peer != nullptr && peer->epoch_ == epoch_) --peer->replies_;
}

bool TorpcAnswer::wanted() const noexcept {
  if (answered_ || is_notice_) return false;
  const auto peer = peer_.lock();
  return peer != nullptr && peer->epoch_ == epoch_ && peer->is_open();
}

void TorpcAnswer::respond(const RpcStatus& status, nlohmann::json error, nlohmann::json result) {
  if (std::exchange(answered_, true)) return;
  if (call_ != nullptr) call_->answered(status);
  if (const auto peer = peer_.lock()) {
    peer->answer_late(id_, std::move(error), std::move(result), is_notice_, epoch_);
  }
}

}  // namespace detail

void TorpcReply::operator()(nlohmann::json result) const {
  answer_->give(std::move(result));
}

void TorpcReply::fail(const RpcStatus& status) const {
  answer_->fail(status);
}

void TorpcReply::fail(const std::exception_ptr& error) const {
  answer_->fail(error);
}

void TorpcReply::on_cancel(std::function<void()> function) const {
  answer_->on_cancel(std::move(function));
}

bool TorpcReply::wanted() const noexcept {
  return answer_->wanted();
}

}  // namespace twister
