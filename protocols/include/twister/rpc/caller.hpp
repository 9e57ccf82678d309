// twister/rpc/caller.hpp - how calls are made: by an RpcClient, or over a connection that is there.
//
//   client.call<Sum>("calculator.Calculator/Add", add, {.timeout = 1s},
//                    [](const RpcStatus& status, Sum& sum) { ... });
//
// The same for coroutines is in <twister/rpc/task.hpp> and <twister/rpc/asio.hpp>.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <twister/rpc/detail/pending.hpp>
#include <twister/rpc/options.hpp>
#include <twister/rpc/status.hpp>

namespace twister {

// The name of a method, made once and used for many calls: connections then find its number without
// looking a string up. Text does where that does not matter.
//
//   static const RpcMethodName add("calculator.Calculator/Add");
//
// Ownership: outlives the calls. Threads: any. Limits: for names in the program; each one that was ever made
//   takes two bytes on each connection that uses it.
class RpcMethodName {
 public:
  explicit RpcMethodName(std::string name);
  RpcMethodName(const RpcMethodName&) = delete;
  RpcMethodName& operator=(const RpcMethodName&) = delete;

  const std::string& text() const noexcept { return text_; }
  std::uint32_t index() const noexcept { return index_; }

 private:
  std::string text_;
  std::uint32_t index_;
};

// Either of the two, for the time of a call of a function.
class RpcMethodRef {
 public:
  // NOLINTBEGIN(google-explicit-constructor)
  RpcMethodRef(const RpcMethodName& name) : name_(name.text()), index_(name.index()) {}
  RpcMethodRef(std::string_view name) : name_(name) {}
  RpcMethodRef(const std::string& name) : name_(name) {}
  RpcMethodRef(const char* name) : name_(name) {}
  // NOLINTEND(google-explicit-constructor)

  std::string_view name() const noexcept { return name_; }
  // 0 without one.
  std::uint32_t index() const noexcept { return index_; }

 private:
  std::string_view name_;
  std::uint32_t index_ = 0;
};

// Sees every call of one side before it is sent and after it has ended: credentials, logging, tracing.
//
// Threads: the loop's; several loops' at once where they share the RpcOptions, as those of serve_rpc() do.
// Errors: what one throws is logged; thrown by before_call, it ends the call with INTERNAL.
class RpcCallerInterceptor {
 public:
  virtual ~RpcCallerInterceptor() = default;
  // May add to what is sent with it. Anything but ok ends the call.
  virtual RpcStatus before_call(std::string_view method, RpcMetadata& metadata) {
    (void)method, (void)metadata;
    return {};
  }
  // Before its callback. `time` is from the call to its end.
  virtual void after_call(std::string_view method, const RpcStatus& status, Duration time) {
    (void)method, (void)status, (void)time;
  }
};

// A call that was made. It goes on when this is destroyed.
//
// Threads: the loop's.
class RpcCallHandle {
 public:
  RpcCallHandle() = default;
  explicit RpcCallHandle(detail::RpcPending& pending) noexcept : pending_(&pending) {
    pending.retain();
  }
  RpcCallHandle(const RpcCallHandle& other) noexcept : pending_(other.pending_) {
    if (pending_ != nullptr) pending_->retain();
  }
  RpcCallHandle(RpcCallHandle&& other) noexcept
      : pending_(std::exchange(other.pending_, nullptr)) {}
  RpcCallHandle& operator=(RpcCallHandle other) noexcept {
    std::swap(pending_, other.pending_);
    return *this;
  }
  ~RpcCallHandle() {
    if (pending_ != nullptr) pending_->release();
  }

  // Ends the call: the callback is told CANCELLED, from the loop, and the peer that nobody waits. No effect
  // on one that has ended.
  void cancel() const {
    if (pending_ != nullptr) pending_->cancel();
  }
  bool ended() const noexcept { return pending_ == nullptr || pending_->ended(); }

 private:
  detail::RpcPending* pending_ = nullptr;
};

// Makes calls.
//
// A callback is void(const RpcStatus&, Reply&), or takes a const RpcMetadata& in addition, the peer's. It is
// called exactly once, from the loop and never inside call(): with the reply, which may be moved from, or
// with a status that is not ok and an empty reply. It may make calls, cancel some, and destroy the client.
//
// Threads: the loop's.
// Errors: all are told to the callback. UNAVAILABLE: there is no connection, or it was lost;
//   RESOURCE_EXHAUSTED: the message is larger than the peer takes, or too many calls are in flight;
//   DEADLINE_EXCEEDED; what the peer has answered.
class RpcCaller {
 public:
  using MessageLite = google::protobuf::MessageLite;

  template <class Reply, class Callback>
  RpcCallHandle call(const RpcMethodRef& method, const MessageLite& request, Callback&& callback) {
    return call<Reply>(method, request, RpcCallOptions(), std::forward<Callback>(callback));
  }
  template <class Reply, class Callback>
  RpcCallHandle call(const RpcMethodRef& method, const MessageLite& request,
                     const RpcCallOptions& options, Callback&& callback) {
    return call_node<Reply>({}, method, request, options, std::forward<Callback>(callback));
  }
  // The same, answered by the peer that is registered under that name with the one that this is sent to:
  // see <twister/rpc/names.hpp>.
  template <class Reply, class Callback>
  RpcCallHandle call_node(std::string_view node, const RpcMethodRef& method,
                          const MessageLite& request, const RpcCallOptions& options,
                          Callback&& callback) {
    using Pending = detail::UnaryPending<Reply, std::decay_t<Callback>>;
    const std::unique_ptr<Intercepted> seen = intercept(method.name(), options);
    const RpcCallOptions& used = seen == nullptr ? options : seen->options;
    return begin(*detail::make_pending<Pending>({.method = method.name(),
                                                 .method_index = method.index(),
                                                 .node = node,
                                                 .message = &request,
                                                 .options = &used},
                                                std::forward<Callback>(callback)),
                 used, seen.get());
  }

  // Sends a message that nobody answers. Whether it arrived is not known; without a connection it is
  // dropped, unless `wait_for_ready` lets it wait.
  void notify(const RpcMethodRef& method, const MessageLite& message,
              const RpcCallOptions& options = {});

  // For the functions of <twister/rpc/stream.hpp>. Without a request, this side sends a stream. `one_reply`: the
  // answer has a message, which is received as the only one. The state is there at least until the loop's next
  // turn.
  detail::RpcStreamState& open_stream(const RpcMethodRef& method, const MessageLite* request,
                                      const RpcCallOptions& options, bool one_reply);

 protected:
  RpcCaller() = default;
  virtual ~RpcCaller() = default;

 private:
  // Takes over one reference.
  virtual void start_call(detail::RpcPending& pending) = 0;
  virtual detail::RpcHost& caller_host() noexcept = 0;

  // What interceptors have made of a call.
  struct Intercepted {
    RpcCallOptions options;
    RpcMetadata metadata;
    RpcStatus status;
  };

  // Null when there are none.
  std::unique_ptr<Intercepted> intercept(std::string_view method, const RpcCallOptions& options);
  RpcCallHandle begin(detail::RpcPending& pending, const RpcCallOptions& options,
                      const Intercepted* seen);
};

}  // namespace twister
