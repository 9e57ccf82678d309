// src/admission.hpp - how a connection comes in: its place in its server's counts, and its way to a Protocol.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <twister/address.hpp>
#include <twister/error.hpp>
#include <twister/protocol.hpp>
#include <twister/transport.hpp>

namespace twister::detail {

// What a server counts a connection by: gives the place back when it is destroyed.
class Admission {
 public:
  Admission() = default;  // not counted
  explicit Admission(std::function<void()> give_back) : give_back_(std::move(give_back)) {}
  ~Admission() {
    if (give_back_) give_back_();
  }
  Admission(Admission&& other) noexcept : give_back_(std::exchange(other.give_back_, nullptr)) {}
  Admission& operator=(Admission&& other) noexcept {
    std::swap(give_back_, other.give_back_);
    return *this;
  }
  explicit operator bool() const noexcept { return give_back_ != nullptr; }

 private:
  std::function<void()> give_back_;
};

// When the transport cannot be established, or one of these throws or gives null, `failed` is called in their place
// and no Protocol ever was.
struct Arrival {
  // Once the peer's address is known; empty refuses the connection.
  std::function<std::optional<Admission>(const Address& peer)> admit;
  // Goes around the transport then; empty for none.
  TransportLayer layer;
  // Once that is established, too.
  std::function<std::unique_ptr<Protocol>(const Address& peer)> build;
  std::function<void(const CloseReason&)> failed;
};

}  // namespace twister::detail
