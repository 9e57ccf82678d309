#include "twister/proxy_protocol.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <twister/codecs/byte_buffer.hpp>

#include "proxy_header.hpp"

namespace twister {
namespace {

using Status = IoResult::Status;

class ProxyCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "twister.proxy"; }

  std::string message(int code) const override {
    switch (static_cast<ProxyErrc>(code)) {
      case ProxyErrc::untrusted_source:
        return "connection from a source that is not trusted to send PROXY headers";
      case ProxyErrc::header_too_long:
        return "PROXY header exceeds its limit";
      case ProxyErrc::truncated_header:
        return "the stream ended inside the PROXY header";
      case ProxyErrc::not_a_header:
        return "not a PROXY header";
      case ProxyErrc::bad_protocol:
        return "PROXY line: the protocol is none of TCP4, TCP6, UNKNOWN";
      case ProxyErrc::bad_address:
        return "PROXY line: not an address of the protocol's family";
      case ProxyErrc::bad_port:
        return "PROXY line: not a port";
      case ProxyErrc::bad_line:
        return "PROXY line: not two addresses, two ports and CR LF";
      case ProxyErrc::bad_version:
        return "PROXY header: the version is not 2";
      case ProxyErrc::bad_command:
        return "PROXY header: neither LOCAL nor PROXY";
      case ProxyErrc::bad_family:
        return "PROXY header: not a stream over IPv4, IPv6 or a unix-domain socket";
      case ProxyErrc::bad_length:
        return "PROXY header: shorter than its addresses";
      case ProxyErrc::bad_tlv:
        return "PROXY header: a TLV is broken";
      case ProxyErrc::bad_checksum:
        return "PROXY header: the checksum does not match";
    }
    return "unknown error";
  }

  std::error_condition default_error_condition(int code) const noexcept override {
    switch (static_cast<ProxyErrc>(code)) {
      case ProxyErrc::untrusted_source:
        return Condition::refused;
      case ProxyErrc::header_too_long:
        return Condition::limit;
      default:
        return Condition::malformed;
    }
  }
};

// Has no peer_identity(): who has connected is the proxy.
class ProxyTransport final : public Transport {
 public:
  ProxyTransport(std::unique_ptr<Transport> inner, bool trusted, std::size_t max_header_bytes)
      : inner_(std::move(inner)),
        arriving_(std::make_unique<Arriving>(trusted, max_header_bytes)) {}

  void start(TransportEvents& events) override { inner_->start(events); }
  bool established() const noexcept override { return arriving_ == nullptr; }
  IoResult establish() override {
    if (arriving_ == nullptr) return {};
    if (!arriving_->trusted) return failed(ProxyErrc::untrusted_source);
    const IoResult below = inner_->established() ? IoResult() : inner_->establish();
    return below.status == Status::ok ? receive_header() : below;
  }

  IoResult receive(std::span<std::byte> room) override {
    return arriving_ == nullptr ? inner_->receive(room) : would_block();
  }
  IoResult send(std::span<const ByteView> pieces) override {
    return arriving_ == nullptr ? inner_->send(pieces) : would_block();
  }
  void shutdown_send() override { inner_->shutdown_send(); }
  Unsent unsent() const noexcept override { return inner_->unsent(); }
  std::size_t unread_bytes() const noexcept override { return inner_->unread_bytes(); }
  void close() noexcept override { inner_->close(); }
  void reset() noexcept override { inner_->reset(); }
  Address peer_address() const override {
    return client_.family() == Address::Family::none ? inner_->peer_address() : client_;
  }
  Address local_address() const override {
    return client_.family() == Address::Family::none ? inner_->local_address() : destination_;
  }
  int native_handle() const noexcept override { return inner_->native_handle(); }

 private:
  // What is needed until the header is complete, and not kept by each connection afterwards.
  struct Arriving {
    Arriving(bool is_trusted, std::size_t limit) : trusted(is_trusted), max_header_bytes(limit) {}
    bool trusted;
    std::size_t max_header_bytes;
    ByteBuffer header;
  };

  // Receives what is missing and no more: what is behind the header stays for who comes next.
  IoResult receive_header() {
    ByteBuffer& header = arriving_->header;
    for (;;) {
      detail::ProxyHeader parsed =
          detail::parse_proxy_header(header.view(), arriving_->max_header_bytes);
      if (parsed.status == detail::ProxyHeader::Status::malformed) return failed(parsed.error);
      if (parsed.status == detail::ProxyHeader::Status::complete) {
        client_ = std::move(parsed.source);
        destination_ = std::move(parsed.destination);
        arriving_.reset();
        return {};
      }
      std::array<std::byte, 512> room;
      const std::size_t missing = std::min(parsed.bytes, room.size());
      const IoResult result = inner_->receive(std::span(room).first(missing));
      if (result.status == Status::end_of_stream && !header.empty()) {
        return failed(ProxyErrc::truncated_header);
      }
      if (result.status != Status::ok) return result;
      header.append(std::span(room).first(result.bytes));
    }
  }

  static IoResult would_block() { return {.status = Status::would_block, .bytes = 0, .error = {}}; }
  static IoResult failed(ProxyErrc error) {
    return {.status = Status::failed, .bytes = 0, .error = error};
  }

  std::unique_ptr<Transport> inner_;
  std::unique_ptr<Arriving> arriving_;
  Address client_;  // none: the socket's own addresses
  Address destination_;
};

}  // namespace

const std::error_category& proxy_category() noexcept {
  static const ProxyCategory category;
  return category;
}

std::error_code make_error_code(ProxyErrc code) noexcept {
  return {static_cast<int>(code), proxy_category()};
}

std::unique_ptr<Transport> accept_proxy_header(std::unique_ptr<Transport> inner,
                                               const ProxyOptions& options) {
  const Address proxy = inner->peer_address();
  const bool trusted =
      std::any_of(options.trusted.begin(), options.trusted.end(),
                  [&proxy](const Network& network) { return network.contains(proxy); });
  return std::make_unique<ProxyTransport>(std::move(inner), trusted, options.max_header_bytes);
}

}  // namespace twister
