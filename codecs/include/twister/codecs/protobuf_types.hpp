// twister/codecs/protobuf_types.hpp - the message types that one connection speaks (target
// twister::protobuf).
//
//   const twister::ProtobufTypes& types() {
//     static const auto types = twister::ProtobufTypes().add<game::Join>(1).add<game::Move>(2);
//     return types;
//   }
//
// One table a wire protocol, made at start-up and shared by all connections. TaggedProtobuf,
// NamedProtobuf and ProtobufAny read and write by it. When not to use it: for one message type,
// Protobuf<T> needs none.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/message_lite.h>

#include "twister/codecs/detail/check.hpp"

namespace twister {

// A class that protoc has written, for either runtime.
template <class T>
concept GeneratedProtobuf = std::derived_from<T, google::protobuf::MessageLite> && requires {
  { T::default_instance() } -> std::same_as<const T&>;
};

// One row of the table.
struct ProtobufType {
  std::string name;                  // in full, such as "game.Move"
  std::optional<std::uint32_t> tag;  // none: to be had by its name only
  std::size_t index = 0;             // its place in the table, from 0
  const google::protobuf::MessageLite* prototype =
      nullptr;  // T::default_instance(), one for each T
};

class ProtobufTypes;

// A message that was received, and of which type it is.
//
// Ownership: a pointer into the payload that decoded it, valid until the next decode(). Swap or move
//   from the message to keep it.
class ReceivedProtobuf {
 public:
  using Types = ProtobufTypes;

  ReceivedProtobuf(const ProtobufType& type, google::protobuf::MessageLite& message) noexcept
      : type_(&type), message_(&message) {}

  const ProtobufType& type() const noexcept { return *type_; }
  google::protobuf::MessageLite& message() const noexcept { return *message_; }

  // One comparison of pointers, without run-time type information.
  template <GeneratedProtobuf T>
  bool is() const noexcept {
    return type_->prototype == &T::default_instance();
  }
  // Null when it is of another type.
  template <GeneratedProtobuf T>
  T* get_if() const noexcept {
    return is<T>() ? static_cast<T*>(message_) : nullptr;
  }
  // It has to be one: see is().
  template <GeneratedProtobuf T>
  T& get() const noexcept {
    detail::check(is<T>(), "ReceivedProtobuf::get: the message is of another type");
    return *static_cast<T*>(message_);
  }

 private:
  const ProtobufType* type_;
  google::protobuf::MessageLite* message_;
};

// A message to send, of any type: what encode() and send() take. Made of a message where one is
// wanted, and not kept.
class ProtobufRef {
 public:
  template <GeneratedProtobuf T>
  ProtobufRef(  // NOLINT(google-explicit-constructor): reads as send(move)
      const T& message) noexcept
      : message_(&message), prototype_(&T::default_instance()) {}
  // Where the type is not known to the compiler. It is then looked up by its name, which allocates.
  ProtobufRef(  // NOLINT(google-explicit-constructor)
      const google::protobuf::MessageLite& message) noexcept
      : message_(&message) {}
  // What was received goes on to somebody else.
  ProtobufRef(const ReceivedProtobuf& received) noexcept  // NOLINT(google-explicit-constructor)
      : message_(&received.message()), prototype_(received.type().prototype) {}

  const google::protobuf::MessageLite& message() const noexcept { return *message_; }
  // Null where the type is not known to the compiler.
  const google::protobuf::MessageLite* prototype() const noexcept { return prototype_; }

 private:
  const google::protobuf::MessageLite* message_;
  const google::protobuf::MessageLite* prototype_ = nullptr;
};

// Message types by number, by name and by class.
//
// A peer can only have made what is in here, whatever name or number it sends: no other type of the
// program is looked up.
//
// Ownership: payloads, and what they received, point into the table. It outlives them, and nothing
//   is added to it while there are any.
// Threads: any number at once, once it is made.
// Errors: std::invalid_argument for a number or a type that is there already.
class ProtobufTypes {
 public:
  // Numbers are part of the wire format: once in use, they stay with their type.
  template <GeneratedProtobuf T>
  ProtobufTypes& add(std::uint32_t tag) {
    return add(T::default_instance(), tag);
  }
  // To be sent and received by name alone.
  template <GeneratedProtobuf T>
  ProtobufTypes& add() {
    return add(T::default_instance(), std::nullopt);
  }

  // Each is null when there is none, and takes a binary search.
  const ProtobufType* find_tag(std::uint32_t tag) const noexcept;
  const ProtobufType* find_name(std::string_view name) const noexcept;
  const ProtobufType* find(const ProtobufRef& message) const;
  template <GeneratedProtobuf T>
  const ProtobufType* find() const noexcept {
    return find_prototype(&T::default_instance());
  }

  std::size_t size() const noexcept { return types_.size(); }
  const ProtobufType& operator[](std::size_t index) const noexcept { return types_[index]; }
  // Zero for an empty table.
  std::uint32_t largest_tag() const noexcept { return by_tag_.empty() ? 0 : by_tag_.back().first; }
  // 1 for an empty table: an error with this limit is one of a name, with none it is one of a tag.
  std::size_t longest_name() const noexcept { return longest_name_; }

 private:
  using Prototype = const google::protobuf::MessageLite*;

  ProtobufTypes& add(const google::protobuf::MessageLite& prototype,
                     std::optional<std::uint32_t> tag);
  const ProtobufType* find_prototype(Prototype prototype) const noexcept;

  std::vector<ProtobufType> types_;
  // Sorted, with places in types_: a copy of the table needs nothing put right.
  std::vector<std::pair<std::uint32_t, std::size_t>> by_tag_;
  std::vector<std::pair<Prototype, std::size_t>> by_prototype_;
  std::vector<std::size_t> by_name_;
  std::size_t longest_name_ = 1;
};

}  // namespace twister
