// twister/rpc/detail/handlers.hpp - handlers of every form as RpcMethods.
#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

#include <twister/rpc/call.hpp>
#include <twister/rpc/method.hpp>
#include <twister/rpc/reply.hpp>
#include <twister/rpc/status.hpp>

namespace twister {
template <class T>
class RpcReader;
template <class T>
class RpcWriter;
}  // namespace twister

namespace twister::detail {

// How coroutines of a kind answer the call whose handler has returned them:
//   using Value = T;                                     what they end with
//   static void answer(RpcCall& call, Kind coroutine);   runs it, and answers with that
// RpcTask's is in <twister/rpc/task.hpp>, that of asio::awaitable in <twister/rpc/asio.hpp>.
template <class Kind>
struct CoroutineAnswer;

template <class Kind, class T>
concept AnswersBy = std::same_as<typename CoroutineAnswer<Kind>::Value, T>;

// Answers before start() returns, with messages that are reused. What does not depend on types is in
// handlers.cpp.
class AtOnceMethod : public RpcMethod {
 public:
  using RpcMethod::RpcMethod;
  void start(RpcCall& call) const final;

 private:
  virtual RpcStatus answer(RpcContext& context, const MessageLite& request,
                           MessageLite& reply) const = 0;
};

// Keeps its request until the call is over.
class LaterMethod : public RpcMethod {
 public:
  using RpcMethod::RpcMethod;
  void start(RpcCall& call) const final;

 private:
  virtual void answer(RpcCall& call, MessageLite& request) const = 0;
};

template <class Request, class Reply, class Handler>
class AtOnce final : public AtOnceMethod {
 public:
  AtOnce(std::string name, RpcKind kind, const RpcMethodOptions& options, Handler handler)
      : AtOnceMethod(std::move(name), kind, Request::default_instance(), Reply::default_instance(),
                     options),
        handler_(std::move(handler)) {}

 private:
  RpcStatus answer(RpcContext& context, const MessageLite& request,
                   MessageLite& reply) const override {
    return handler_(context, static_cast<const Request&>(request), static_cast<Reply&>(reply));
  }

  mutable Handler handler_;
};

template <class Request, class Reply, class Handler>
class Later final : public LaterMethod {
 public:
  Later(std::string name, RpcKind kind, const RpcMethodOptions& options, Handler handler)
      : LaterMethod(std::move(name), kind, Request::default_instance(), Reply::default_instance(),
                    options),
        handler_(std::move(handler)) {}

 private:
  void answer(RpcCall& call, MessageLite& request) const override {
    handler_(call, static_cast<Request&>(request), RpcReply<Reply>(call));
  }

  mutable Handler handler_;
};

template <class Request, class Reply, class Handler>
class Coroutine final : public LaterMethod {
 public:
  Coroutine(std::string name, RpcKind kind, const RpcMethodOptions& options, Handler handler)
      : LaterMethod(std::move(name), kind, Request::default_instance(), Reply::default_instance(),
                    options),
        handler_(std::move(handler)) {}

 private:
  using Kind = std::invoke_result_t<Handler&, RpcContext&, const Request&>;

  void answer(RpcCall& call, MessageLite& request) const override {
    CoroutineAnswer<Kind>::answer(call, handler_(call, static_cast<const Request&>(request)));
  }

  mutable Handler handler_;
};

// For a notice, the reply is a message without fields: the request's own type, left empty.
template <class Request, class Handler>
class NoticeMethod final : public AtOnceMethod {
 public:
  NoticeMethod(std::string name, const RpcMethodOptions& options, Handler handler)
      : AtOnceMethod(std::move(name), RpcKind::notice, Request::default_instance(),
                     Request::default_instance(), options),
        handler_(std::move(handler)) {
    static_assert(std::is_invocable_v<Handler&, RpcContext&, const Request&>,
                  "a handler of notices is void(RpcContext&, const Request&)");
  }

 private:
  RpcStatus answer(RpcContext& context, const MessageLite& request, MessageLite&) const override {
    handler_(context, static_cast<const Request&>(request));
    return {};
  }

  mutable Handler handler_;
};

// Runs what a handler of streams has returned: nothing, or a coroutine that answers.
template <class Handler, class... Args>
void run_handler(RpcCall& call, Handler& handler, Args&&... args) {
  using Result = std::invoke_result_t<Handler&, RpcContext&, Args&&...>;
  if constexpr (std::is_void_v<Result>) {
    handler(call, std::forward<Args>(args)...);
  } else {
    CoroutineAnswer<Result>::answer(call, handler(call, std::forward<Args>(args)...));
  }
}

template <class Request, class Reply, class Handler>
class ServerStream final : public LaterMethod {
 public:
  ServerStream(std::string name, RpcKind kind, const RpcMethodOptions& options, Handler handler)
      : LaterMethod(std::move(name), kind, Request::default_instance(), Reply::default_instance(),
                    options),
        handler_(std::move(handler)) {}

 private:
  void answer(RpcCall& call, MessageLite& request) const override {
    run_handler(call, handler_, static_cast<const Request&>(request),
                RpcWriter<Reply>(call.open_stream()));
  }

  mutable Handler handler_;
};

template <class Request, class Reply, class Handler>
class ClientStream final : public RpcMethod {
 public:
  ClientStream(std::string name, RpcKind kind, const RpcMethodOptions& options, Handler handler)
      : RpcMethod(std::move(name), kind, Request::default_instance(), Reply::default_instance(),
                  options),
        handler_(std::move(handler)) {}

  void start(RpcCall& call) const override {
    RpcReader<Request> reader(call.open_stream());
    if constexpr (std::is_invocable_v<Handler&, RpcContext&, RpcReader<Request>>) {
      run_handler(call, handler_, std::move(reader));
    } else {
      run_handler(call, handler_, std::move(reader), RpcReply<Reply>(call));
    }
  }

 private:
  mutable Handler handler_;
};

template <class Request, class Reply, class Handler>
class BothStreams final : public RpcMethod {
 public:
  BothStreams(std::string name, RpcKind kind, const RpcMethodOptions& options, Handler handler)
      : RpcMethod(std::move(name), kind, Request::default_instance(), Reply::default_instance(),
                  options),
        handler_(std::move(handler)) {}

  void start(RpcCall& call) const override {
    RpcStreamState& state = call.open_stream();
    run_handler(call, handler_, RpcReader<Request>(state), RpcWriter<Reply>(state));
  }

 private:
  mutable Handler handler_;
};

template <class Request, class Reply, class Handler>
struct UnaryHandler {
  static constexpr bool at_once =
      std::is_invocable_r_v<RpcStatus, Handler&, RpcContext&, const Request&, Reply&>;
  static constexpr bool later =
      std::is_invocable_v<Handler&, RpcContext&, Request&, RpcReply<Reply>>;
  template <class H>
  static constexpr bool returns_coroutine() {
    if constexpr (std::is_invocable_v<H&, RpcContext&, const Request&>) {
      return AnswersBy<std::invoke_result_t<H&, RpcContext&, const Request&>, Reply>;
    } else {
      return false;
    }
  }
  static constexpr bool coroutine = returns_coroutine<Handler>();
  static constexpr bool is_known = at_once || later || coroutine;
  using Method = std::conditional_t<
      coroutine, Coroutine<Request, Reply, Handler>,
      std::conditional_t<at_once, AtOnce<Request, Reply, Handler>, Later<Request, Reply, Handler>>>;
};

}  // namespace twister::detail
