// twister/rpc/reply.hpp - an answer that comes later.
//
//   services.on<Query, Rows>("db.Db/Find", [&db](RpcContext&, Query& query, RpcReply<Rows> reply) {
//     db.find(query.key(), [reply](const Rows& rows) { reply(rows); });
//   });
#pragma once

#include <exception>
#include <utility>

#include <twister/rpc/call.hpp>
#include <twister/rpc/status.hpp>

namespace twister {

// Answers one call, once: what comes after the first answer, or after the call was cancelled, has no effect, nor
// has what a moved-from reply is told.
//
// Ownership: a copy refers to the same call. When the last one is destroyed without an answer, the caller
//   gets INTERNAL. The context and the request are valid as long as there is one.
// Threads: the loop's, its destruction too. From another thread: IOLoop::add_callback().
template <class Reply>
class RpcReply {
 public:
  explicit RpcReply(RpcCall& call) noexcept : call_(&call) { call.retain(); }
  RpcReply(const RpcReply& other) noexcept : call_(other.call_) {
    if (call_ != nullptr) call_->retain();
  }
  RpcReply(RpcReply&& other) noexcept : call_(std::exchange(other.call_, nullptr)) {}
  RpcReply& operator=(RpcReply other) noexcept {
    std::swap(call_, other.call_);
    return *this;
  }
  ~RpcReply() {
    if (call_ != nullptr) call_->release();
  }

  void operator()(const Reply& reply) const {
    if (call_ != nullptr) call_->finish(RpcStatus(), &reply);
  }
  void operator()(const RpcStatus& status) const {
    if (call_ != nullptr) call_->finish(status);
  }

  // What was thrown, as an answer: an RpcError's status, or INTERNAL.
  void operator()(const std::exception_ptr& thrown) const {
    if (call_ == nullptr) return;
    try {
      std::rethrow_exception(thrown);
    } catch (...) {
      call_->finish_with_exception();
    }
  }

  // Nobody waits for an answer: there was one, or the call was cancelled, or this was moved from.
  bool ended() const noexcept { return call_ == nullptr || call_->ended(); }
  // Not of one that was moved from.
  RpcContext& context() const noexcept { return *call_; }

 private:
  RpcCall* call_;
};

}  // namespace twister
