// twister/rpc/service.hpp - services whose classes protoc-gen-twister wrote out of a .proto.
//
//   class Calculator : public calculator::Calculator::Service<Calculator> {
//    public:
//     RpcStatus Add(RpcContext&, const Operands& request, Result& reply) {
//       reply.set_value(request.a() + request.b());
//       return {};
//     }
//   };
//   Calculator calculator;    // outlives the services
//   services.add(calculator);
//
//   calculator::Calculator::Client client(rpc_client);
//   client.Add(operands, [](const RpcStatus& status, Result& result) { ... });
//   Result result = co_await client.Add(operands);
//
// The headers that it writes include this one. A class has a public method for each of the service, called as
// in the .proto, in the form that suits it:
//   a request and a reply    RpcStatus Add(RpcContext&, const Request&, Reply&)          answers at once
//                            void Add(RpcContext&, Request&, RpcReply<Reply>)            answers later
//                            RpcTask<Reply> Add(RpcContext&, const Request&)             a coroutine
//   the reply is an Empty    void Add(RpcContext&, const Request&)                       answers by returning
//   a stream of replies      RpcTask<> Add(RpcContext&, const Request&, RpcWriter<Reply>)
//   a stream of requests     RpcTask<Reply> Add(RpcContext&, RpcReader<Request>)
//                            void Add(RpcContext&, RpcReader<Request>, RpcReply<Reply>)
//   streams both ways        RpcTask<> Add(RpcContext&, RpcReader<Request>, RpcWriter<Reply>)
// void does in the place of RpcTask<>, and asio::awaitable in that of any RpcTask: <twister/rpc/asio.hpp>. What
// each promises is in <twister/rpc/services.hpp>. Limits and timeouts of a method: RpcServices::options_of().
#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

#include <twister/rpc/caller.hpp>
#include <twister/rpc/metadata.hpp>
#include <twister/rpc/services.hpp>
#include <twister/rpc/stream.hpp>
#include <twister/rpc/task.hpp>

namespace google::protobuf {
class Empty;
}

namespace twister {

// What a call calls back: see RpcCaller.
template <class F, class Reply>
concept RpcCallback = std::invocable < std::decay_t<F>
&, const RpcStatus&,
    Reply& > || std::invocable<std::decay_t<F>&, const RpcStatus&, Reply&, const RpcMetadata&>;

namespace detail {

// Called with these, it returns nothing, or a coroutine that ends with a `T`.
template <class Method, class... Args>
struct CalledWith {
  static constexpr bool returns_void() {
    if constexpr (std::invocable<const Method&, RpcContext&, Args...>) {
      return std::is_void_v<std::invoke_result_t<const Method&, RpcContext&, Args...>>;
    } else {
      return false;
    }
  }
  template <class T>
  static constexpr bool answers_by() {
    if constexpr (std::invocable<const Method&, RpcContext&, Args...>) {
      return AnswersBy<std::invoke_result_t<const Method&, RpcContext&, Args...>, T>;
    } else {
      return false;
    }
  }
};

template <class Method, class Request, class Reply>
inline constexpr bool answers_empty = std::same_as<Reply, google::protobuf::Empty>&&
CalledWith<Method, const Request&>::returns_void();

// A class's method, in whichever of the forms above it has.
template <RpcKind kind, class Request, class Reply, class Method>
struct ServiceMethod {
  static constexpr bool fits() {
    if constexpr (kind == RpcKind::server_stream) {
      using Called = CalledWith<Method, const Request&, RpcWriter<Reply>>;
      return Called::returns_void() || Called::template answers_by<void>();
    } else if constexpr (kind == RpcKind::client_stream) {
      return CalledWith<Method, RpcReader<Request>>::template answers_by<Reply>() ||
             CalledWith<Method, RpcReader<Request>, RpcReply<Reply>>::returns_void();
    } else if constexpr (kind == RpcKind::both_streams) {
      using Called = CalledWith<Method, RpcReader<Request>, RpcWriter<Reply>>;
      return Called::returns_void() || Called::template answers_by<void>();
    } else {
      return UnaryHandler<Request, Reply, Method>::is_known ||
             answers_empty<Method, Request, Reply>;
    }
  }

  static void add_to(RpcServices& services, std::string name, const Method& method,
                     const RpcMethodOptions& options = {}) {
    if constexpr (kind == RpcKind::server_stream) {
      services.on_server_stream<Request, Reply>(std::move(name), method, options);
    } else if constexpr (kind == RpcKind::client_stream) {
      services.on_client_stream<Request, Reply>(std::move(name), method, options);
    } else if constexpr (kind == RpcKind::both_streams) {
      services.on_stream<Request, Reply>(std::move(name), method, options);
    } else if constexpr (answers_empty<Method, Request, Reply>) {
      const auto answer = [method](RpcContext& context, const Request& request,
                                   Reply&) -> RpcStatus {
        method(context, request);
        return {};
      };
      services.on<Request, Reply>(std::move(name), answer, options);
    } else {
      services.on<Request, Reply>(std::move(name), method, options);
    }
  }
};

// Of a method that its .proto calls idempotent.
inline RpcCallOptions idempotent(RpcCallOptions options) noexcept {
  options.idempotent = true;
  return options;
}

}  // namespace detail
}  // namespace twister
