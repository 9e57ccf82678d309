// twister/resolver.hpp - from names to addresses, without holding up the loop.
//
//   twister::SystemResolver resolver(loop);
//   resolver.resolve("example.com", 80, {}, [](std::error_code error,
//                                              std::vector<twister::Address> addresses) { ... });
//
// Not needed to connect: a TcpClient has a resolver of its own. Give it another one to answer from
// elsewhere, and OverrideResolver to answer some names yourself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <twister/address.hpp>

namespace twister {

class IOLoop;

// Looks names up. Derive from it for a source of your own.
//
// Threads: the loop's.
class Resolver {
 public:
  // Without an error there is at least one address, the best first.
  using Handler = std::function<void(std::error_code error, std::vector<Address> addresses)>;

  virtual ~Resolver() = default;

  // Looks up the addresses of `host`, which may be an address itself, and gives each the `port`.
  // `family` asks for one kind alone; Family::none for all. The handler is called once, from the
  // loop, never inside this call.
  //
  // Returns a function that ends the lookup: the handler is not called any more, and is destroyed. It
  // may be called late and twice, and after the resolver is gone, which ends its lookups likewise.
  virtual std::function<void()> resolve(std::string_view host, std::uint16_t port,
                                        Address::Family family, Handler handler) = 0;
};

// Asks the system (getaddrinfo: /etc/hosts, DNS), on a thread that it starts for that. An address in
// text is answered without one.
//
// Limits: all resolvers of the process together ask eight times at once; 1024 lookups may wait, the
//   next ends with std::errc::resource_unavailable_try_again.
// Timing: the system knows no deadline; whoever asks sets one and ends the lookup. Its thread then
//   goes on until the system has answered, and nobody waits for it, at exit either.
// Ownership: may be destroyed after its loop; what is asked for by then is not answered any more.
class SystemResolver final : public Resolver {
 public:
  explicit SystemResolver(IOLoop& loop);
  ~SystemResolver() override;
  SystemResolver(const SystemResolver&) = delete;
  SystemResolver& operator=(const SystemResolver&) = delete;

  std::function<void()> resolve(std::string_view host, std::uint16_t port, Address::Family family,
                                Handler handler) override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Sends some names elsewhere before they are looked up: for tests, and for what /etc/hosts is used.
//
//   OverrideResolver resolver(system, {{"example.com", "127.0.0.1"},
//                                      {"example.com:443", "localhost:8443"}});
class OverrideResolver final : public Resolver {
 public:
  // From `HOST` or `HOST:PORT` to `HOST` or `HOST:PORT`; an IPv6 address before a port is in
  // brackets. Names are compared without regard to case. The entry with the port comes first; a
  // target without a port keeps the one asked for. Throws std::invalid_argument for anything else.
  // `inner` looks up what comes out, and must outlive this.
  OverrideResolver(Resolver& inner, const std::map<std::string, std::string>& overrides);

  std::function<void()> resolve(std::string_view host, std::uint16_t port, Address::Family family,
                                Handler handler) override;

 private:
  struct Target {
    std::string host;
    int port;  // -1: as asked for
  };
  using Key = std::pair<std::string, int>;  // the same

  const Target* find(const Key& key) const;

  Resolver& inner_;
  std::map<Key, Target> overrides_;
};

}  // namespace twister
