// twister/protocols/dispatching_protocol.hpp - a Protocol with a handler for each type of message.
//
//   using Messages = twister::Framed<twister::LengthPrefixed, twister::TaggedProtobuf>;
//
//   class Player : public twister::DispatchingProtocol<Player, Messages> {
//    public:
//     Player() : DispatchingProtocol(handlers()) {}
//
//    private:
//     static const Handlers& handlers() {
//       static const auto table = Handlers(types())  // types(): see protobuf_types.hpp
//                                     .on<game::Join>(&Player::on_join)
//                                     .on<game::Move>(&Player::on_move);
//       return table;
//     }
//     void on_join(game::Join& join);
//     void on_move(game::Move& move);
//   };
//
// When not to use it: for one type, or one with a oneof, a switch in on_message says as much.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <twister/codecs/codec.hpp>
#include <twister/codecs/detail/check.hpp>
#include <twister/codecs/error.hpp>
#include <twister/protocols/message_protocol.hpp>

namespace twister {

// What a codec gives that receives messages of several types:
//
//   Types                     the table of them; types.find<T>() is a row of it, or null
//   type().index, .name       the row of the type that came: its place in the table, its name
//   get<T>()                  the message, when it is a T
template <class R>
concept ReceivedOfManyTypes = requires(const R& received, const typename R::Types& types,
                                       std::size_t index) {
  { received.type().index } -> std::convertible_to<std::size_t>;
  { types.size() } -> std::same_as<std::size_t>;
  {types[index].name};
};

// Which function of a class `P` handles which type. One table a class, made at start-up and shared by
// all its connections: none of them pays for a handler.
//
// Ownership: points to the table of types, which outlives it, as it does the connections.
// Threads: any number at once, once it is made.
// Errors: std::invalid_argument for a type that is not in the table of types, or that has a handler
//   already.
template <class P, ReceivedOfManyTypes R>
class HandlerTable {
 public:
  using Types = typename R::Types;

  explicit HandlerTable(const Types& types) : types_(&types), handlers_(types.size()) {}
  explicit HandlerTable(const Types&&) = delete;  // it is kept

  // `handler` is a member function of P that takes a T&, or a function of a P& and a T&.
  template <class T, class Handler>
  requires std::invocable<const Handler&, P&, T&> HandlerTable& on(Handler handler) {
    const auto* const type = types_->template find<T>();
    if (type == nullptr) {
      throw std::invalid_argument("HandlerTable: a handler for a type that is not among the types");
    }
    if (handlers_.size() < types_->size()) {
      handlers_.resize(types_->size());  // types were added since
    }
    auto& place = handlers_[type->index];
    if (place) {
      throw std::invalid_argument("HandlerTable: " + type->name + " has a handler already");
    }
    place = [handler = std::move(handler)](P& protocol, const R& received) {
      std::invoke(handler, protocol, received.template get<T>());
    };
    return *this;
  }

  // False when the type has no handler.
  bool handle(P& protocol, const R& received) const {
    const std::size_t index = received.type().index;
    if (index >= handlers_.size() || !handlers_[index]) {
      return false;
    }
    handlers_[index](protocol, received);
    return true;
  }

  const Types& types() const noexcept { return *types_; }

 private:
  const Types* types_;
  std::vector<std::function<void(P&, const R&)>> handlers_;
};

// Calls the handler of each message's type. `P` is the class that derives from it; `C` is Framed with
// TaggedProtobuf, NamedProtobuf or ProtobufAny.
//
// Memory: what MessageProtocol<C> takes, and a pointer to the handlers.
// Limits, Errors: as MessageProtocol. A type that the codec does not know is the codec's error; one
//   that it knows and that has no handler closes the connection, unless on_unhandled() is overridden.
template <class P, Codec C>
class DispatchingProtocol : public MessageProtocol<C> {
 public:
  using Received = typename C::Received;
  using Handlers = twister::HandlerTable<P, Received>;

  // The codec is made of the table of types: its framing and its payload have their defaults.
  explicit DispatchingProtocol(const Handlers& handlers)
      : DispatchingProtocol(handlers, C(handlers.types())) {}
  // `codec` has the same table of types.
  DispatchingProtocol(const Handlers& handlers, C codec)
      : MessageProtocol<C>(std::move(codec)), handlers_(&handlers) {
    if constexpr (requires(C & own) { own.payload().types(); }) {
      check_types(&this->codec().payload().types());
    }
  }

  // A message of a type that the table has, and for which there is no handler. The default takes it for
  // a peer that speaks something else: it closes, with CodecErrc::unknown_type.
  virtual void on_unhandled(const Received& message) {
    this->close_with({.code = CodecErrc::unknown_type,
                      .detail = "no handler for " + std::string(message.type().name)});
  }

 protected:
  // Other handlers from the next message on, for conversations that have phases: before a login and
  // after it, for instance. They are for the same table of types.
  void set_handlers(const Handlers& handlers) noexcept {
    check_types(&handlers.types());
    handlers_ = &handlers;
  }

 private:
  // A type's place in another table is that of another type: a peer's message would be taken for it.
  void check_types(const typename Handlers::Types* types) const noexcept {
    detail::check(types == &handlers_->types(),
                  "DispatchingProtocol: handlers and codec have different tables of types");
  }

  void on_message(Received message) final {
    if (!handlers_->handle(static_cast<P&>(*this), message)) {
      on_unhandled(message);
    }
  }

  const Handlers* handlers_;
};

}  // namespace twister
