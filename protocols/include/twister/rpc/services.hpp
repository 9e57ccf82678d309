// twister/rpc/services.hpp - the methods that a program answers.
//
//   RpcServices services;
//   services.on<Add, Sum>("calculator.Calculator/Add",
//                         [](RpcContext&, const Add& add, Sum& sum) -> RpcStatus {
//                           sum.set_value(add.a() + add.b());
//                           return {};
//                         });
//   RpcServer server(loop, ":8888", services);
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <twister/rpc/context.hpp>
#include <twister/rpc/detail/handlers.hpp>
#include <twister/rpc/method.hpp>
#include <twister/rpc/reply.hpp>
#include <twister/rpc/status.hpp>

namespace twister {

// Sees every call before its handler and after its answer, on every wire: identity, logging, tracing.
//
// Threads: those of all loops that serve. Errors: an exception from before_call ends the call, as one from
//   a handler; one from after_call is logged.
class RpcInterceptor {
 public:
  virtual ~RpcInterceptor() = default;
  // Anything but ok is the answer, and the handler is not called.
  virtual RpcStatus before_call(RpcContext&) { return {}; }
  virtual void after_call(RpcContext&, const RpcStatus&) {}
};

// A table of methods, made at start-up and shared by all servers and connections from then on.
//
// A handler that throws an RpcError answers with its status. Anything else that it throws is INTERNAL with
// a number, under which the log has the text: the peer does not get it.
//
// Ownership: outlives the servers and connections that it is given to. Threads: handlers are called on
//   every loop that serves them, so with several threads on several at a time.
// Errors: std::invalid_argument for a name that is empty, longer than 255 bytes, or there already;
//   std::logic_error once a connection uses it.
class RpcServices {
 public:
  RpcServices();
  ~RpcServices();
  RpcServices(const RpcServices&) = delete;
  RpcServices& operator=(const RpcServices&) = delete;

  // A method with one request and one reply. The handler is one of
  //   RpcStatus(RpcContext&, const Request&, Reply&)   answers at once: the fast way; the messages are
  //                                                    reused
  //   void(RpcContext&, Request&, RpcReply<Reply>)     answers later
  //   RpcTask<Reply>(RpcContext&, const Request&)      a coroutine: <twister/rpc/task.hpp>
  //   asio::awaitable<Reply>(RpcContext&, const Request&)  the same: <twister/rpc/asio.hpp>
  template <class Request, class Reply, class Handler>
  void on(std::string name, Handler handler, const RpcMethodOptions& options = {}) {
    using Traits = detail::UnaryHandler<Request, Reply, Handler>;
    static_assert(Traits::is_known,
                  "a handler is RpcStatus(RpcContext&, const Request&, Reply&), "
                  "void(RpcContext&, Request&, RpcReply<Reply>), "
                  "RpcTask<Reply>(RpcContext&, const Request&), or asio::awaitable<Reply> where "
                  "<twister/rpc/asio.hpp> is included");
    add(std::make_unique<typename Traits::Method>(std::move(name), RpcKind::unary, options,
                                                  std::move(handler)));
  }

  // A method that nobody waits for: void(RpcContext&, const Request&). Called in spite of that, it answers
  // with an empty message when the handler has returned.
  template <class Request, class Handler>
  void on_notice(std::string name, Handler handler, const RpcMethodOptions& options = {}) {
    add(std::make_unique<detail::NoticeMethod<Request, Handler>>(std::move(name), options,
                                                                 std::move(handler)));
  }

  // A method with a stream of requests, of replies, or of both. The handlers are functions that return nothing, or
  // coroutines, RpcTask<> or asio::awaitable<void>, whose end ends the call; each is given its request or an RpcReader, and a reply or
  // an RpcWriter: see <twister/rpc/stream.hpp>.
  //   on_server_stream: (RpcContext&, const Request&, RpcWriter<Reply>)
  //   on_client_stream: (RpcContext&, RpcReader<Request>, RpcReply<Reply>), or RpcTask<Reply> without the last
  //   on_stream:        (RpcContext&, RpcReader<Request>, RpcWriter<Reply>)
  template <class Request, class Reply, class Handler>
  void on_server_stream(std::string name, Handler handler, const RpcMethodOptions& options = {}) {
    add(std::make_unique<detail::ServerStream<Request, Reply, Handler>>(
        std::move(name), RpcKind::server_stream, options, std::move(handler)));
  }
  template <class Request, class Reply, class Handler>
  void on_client_stream(std::string name, Handler handler, const RpcMethodOptions& options = {}) {
    add(std::make_unique<detail::ClientStream<Request, Reply, Handler>>(
        std::move(name), RpcKind::client_stream, options, std::move(handler)));
  }
  template <class Request, class Reply, class Handler>
  void on_stream(std::string name, Handler handler, const RpcMethodOptions& options = {}) {
    add(std::make_unique<detail::BothStreams<Request, Reply, Handler>>(
        std::move(name), RpcKind::both_streams, options, std::move(handler)));
  }

  // An object of a class with a base that protoc-gen-twister made: see <twister/rpc/service.hpp>. It outlives this.
  template <class Service>
  requires requires(Service& service, RpcServices& services) { service.add_to(services); }
  void add(Service& service) { service.add_to(*this); }
  void add(std::unique_ptr<RpcMethod> method);

  // Called in the order in which they were added, and after the call in the other order.
  void intercept(std::shared_ptr<RpcInterceptor> interceptor);

  // Of a method that is there, to be changed until the table is in use:
  //   services.options_of("calculator.Calculator/Power").max_in_flight = 16;
  // std::invalid_argument when there is none of that name.
  RpcMethodOptions& options_of(std::string_view name);

  // Null when there is none.
  const RpcMethod* find(std::string_view name) const noexcept;
  const std::vector<std::unique_ptr<RpcMethod>>& methods() const noexcept { return methods_; }
  const std::vector<std::shared_ptr<RpcInterceptor>>& interceptors() const noexcept {
    return interceptors_;
  }
  // From now on it may not change.
  void freeze() const noexcept { frozen_.store(true, std::memory_order_relaxed); }

 private:
  void check_open() const;

  std::vector<std::unique_ptr<RpcMethod>> methods_;
  std::vector<std::shared_ptr<RpcInterceptor>> interceptors_;
  std::unordered_map<std::string_view, RpcMethod*> by_name_;  // views of the methods' names
  mutable std::atomic<bool> frozen_{false};
};

}  // namespace twister
