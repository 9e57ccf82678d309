// twister/protocol_factory.hpp - what a server calls to make a Protocol for a new connection.
//
//   twister::TcpServer server(loop, ":8888", twister::build<ChatSession>(room));
//   twister::TcpServer picky(loop, ":8889", [&](const twister::Address& peer) {
//     return banned(peer) ? nullptr : std::make_unique<Session>();  // null refuses the connection
//   });
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include <twister/address.hpp>
#include <twister/protocol.hpp>

namespace twister {

// Any callable that takes nothing or the peer's Address and returns a unique_ptr to a Protocol.
//
// Errors: null refuses the connection; an exception refuses it and is logged.
class ProtocolFactory {
 public:
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, ProtocolFactory> &&
           std::is_invocable_r_v<std::unique_ptr<Protocol>, F&>)
      ProtocolFactory(F build)  // NOLINT(google-explicit-constructor): a factory is any callable
      : build_([build = std::move(build)](const Address&) mutable -> std::unique_ptr<Protocol> {
          return build();
        }) {}

  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, ProtocolFactory> && !std::is_invocable_v<F&> &&
           std::is_invocable_r_v<std::unique_ptr<Protocol>, F&, const Address&>)
      ProtocolFactory(F build)  // NOLINT(google-explicit-constructor)
      : build_(std::move(build)) {}

  std::unique_ptr<Protocol> operator()(const Address& peer) const { return build_(peer); }

 private:
  std::function<std::unique_ptr<Protocol>(const Address&)> build_;
};

// A factory that makes `P(args...)` for each connection; the arguments are kept, and passed as
// const lvalues. Wrap in std::ref what all connections share: a `P` that takes a non-const reference
// does not compile with anything else, for it would get the factory's copy.
template <std::derived_from<Protocol> P, class... Args>
ProtocolFactory build(Args&&... args) {
  static_assert(
      std::is_constructible_v<P, const std::decay_t<Args>&...>,
      "P cannot be made from const copies of these arguments: std::ref() what connections share");
  return [kept = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)] {
    return std::apply([](const auto&... each) { return std::make_unique<P>(each...); }, kept);
  };
}

}  // namespace twister
