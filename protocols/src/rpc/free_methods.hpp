// src/rpc/free_methods.hpp - handlers that take JSON, as methods that RpcHost checks.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include <twister/rpc/services.hpp>

#include "session.hpp"

namespace twister::detail {

class FreeMethods;

class FreeMethod final : public RpcMethod {
 public:
  FreeMethod(std::string name, const RpcMethodOptions& options, FreeMethods& table);
  void start(RpcCall& call) const override;

  FreeMethods& table() const noexcept { return table_; }

 private:
  FreeMethods& table_;
};

// What a JsonRpcMethods, or a TorpcServices, has beside its handlers. Ownership: shared with the calls. Threads: made
// by one, then any.
class FreeMethods final : public SessionMethods, public std::enable_shared_from_this<FreeMethods> {
 public:
  // `owner` is for the texts of errors.
  explicit FreeMethods(std::string owner) : owner_(std::move(owner)) {}
  const std::string& owner() const noexcept { return owner_; }

  // Throws std::invalid_argument for a name over 255 bytes, std::logic_error once there is a host.
  const FreeMethod& add(std::string name, const RpcMethodOptions& options);
  void intercept(std::shared_ptr<RpcInterceptor> interceptor);
  void count_in(MetricsRegistry& metrics);
  // Interceptors and metrics are those of `others`, too.
  void follow(const FreeMethods& others) noexcept { others_ = &others; }

  std::shared_ptr<RpcHost> host(IOLoop& loop, MetricsRegistry* metrics) override;
  MetricsRegistry* metrics() const noexcept override;

 private:
  void check_open() const;

  std::string owner_;
  mutable std::atomic<bool> used_{false};
  RpcServices services_;
  RpcOptions options_;
  const FreeMethods* others_ = nullptr;
  std::once_flag followed_;
  LoopHosts hosts_;
};

// A call of such a handler. `refuse` gives the answer where the handler does not: over a limit, by an interceptor,
// at the end of its time.
class FreeCall final : public SessionCall {
 public:
  using Refuse = std::function<void(const RpcStatus&)>;

  // `params` count for max_request_bytes, as text.
  FreeCall(const std::shared_ptr<CallSession>& session, const FreeMethod& method,
           const nlohmann::json& params, Refuse refuse);

  // Calls `handle`, unless the call is refused.
  void start(const std::function<void()>& handle);
  void run() { (*std::exchange(handle_, nullptr))(); }
  // The handler has answered. Nothing happens to a call that is over.
  void answered(const RpcStatus& status);

  bool read_request(MessageLite&) override { return true; }
  std::size_t request_bytes() const noexcept override { return bytes_; }

 private:
  std::optional<RpcStatus> write_response(const RpcStatus& status,
                                          const MessageLite* reply) override;

  std::shared_ptr<FreeMethods> table_;  // replies may be kept longer than the table itself
  std::size_t bytes_ = 0;
  Refuse refuse_;
  const std::function<void()>* handle_ = nullptr;
  bool answered_ = false;
};

// Has a call of a peer checked, and handled. `answer` is a DuplexAnswer.
template <class Peer, class Answer>
void start_free_call(Peer& peer, const FreeMethod& method, const nlohmann::json& params,
                     const std::shared_ptr<Answer>& answer, const std::function<void()>& handle) {
  FreeMethods& table = method.table();
  const auto session = session_of(peer, table);
  auto refuse = [weak = std::weak_ptr(answer)](const RpcStatus& status) {
    if (const auto unanswered = weak.lock()) unanswered->fail(status);
  };
  auto* const call = new FreeCall(session, method, params, std::move(refuse));
  answer->set_call(*call);
  call->start(handle);
}

}  // namespace twister::detail
