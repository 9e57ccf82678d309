// Clients over loopback: what the kernel does, and what of it is left.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <tuple>

#include <twister/reconnecting_client.hpp>
#include <twister/resolver.hpp>
#include <twister/tcp_client.hpp>

#include "memory/client_parts.hpp"
#include "support/lookup_faults.hpp"
#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class ClientSocket : public SocketTest {
 protected:
  void connect_to(const Destination& to, const TcpClientOptions& options = {}) {
    client.emplace(loop, options);
    client->connect(to, outcome.handler());
    run_until([this] { return outcome.calls > 0; });
  }
  // An address where nobody listens.
  Address closed_address() {
    serve(build<EchoBack>());
    const Address there = address();
    server.reset();
    loop.run_until_idle();  // lets go of the listener's descriptors
    return there;
  }
  // A port that was free a moment ago.
  static std::uint16_t free_port() { return bind_sockets("[::1]:0").at(0).local_address().port(); }
  bool echoes() {
    std::string got;
    outcome.stream.write("hello");
    outcome.stream.read_bytes(5, [&](std::error_code, ByteView bytes) { got = as_text(bytes); });
    return run_until([&] { return !got.empty() || !outcome.stream.is_open(); }) && got == "hello";
  }
  Address local_address() const {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    auto* const raw = reinterpret_cast<sockaddr*>(&storage);
    ::getsockname(outcome.stream.native_handle(), raw, &size);
    return Address::from_sockaddr(*raw, size);
  }

  Outcome outcome;
  std::optional<TcpClient> client;
};

TEST_P(ClientSocket, ConnectsToAnAddress) {
  serve(build<EchoBack>());
  connect_to(address());
  ASSERT_TRUE(outcome.connected());
  EXPECT_EQ(outcome.stream.peer_address(), address());
  EXPECT_TRUE(echoes());
}

TEST_P(ClientSocket, IsToldOfARefusalAndNothingStaysOpen) {
  const Address nobody = closed_address();
  const std::size_t before = open_descriptors();
  connect_to(nobody);
  EXPECT_EQ(outcome.error, std::errc::connection_refused);
  EXPECT_EQ(outcome.error, Condition::refused);
  EXPECT_FALSE(outcome.stream.is_open());
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(ClientSocket, ConnectsToAUnixSocket) {
  const std::string path = ::testing::TempDir() + "client." + std::to_string(::getpid());
  server = std::make_unique<TcpServer>(loop, "unix:" + path, build<EchoBack>());
  server->start();
  connect_to("unix:" + path);
  EXPECT_TRUE(echoes());
}

// A listener whose queue is full: of a unix-domain socket the kernel lets nobody wait.
class FullUnixListener {
 public:
  FullUnixListener() : sockets_(bind_sockets(name(), {.backlog = 0})) {
    filler_.emplace(sockets_.at(0).local_address());
  }
  static std::string name() { return "unix:@twister-full-" + std::to_string(::getpid()); }
  void accept_one() { ::close(::accept(sockets_.at(0).native_handle(), nullptr, nullptr)); }

 private:
  std::vector<ListeningSocket> sockets_;
  std::optional<Client> filler_;
};

TEST_P(ClientSocket, AUnixSocketsFullQueueIsTriedAgain) {
  FullUnixListener full;
  client.emplace(loop);
  client->connect(FullUnixListener::name(), outcome.handler());
  clock.advance(10s);
  ASSERT_EQ(outcome.calls, 0);
  full.accept_one();
  clock.advance(100ms);
  EXPECT_TRUE(outcome.connected()) << outcome.error.message();
  EXPECT_FALSE(loop.next_timer().has_value());
}

TEST_P(ClientSocket, AUnixSocketsFullQueueEndsAtTheTimeout) {
  const FullUnixListener full;
  const std::size_t before = open_descriptors();
  client.emplace(loop);
  client->connect(FullUnixListener::name(), outcome.handler());
  clock.advance(30s);
  EXPECT_EQ(outcome.error, Errc::connect_timeout);
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_FALSE(loop.next_timer().has_value());
}

TEST_P(ClientSocket, AMissingUnixSocketLeavesNothingOpen) {
  const std::size_t before = open_descriptors();
  connect_to("unix:/nonexistent/socket");
  EXPECT_EQ(outcome.error, std::errc::no_such_file_or_directory);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(ClientSocket, SendsSmallMessagesAtOnce) {
  serve(build<EchoBack>());
  connect_to(address());
  EXPECT_EQ(socket_option(outcome.stream.native_handle(), IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(socket_option(outcome.stream.native_handle(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST_P(ClientSocket, SetsWhatItsOptionsSay) {
  serve(build<EchoBack>());
  TcpClientOptions options;
  options.no_delay = false;
  options.keep_alive = KeepAlive{.idle = 33s, .interval = 7s, .count = 3};
  connect_to(address(), options);
  const int fd = outcome.stream.native_handle();
  EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(socket_option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 33);
  EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
  EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
}

// ---- where a connection comes from ----

TEST_P(ClientSocket, ComesFromTheSourceAddress) {
  serve(build<EchoBack>());
  TcpClientOptions options;
  options.source = Address::parse("127.0.0.2:0");
  connect_to(address(), options);
  EXPECT_EQ(local_address().host(), "127.0.0.2");
  EXPECT_TRUE(echoes());
}

TEST_P(ClientSocket, ASourcePortAloneGoesWithEitherFamily) {
  server = std::make_unique<TcpServer>(loop, "[::1]:0", build<EchoBack>());
  server->start();
  TcpClientOptions options;
  options.source = Address::parse(":" + std::to_string(free_port()));
  connect_to(address(), options);
  EXPECT_EQ(local_address().host(), "::1");
  EXPECT_EQ(local_address().port(), options.source.port());
}

TEST_P(ClientSocket, ASourceThatIsNotOursFailsTheAttempt) {
  serve(build<EchoBack>());
  const std::size_t before = open_descriptors();
  TcpClientOptions options;
  options.source = Address::parse("8.8.8.8:0");
  connect_to(address(), options);
  EXPECT_EQ(outcome.error, std::errc::address_not_available);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(ClientSocket, ASourceOfTheOtherFamilyFailsThatAttemptOnly) {
  server = std::make_unique<TcpServer>(loop, "127.0.0.1:0", build<EchoBack>());
  server->start();
  ManualResolver resolver(loop);
  TcpClientOptions options;
  options.resolver = &resolver;
  options.source = Address::parse("127.0.0.1:0");
  client.emplace(loop, options);
  client->connect({"both", address().port()}, outcome.handler());
  resolver.answer(0, {"[::1]:" + std::to_string(address().port()), address().to_string()});
  run_until([this] { return outcome.calls > 0; });
  EXPECT_TRUE(echoes());
}

// A port from which the kernel deals out, dialed from that same port: TCP makes it a connection.
TEST_P(ClientSocket, AConnectionToItselfIsNone) {
  const Address nobody = closed_address();
  const std::size_t before = open_descriptors();
  TcpClientOptions options;
  options.source = nobody;
  connect_to(nobody, options);
  EXPECT_EQ(outcome.error, std::errc::connection_refused);
  EXPECT_EQ(open_descriptors(), before);
}

// ---- nobody answers ----

// A listener whose queue is full: the kernel lets further attempts wait for ever.
class SilentListener {
 public:
  SilentListener() : sockets_(bind_sockets("127.0.0.1:0", {.backlog = 0})) {
    filler_.emplace(sockets_.at(0).local_address());
  }
  Address address() const { return sockets_.at(0).local_address(); }

 private:
  std::vector<ListeningSocket> sockets_;
  std::optional<Client> filler_;
};

TEST_P(ClientSocket, GivesUpAtTheTimeoutAndNothingStaysOpen) {
  const SilentListener silent;
  const std::size_t before = open_descriptors();
  client.emplace(loop);
  client->connect(silent.address(), outcome.handler());
  loop.run_until_idle();
  ASSERT_EQ(outcome.calls, 0);
  EXPECT_EQ(open_descriptors(), before + 1);
  clock.advance(30s);
  EXPECT_EQ(outcome.error, Errc::connect_timeout);
  EXPECT_THAT(outcome.error.detail, HasSubstr("no answer"));
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(ClientSocket, CancellingClosesTheSocketAtOnce) {
  const SilentListener silent;
  const std::size_t before = open_descriptors();
  client.emplace(loop);
  const auto cancel = client->connect(silent.address(), outcome.handler());
  loop.run_until_idle();
  cancel();
  EXPECT_EQ(open_descriptors(), before);
  loop.run_until_idle();
  EXPECT_EQ(outcome.error, std::errc::operation_canceled);
}

TEST_P(ClientSocket, ALoopThatEndsClosesTheSocket) {
  const SilentListener silent;
  const std::size_t before = open_descriptors();
  {
    IOLoop own({.clock = &clock, .reactor = GetParam()});
    client.emplace(own);
    client->connect(silent.address(), outcome.handler());
    own.run_until_idle();
  }
  client.reset();
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(outcome.calls, 0);
}

TEST_P(ClientSocket, GoesOnToTheOtherFamilyWhenTheFirstIsSilent) {
  const SilentListener silent;
  server = std::make_unique<TcpServer>(loop, "[::1]:" + std::to_string(silent.address().port()),
                                       build<EchoBack>());
  server->start();
  ManualResolver resolver(loop);
  TcpClientOptions options;
  options.resolver = &resolver;
  client.emplace(loop, options);
  client->connect({"both", silent.address().port()}, outcome.handler());
  resolver.answer(0, {silent.address().to_string(), address().to_string()});
  clock.advance(300ms);
  run_until([this] { return outcome.calls > 0; });
  EXPECT_EQ(outcome.stream.peer_address(), address());
  EXPECT_TRUE(echoes());
}

// ---- names ----

TEST_P(ClientSocket, ANameThatIsUnknownIsALookupError) {
  const LookupFaults lookups;
  connect_to("nosuch.test:80");
  EXPECT_EQ(outcome.error, Errc::lookup_failed);
  EXPECT_EQ(outcome.error.message(),
            "cannot connect to nosuch.test:80 (Name or service not known): the name could not be "
            "resolved");
}

TEST_P(ClientSocket, TheTimeoutDoesNotWaitForANameServer) {
  LookupFaults lookups;
  client.emplace(loop);
  client->connect("slow.test:80", outcome.handler());
  run_until([&] { return lookups.waiting() == 1; });
  clock.advance(30s);
  EXPECT_EQ(outcome.error, Errc::connect_timeout);
  lookups.release();
  loop.run_until_idle();
  EXPECT_EQ(outcome.calls, 1);
}

TEST_P(ClientSocket, DestroyingTheClientWhileItLooksANameUpIsQuick) {
  LookupFaults lookups;
  client.emplace(loop);
  client->connect("slow.test:80", outcome.handler());
  run_until([&] { return lookups.waiting() == 1; });
  client.reset();
  loop.run_until_idle();
  EXPECT_EQ(outcome.error, std::errc::operation_canceled);
}

// ---- a server that goes and comes back ----

TEST_P(ClientSocket, ReconnectsWhenTheServerIsThereAgain) {
  Script script;
  serve(build<EchoBack>());
  const std::string where = address().to_string();
  ReconnectOptions options;
  options.random = [] { return 1.0; };
  ReconnectingClient keeps(loop, where, build<Scripted>(std::ref(script)), options);
  keeps.start();
  run_until([&] { return keeps.connection() != nullptr; });
  server.reset();
  run_until([&] { return keeps.state() == ReconnectingClient::State::waiting; });
  clock.advance(1s);
  run_until([&] { return keeps.failures() == 2; });  // nobody listens yet
  server = std::make_unique<TcpServer>(loop, where, build<EchoBack>());
  server->start();
  clock.advance(2s);
  run_until([&] { return keeps.connection() != nullptr; });
  keeps.connection()->write("hello again");
  EXPECT_TRUE(run_until([&] { return script.received == "hello again"; }));
}

INSTANTIATE_TEST_SUITE_P(Loops, ClientSocket, both_reactors, name_of_reactor);

// ---- every kind of address: family asked for, host ----

class ClientFamilies
    : public ::testing::TestWithParam<std::tuple<Address::Family, const char*, const char*>> {};

TEST_P(ClientFamilies, SayHelloAndHearIt) {
  const auto& [family, listen, host] = GetParam();
  if (std::string_view(host) == "localhost" && !localhost_resolves()) GTEST_SKIP();
  IOLoop loop;
  TcpServer server(loop, std::string(listen) + ":0", build<EchoBack>());
  server.start();
  TcpClient client(loop);
  std::string got;
  Outcome outcome;
  client.connect({host, server.local_addresses()[0].port()}, outcome.handler(), {.family = family});
  ASSERT_TRUE(run_until(loop, [&] { return outcome.calls > 0; }));
  ASSERT_TRUE(outcome.connected()) << outcome.error.message();
  outcome.stream.write("hello");
  outcome.stream.read_bytes(5, [&](std::error_code, ByteView bytes) { got = as_text(bytes); });
  run_until(loop, [&] { return !got.empty(); });
  EXPECT_EQ(got, "hello");
}

// Names of both families are this machine's in the tests' own table.
TEST(ClientFamilies6, OfANameMayBeAskedFor) {
  IOLoop loop;
  TcpServer server(loop, "[::1]:0", build<EchoBack>());
  server.start();
  SystemResolver system(loop);
  OverrideResolver names(system, {{"six.test", "::1"}});
  TcpClient client(loop, {.resolver = &names});
  Outcome outcome;
  client.connect({"six.test", server.local_addresses()[0].port()}, outcome.handler(),
                 {.family = Address::Family::ipv6});
  ASSERT_TRUE(run_until(loop, [&] { return outcome.calls > 0; }));
  EXPECT_TRUE(outcome.connected()) << outcome.error.message();
}

constexpr auto any = Address::Family::none;
constexpr auto v4 = Address::Family::ipv4;
constexpr auto v6 = Address::Family::ipv6;
INSTANTIATE_TEST_SUITE_P(All, ClientFamilies,
                         ::testing::Values(std::tuple(any, "127.0.0.1", "127.0.0.1"),
                                           std::tuple(v4, "127.0.0.1", "127.0.0.1"),
                                           std::tuple(any, "[::1]", "::1"),
                                           std::tuple(v6, "[::1]", "::1"),
                                           std::tuple(v4, "127.0.0.1", "localhost"),
                                           std::tuple(any, "127.0.0.1", "localhost"),
                                           std::tuple(any, "localhost", "localhost")));

}  // namespace
}  // namespace twister::testing
