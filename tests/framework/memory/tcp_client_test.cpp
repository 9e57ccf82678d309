// A client's steps, one by one: looking up, dialing, opening; and every way in which they end.
#include <stdexcept>
#include <string>

#include <twister/endpoint.hpp>

#include "client_parts.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Address server_address = Address::parse("192.0.2.1:80");

// Throws when it is asked for the port 13, and leaves the rest to another.
class Superstitious final : public Dialer, public Resolver {
 public:
  Superstitious(Dialer& dialer, Resolver& resolver) : dialer_(dialer), resolver_(resolver) {}
  std::function<void()> dial(const Address& to, const DialOptions& options,
                             Dialer::Handler handler) override {
    if (to.port() == 13) throw std::runtime_error("bad luck");
    return dialer_.dial(to, options, std::move(handler));
  }
  std::function<void()> resolve(std::string_view host, std::uint16_t port, Address::Family family,
                                Resolver::Handler handler) override {
    if (port == 13) throw std::runtime_error("bad luck");
    return resolver_.resolve(host, port, family, std::move(handler));
  }

 private:
  Dialer& dialer_;
  Resolver& resolver_;
};

// A connection that cannot say to whom.
struct Nameless final : Transport {
  void start(TransportEvents&) override {}
  IoResult receive(std::span<std::byte>) override { return {}; }
  IoResult send(std::span<const ByteView>) override { return {}; }
  void shutdown_send() override {}
  void close() noexcept override {}
  void reset() noexcept override {}
  Address peer_address() const override { throw std::runtime_error("no name"); }
};

class TcpClientTest : public ClientTest {
 protected:
  // Connects to a name that has these addresses.
  std::function<void()> connect(const std::vector<std::string>& addresses,
                                const ConnectOverrides& per_connect = {}) {
    auto cancel = client.connect("example.com:80", outcome.handler(), per_connect);
    resolver.answer(resolver.questions().size() - 1, addresses);
    return cancel;
  }
  bool nothing_left() const { return dialer.pending() == 0 && !loop.next_timer(); }

  TcpClient client{loop, options()};
  Outcome outcome;
};

// ---- the way to a connection ----

TEST_F(TcpClientTest, LooksTheNameUpAndConnects) {
  connect({"192.0.2.1:80"});
  EXPECT_EQ(resolver.questions()[0].host, "example.com");
  EXPECT_EQ(resolver.questions()[0].port, 80);
  EXPECT_EQ(outcome.calls, 0);
  const auto far = dialer.succeed(0);
  ASSERT_TRUE(outcome.connected());
  EXPECT_EQ(outcome.stream.peer_address(), server_address);
  EXPECT_TRUE(nothing_left());
}

TEST_F(TcpClientTest, AnAddressNeedsNoResolver) {
  client.connect(server_address, outcome.handler());
  EXPECT_THAT(resolver.questions(), IsEmpty());
  dialer.succeed(0);
  EXPECT_EQ(outcome.calls, 1);
}

TEST_F(TcpClientTest, AUnixPathNeedsNoResolver) {
  client.connect("unix:/run/app.sock", outcome.handler());
  EXPECT_THAT(dialed(), ElementsAre("unix:/run/app.sock"));
}

TEST_F(TcpClientTest, WhatTheHandlerWritesIsDelivered) {
  client.connect(server_address, [this](const ConnectError&, IOStream stream) {
    stream.write("early");
    outcome.stream = std::move(stream);
  });
  const auto far = dialer.succeed(0);
  EXPECT_EQ(receive(*far, 100), "early");
}

TEST_F(TcpClientTest, AStreamThatThePeerEndedAtOnceCanStillBeRead) {
  std::string got;
  client.connect(server_address, [&](const ConnectError& error, IOStream stream) {
    ASSERT_FALSE(error);
    outcome.stream = std::move(stream);
    outcome.stream.read_until_close([&](std::error_code, ByteView all) { got = as_text(all); });
  });
  auto far = dialer.succeed(0);
  const ByteView bytes = as_bytes("12:00\n");
  far->send({&bytes, 1});
  far->close();
  loop.run_until_idle();
  EXPECT_EQ(got, "12:00\n");
}

TEST_F(TcpClientTest, AHandlerMayTakeACodeAlone) {
  std::error_code got;
  client.connect(server_address, [&](std::error_code error, IOStream) { got = error; });
  dialer.fail(0, std::errc::connection_refused);
  EXPECT_EQ(got, std::errc::connection_refused);
}

TEST_F(TcpClientTest, HandsTheDialerItsOptions) {
  TcpClientOptions with = options();
  with.source = Address::parse(":5000");
  with.no_delay = false;
  with.keep_alive = KeepAlive{.idle = 5s};
  TcpClient other(loop, with);
  other.connect(server_address, outcome.handler());
  const DialOptions& got = dialer.attempts()[0].options;
  EXPECT_EQ(got.source.port(), 5000);
  EXPECT_FALSE(got.no_delay);
  EXPECT_EQ(got.keep_alive.value().idle, 5s);
}

TEST_F(TcpClientTest, RefusesAnEndpointThatCannotBeRead) {
  EXPECT_THROW(client.connect("nonsense", outcome.handler()), std::invalid_argument);
  EXPECT_TRUE(nothing_left());
}

// ---- happy eyeballs ----

TEST_F(TcpClientTest, PartsTheAddressesByFamily) {
  connect({"10.0.0.1:80", "[::1]:80", "10.0.0.2:80", "[::2]:80"});
  clock.advance(300ms);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80", "[::1]:80"));
  dialer.fail(0);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80", "[::1]:80", "10.0.0.2:80"));
  dialer.fail(1);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80", "[::1]:80", "10.0.0.2:80", "[::2]:80"));
}

TEST_F(TcpClientTest, TheFirstAddressHasTheFirst300MillisecondsToItself) {
  connect({"10.0.0.1:80", "[::1]:80"});
  clock.advance(299ms);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80"));
  clock.advance(1ms);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80", "[::1]:80"));
}

TEST_F(TcpClientTest, TriesNothingElseWhenTheFirstAddressConnects) {
  connect({"10.0.0.1:80", "[::1]:80", "10.0.0.2:80"});
  dialer.succeed(0);
  clock.advance(1h);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80"));
  EXPECT_EQ(outcome.calls, 1);
}

TEST_F(TcpClientTest, TheFirstFailureStartsTheOtherFamilyAtOnce) {
  connect({"10.0.0.1:80", "[::1]:80", "10.0.0.2:80"});
  dialer.fail(0);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80", "10.0.0.2:80", "[::1]:80"));
}

TEST_F(TcpClientTest, AnAddressThatNobodyAnswersAtCosts300Milliseconds) {
  connect({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"});
  clock.advance(299ms);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80"));
  clock.advance(1ms);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80", "10.0.0.2:80"));
  clock.advance(300ms);
  EXPECT_EQ(dialer.pending(), 3U);
  EXPECT_EQ(loop.next_timer(), loop.now() + 30s - 600ms);  // the deadline alone
  const auto far = dialer.succeed(1);
  EXPECT_TRUE(outcome.connected());
  EXPECT_TRUE(dialer.attempts()[0].given_up);
  EXPECT_TRUE(dialer.attempts()[2].given_up);
  EXPECT_TRUE(nothing_left());
}

TEST_F(TcpClientTest, WithoutAnswersTheFamiliesTakeTurns) {
  connect({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "[::1]:80", "[::2]:80"});
  clock.advance(2s);
  EXPECT_THAT(dialed(),
              ElementsAre("10.0.0.1:80", "[::1]:80", "10.0.0.2:80", "[::2]:80", "10.0.0.3:80"));
}

TEST_F(TcpClientTest, AFailureTriesTheNextAddressAtOnceAndTheDelayBeginsAnew) {
  connect({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"});
  clock.advance(299ms);
  dialer.fail(0);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80", "10.0.0.2:80"));
  clock.advance(299ms);
  EXPECT_EQ(dialer.attempts().size(), 2U);
  clock.advance(1ms);
  EXPECT_EQ(dialer.attempts().size(), 3U);
}

TEST_F(TcpClientTest, AFamilyThatHasNoneLeftLeavesTheNextAttemptToTheOther) {
  connect({"10.0.0.1:80", "[::1]:80", "10.0.0.2:80"});
  clock.advance(300ms);
  dialer.fail(1);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80", "[::1]:80", "10.0.0.2:80"));
}

TEST_F(TcpClientTest, TheWinnerEndsTheOtherAttemptAndLeavesNoTimer) {
  connect({"10.0.0.1:80", "[::1]:80"});
  clock.advance(300ms);
  const auto far = dialer.succeed(1);
  EXPECT_TRUE(outcome.connected());
  EXPECT_EQ(outcome.stream.peer_address().to_string(), "[::1]:80");
  EXPECT_TRUE(dialer.attempts()[0].given_up);
  EXPECT_TRUE(nothing_left());
}

TEST_F(TcpClientTest, TheWinnerStaysOpenWhenTheTimeIsUp) {
  connect({"10.0.0.1:80", "[::1]:80"});
  const auto far = dialer.succeed(0);
  clock.advance(1h);
  EXPECT_TRUE(outcome.connected());
}

TEST_F(TcpClientTest, TriesNoMoreThan64AddressesOfAName) {
  std::vector<std::string> many;
  for (int i = 0; i < 200; ++i) many.push_back("10.0.0." + std::to_string(i) + ":80");
  connect(many);
  while (dialer.pending() > 0) dialer.fail(dialer.attempts().size() - 1);
  EXPECT_EQ(dialer.attempts().size(), 64U);
  EXPECT_EQ(outcome.error, std::errc::connection_refused);
}

// ---- failures ----

TEST_F(TcpClientTest, SaysOnceWhatWasWrongWithAllAddresses) {
  connect({"[::1]:80", "127.0.0.1:80"});
  dialer.fail(0);
  dialer.fail(1);
  EXPECT_EQ(outcome.calls, 1);
  EXPECT_EQ(outcome.error.message(),
            "cannot connect to example.com:80 ([::1]:80, 127.0.0.1:80): Connection refused");
  EXPECT_TRUE(nothing_left());
}

TEST_F(TcpClientTest, SaysWhatWasWrongWithEachAddress) {
  connect({"[::1]:80", "127.0.0.1:80"});
  dialer.fail(0, std::errc::network_unreachable);
  dialer.fail(1);
  EXPECT_EQ(outcome.error, std::errc::connection_refused);
  EXPECT_EQ(outcome.error.message(),
            "cannot connect to example.com:80 ([::1]:80 Network is unreachable, 127.0.0.1:80 "
            "Connection refused): Connection refused");
}

TEST_F(TcpClientTest, DoesNotNameAnAddressTwice) {
  client.connect(server_address, outcome.handler());
  dialer.fail(0);
  EXPECT_EQ(outcome.error.message(), "cannot connect to 192.0.2.1:80: Connection refused");
}

TEST_F(TcpClientTest, ANameWithoutAddressesIsALookupError) {
  connect({});
  EXPECT_EQ(outcome.calls, 1);
  EXPECT_EQ(outcome.error, Errc::lookup_failed);
  EXPECT_TRUE(nothing_left());
}

TEST_F(TcpClientTest, ALookupErrorCarriesItsText) {
  client.connect("example.com:80", outcome.handler());
  resolver.fail(0, std::make_error_code(std::errc::no_such_device));
  EXPECT_EQ(outcome.error.message(),
            "cannot connect to example.com:80 (No such device): the name could not be resolved");
}

TEST_F(TcpClientTest, OnlyAddressesOfTheFamilyAskedForCount) {
  connect({"[::1]:80", "10.0.0.1:80"}, {.family = Address::Family::ipv4});
  EXPECT_EQ(resolver.questions()[0].family, Address::Family::ipv4);
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.1:80"));
}

TEST_F(TcpClientTest, ADialerThatThrowsFailsThatAttemptAlone) {
  Superstitious odd(dialer, resolver);
  TcpClientOptions with = options();
  with.dialer = &odd;
  TcpClient other(loop, with);
  other.connect("example.com:80", outcome.handler());
  resolver.answer(0, {"10.0.0.1:13", "10.0.0.2:80"});
  EXPECT_THAT(dialed(), ElementsAre("10.0.0.2:80"));
  dialer.fail(0);
  EXPECT_EQ(outcome.error.detail,
            "cannot connect to example.com:80 (10.0.0.1:13 bad luck, 10.0.0.2:80 Connection "
            "refused)");
  EXPECT_TRUE(nothing_left());
}

TEST_F(TcpClientTest, WhatAResolverOrADialerThrowsIsToldToTheHandlerLater) {
  Superstitious odd(dialer, resolver);
  TcpClientOptions with = options();
  with.dialer = &odd;
  with.resolver = &odd;
  TcpClient other(loop, with);
  for (const char* to : {"example.com:13", "10.0.0.1:13"}) {
    Outcome told;
    other.connect(to, told.handler());
    other.connect(Address::parse("192.0.2.1:13"), outcome.handler());
    EXPECT_EQ(told.calls + outcome.calls, 0);
    loop.run_until_idle();
    EXPECT_EQ(told.calls, 1);
    EXPECT_EQ(told.error, Errc::callback_threw);
    EXPECT_EQ(told.error.detail, "cannot connect to " + std::string(to) + " (bad luck)");
    EXPECT_EQ(outcome.error.detail, "cannot connect to 192.0.2.1:13 (bad luck)");
    EXPECT_EQ(std::exchange(outcome.calls, 0), 1);
  }
  EXPECT_TRUE(nothing_left());
}

TEST_F(TcpClientTest, WhatADialersTransportThrowsIsToldToTheHandler) {
  client.connect(server_address, outcome.handler());
  const Dialer::Handler dialed = dialer.attempts()[0].handler;
  dialed({}, std::make_unique<Nameless>());
  loop.run_until_idle();
  EXPECT_EQ(outcome.error, Errc::callback_threw);
  EXPECT_EQ(outcome.error.detail, "cannot connect to 192.0.2.1:80 (no name)");
  EXPECT_FALSE(loop.next_timer());
}

// ---- the deadline ----

TEST_F(TcpClientTest, AResolverThatNeverAnswersRunsIntoTheTimeout) {
  client.connect("example.com:80", outcome.handler(), {.timeout = 50ms});
  clock.advance(49ms);
  EXPECT_EQ(outcome.calls, 0);
  clock.advance(1ms);
  EXPECT_EQ(outcome.error, Errc::connect_timeout);
  EXPECT_EQ(outcome.error, Condition::timed_out);
  EXPECT_TRUE(resolver.questions()[0].ended);
  EXPECT_EQ(outcome.error.message(),
            "cannot connect to example.com:80 (after 50 ms, looking it up): no connection within "
            "the timeout");
}

TEST_F(TcpClientTest, TheTimeoutEndsAllAttempts) {
  connect({"10.0.0.1:80", "10.0.0.2:80"});
  clock.advance(30s);
  EXPECT_EQ(outcome.error, Errc::connect_timeout);
  EXPECT_TRUE(dialer.attempts()[0].given_up);
  EXPECT_TRUE(dialer.attempts()[1].given_up);
  EXPECT_TRUE(nothing_left());
}

TEST_F(TcpClientTest, TheTimeoutCoversAllAttemptsTogether) {
  connect({"10.0.0.1:80", "10.0.0.2:80"});
  clock.advance(20s);
  dialer.fail(0);
  clock.advance(10s);
  EXPECT_EQ(outcome.calls, 1);
  EXPECT_EQ(outcome.error.detail,
            "cannot connect to example.com:80 (after 30000 ms, 10.0.0.1:80 Connection refused, "
            "10.0.0.2:80 no answer)");
}

TEST_F(TcpClientTest, ATimeoutOfTheMaximumIsNever) {
  connect({"10.0.0.1:80"}, {.timeout = std::chrono::milliseconds::max()});
  clock.advance(24h * 365);
  EXPECT_EQ(outcome.calls, 0);
  dialer.succeed(0);
  EXPECT_EQ(outcome.calls, 1);
}

TEST_F(TcpClientTest, ATimeoutOfNothingIsOverAtOnceButNotInsideTheCall) {
  connect({"10.0.0.1:80"}, {.timeout = 0ms});
  EXPECT_EQ(outcome.error, Errc::connect_timeout);
}

// ---- cancelling ----

TEST_F(TcpClientTest, CancellingALookupTellsTheHandlerLater) {
  const auto cancel = client.connect("example.com:80", outcome.handler());
  cancel();
  EXPECT_EQ(outcome.calls, 0);
  loop.run_until_idle();
  EXPECT_EQ(outcome.calls, 1);
  EXPECT_EQ(outcome.error, std::errc::operation_canceled);
  EXPECT_TRUE(resolver.questions()[0].ended);
  EXPECT_TRUE(nothing_left());
}

TEST_F(TcpClientTest, CancellingEndsTheAttempts) {
  const auto cancel = connect({"10.0.0.1:80", "[::1]:80"});
  clock.advance(300ms);
  cancel();
  cancel();
  loop.run_until_idle();
  EXPECT_EQ(outcome.calls, 1);
  EXPECT_EQ(outcome.error, std::errc::operation_canceled);
  EXPECT_TRUE(nothing_left());
}

TEST_F(TcpClientTest, CancellingLateHasNoEffect) {
  const auto cancel = connect({"10.0.0.1:80"});
  const auto far = dialer.succeed(0);
  cancel();
  loop.run_until_idle();
  EXPECT_TRUE(outcome.connected());
}

TEST_F(TcpClientTest, DestroyingTheClientCancelsWhatIsUnderWay) {
  std::optional<TcpClient> other(std::in_place, loop, options());
  Outcome first, second;
  const auto cancel = other->connect("one:1", first.handler());
  other->connect(server_address, second.handler());
  other.reset();
  cancel();
  EXPECT_EQ(first.calls + second.calls, 0);
  loop.run_until_idle();
  EXPECT_EQ(first.error, std::errc::operation_canceled);
  EXPECT_EQ(second.error, std::errc::operation_canceled);
  EXPECT_EQ(first.calls + second.calls, 2);
  EXPECT_TRUE(nothing_left());
}

TEST_F(TcpClientTest, TheConnectionOutlivesTheClient) {
  std::optional<TcpClient> other(std::in_place, loop, options());
  other->connect(server_address, outcome.handler());
  const auto far = dialer.succeed(0);
  other.reset();
  loop.run_until_idle();
  EXPECT_TRUE(outcome.connected());
}

TEST_F(TcpClientTest, MayBeDestroyedInsideAHandler) {
  std::optional<TcpClient> other(std::in_place, loop, options());
  int cancelled = 0;
  other->connect("one:1", [&](const ConnectError& error, IOStream) {
    cancelled += error == std::errc::operation_canceled ? 1 : 0;
  });
  other->connect(server_address, [&](const ConnectError&, IOStream) { other.reset(); });
  dialer.succeed(0);
  loop.run_until_idle();
  EXPECT_EQ(cancelled, 1);
}

TEST_F(TcpClientTest, OutlivesItsLoopWithWorkUnderWay) {
  auto other_loop = std::make_unique<IOLoop>(clock);
  TcpClient other(*other_loop);
  const auto cancel = other.connect("127.0.0.1:1", outcome.handler());
  other_loop.reset();
  cancel();
  EXPECT_EQ(outcome.calls, 0);
}

TEST_F(TcpClientTest, AnExceptionFromAHandlerIsLogged) {
  client.connect(server_address,
                 [](const ConnectError&, IOStream) { throw std::runtime_error("no"); });
  dialer.succeed(0);
  EXPECT_THAT(log.lines(), ElementsAre(::testing::HasSubstr("what=no")));
}

// ---- layers ----

TEST_F(TcpClientTest, PutsTheLayerAroundTheConnectedTransport) {
  std::string host;
  TcpClientOptions with = options();
  with.layer = [&](std::unique_ptr<Transport> connected, std::string_view name) {
    host = name;
    return std::make_unique<FaultyTransport>(loop, std::move(connected), FaultPlan{});
  };
  TcpClient layered(loop, with);
  layered.connect("example.com:443", outcome.handler());
  resolver.answer(0, {"192.0.2.1:443"});
  const auto far = dialer.succeed(0);
  EXPECT_EQ(host, "example.com");
  outcome.stream.write("through it");
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 100), "through it");
}

TEST_F(TcpClientTest, ALayerMayRefuseAndMayThrow) {
  TcpClientOptions with = options();
  with.layer = [](std::unique_ptr<Transport>, std::string_view host) -> std::unique_ptr<Transport> {
    if (host == "192.0.2.1") return nullptr;
    throw std::runtime_error("no certificate");
  };
  TcpClient layered(loop, with);
  layered.connect(server_address, outcome.handler());
  dialer.succeed(0);
  EXPECT_EQ(outcome.error, std::errc::operation_canceled);
  layered.connect(Address::parse("192.0.2.2:80"), outcome.handler());
  dialer.succeed(1);
  EXPECT_EQ(outcome.error, Errc::callback_threw);
  EXPECT_EQ(outcome.error.detail, "cannot connect to 192.0.2.2:80 (no certificate)");
}

// ---- endpoints ----

TEST(TcpClientEndpoint, SaysTheTimeoutAndTheSource) {
  const auto endpoint = Endpoint::parse_client("tcp:example.com:80?timeout=5s&source=10.0.0.7");
  const TcpClientOptions options = tcp_client_options(endpoint);
  EXPECT_EQ(options.timeout, std::chrono::seconds(5));
  EXPECT_EQ(options.source, Address::parse("10.0.0.7:0"));
  EXPECT_EQ(Destination(endpoint.address()).to_string(), "example.com:80");
}

TEST(TcpClientEndpoint, LeavesTheRestAsItWas) {
  const auto options = tcp_client_options(Endpoint::parse_client("unix:/run/app.sock"),
                                          {.timeout = std::chrono::seconds(7)});
  EXPECT_EQ(options.timeout, std::chrono::seconds(7));
  EXPECT_EQ(options.source, Address());
}

TEST(TcpClientEndpoint, RefusesASourceThatIsNone) {
  Endpoint by_hand = Endpoint::parse_client("h:1");
  by_hand.options = {{"source", "eth0"}};
  try {
    tcp_client_options(by_hand);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("tcp:h:1?source=eth0"));
  }
}

TEST(TcpClientEndpoint, TakesIPv6Sources) {
  const auto options = tcp_client_options(Endpoint::parse_client("tcp:a.org:1?source=::1"));
  EXPECT_EQ(options.source, Address::parse("[::1]:0"));
}

}  // namespace
}  // namespace twister::testing
