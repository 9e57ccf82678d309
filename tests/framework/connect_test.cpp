// Streams that connect: by IOStream::connect, without names.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>

#include <twister/io_stream.hpp>
#include <twister/make_connection.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

class Connect : public SocketTest {
 protected:
  // How the attempt ended, once it has.
  std::error_code outcome_of(const Address& address) {
    std::optional<std::error_code> outcome;
    stream = IOStream::connect(loop, address, [&](std::error_code error) { outcome = error; });
    EXPECT_FALSE(outcome.has_value()) << "told inside the call";
    run_until([&] { return outcome.has_value(); });
    return outcome.value_or(std::error_code());
  }

  IOStream stream;
};

TEST_P(Connect, TellsWhenTheConnectionIsThere) {
  serve([] { return std::make_unique<EchoBack>(); });
  EXPECT_EQ(outcome_of(address()), std::error_code());
  EXPECT_TRUE(stream.is_open());
  EXPECT_EQ(stream.peer_address(), address());
}

TEST_P(Connect, WhatIsWrittenBeforeIsDeliveredAfterwards) {
  serve([] { return std::make_unique<EchoBack>(); });
  stream = IOStream::connect(loop, address());
  std::string echoed;
  stream.write("hello");
  stream.read_bytes(5, [&](std::error_code, ByteView data) { echoed = as_text(data); });
  run_until([&] { return !echoed.empty(); });
  EXPECT_EQ(echoed, "hello");
}

TEST_P(Connect, RefusedIsToldByName) {
  const Address nobody = bind_sockets("127.0.0.1:0").front().local_address();
  EXPECT_EQ(outcome_of(nobody), std::errc::connection_refused);
  EXPECT_FALSE(stream.is_open());
  EXPECT_EQ(stream.error(), std::errc::connection_refused);
}

TEST_P(Connect, ARefusedConnectionFailsItsReadsAndTellsItsCloseCallback) {
  const Address nobody = bind_sockets("127.0.0.1:0").front().local_address();
  stream = IOStream::connect(loop, nobody);
  std::optional<std::error_code> read;
  std::optional<CloseReason> reason;
  stream.read_bytes(1, [&](std::error_code error, ByteView) { read = error; });
  stream.set_close_callback([&](const CloseReason& why) { reason = why; });
  run_until([&] { return reason.has_value(); });
  EXPECT_EQ(read, std::errc::connection_refused);
  EXPECT_EQ(reason->code, std::errc::connection_refused);
}

TEST_P(Connect, AnAttemptThatTakesTooLongEndsAtItsTimeout) {
  // A listener whose queue is full does not answer.
  ListeningSocket full = std::move(bind_sockets("127.0.0.1:0", {.backlog = 0}).front());
  const Client waiting(full.local_address());
  std::optional<std::error_code> outcome;
  stream = IOStream::connect(loop, full.local_address(),
                             [&](std::error_code error) { outcome = error; });
  loop.run_until_idle();
  if (outcome.has_value()) GTEST_SKIP() << "this kernel has a longer queue";
  clock.advance(std::chrono::seconds(10));
  EXPECT_EQ(outcome, Errc::handshake_timeout);
}

TEST_P(Connect, DestroyingTheStreamGivesTheAttemptUpAndTellsNobody) {
  serve([] { return std::make_unique<EchoBack>(); });
  const std::size_t before = open_descriptors();
  bool told = false;
  stream = IOStream::connect(loop, address(), [&](std::error_code) { told = true; });
  stream = IOStream();
  run_until([&] { return open_descriptors() == before; });
  EXPECT_FALSE(told);
}

TEST_P(Connect, ReachesUnixDomainSockets) {
  const std::string name = "unix:@twister-connect-" + std::to_string(::getpid());
  TcpServer unix_server(loop, name, [] { return std::make_unique<EchoBack>(); });
  unix_server.start();
  EXPECT_EQ(outcome_of(Address::parse(name)), std::error_code());
}

TEST_P(Connect, AUnixDomainSocketThatIsNotThereIsToldByName) {
  EXPECT_EQ(outcome_of(Address::parse("unix:/nowhere/socket")),
            std::errc::no_such_file_or_directory);
}

// A port from which the kernel deals out, dialed from that same port: TCP makes it a connection.
TEST_P(Connect, AConnectionToItselfIsNone) {
  const Address nobody = bind_sockets("127.0.0.1:0").front().local_address();
  std::optional<CloseReason> reason;
  IOStream own(loop, make_connecting_transport(loop, nobody, {.source = nobody}));
  own.set_close_callback([&](const CloseReason& why) { reason = why; });
  ASSERT_TRUE(run_until([&] { return reason.has_value(); }));
  EXPECT_EQ(reason->code, std::errc::connection_refused);
}

TEST_P(Connect, ASourcePortAloneGoesWithEitherFamily) {
  server = std::make_unique<TcpServer>(loop, "[::1]:0", build<EchoBack>());
  server->start();
  const Address source = Address::parse(
      "0.0.0.0:" + std::to_string(bind_sockets("[::1]:0").at(0).local_address().port()));
  std::optional<std::error_code> outcome;
  stream = IOStream(loop, make_connecting_transport(loop, address(),
                                                    {.source = source, .keep_alive = KeepAlive{}}));
  stream.when_open([&](std::error_code error) { outcome = error; });
  run_until([&] { return outcome.has_value(); });
  EXPECT_EQ(outcome, std::error_code());
  EXPECT_EQ(stream.local_address().port(), source.port());
  EXPECT_EQ(socket_option(stream.native_handle(), SOL_SOCKET, SO_KEEPALIVE), 1);
}

TEST_P(Connect, AnAddressThatIsNoneIsAnError) {
  EXPECT_EQ(outcome_of(Address()), std::errc::destination_address_required);
}

TEST_P(Connect, ComesFromTheSourceThatItWasGiven) {
  Script script;
  serve(script);
  const Address source = Address::parse("127.0.0.2:0");
  IOStream from(loop, make_connecting_transport(loop, address(), {.source = source}));
  run_until([&] { return script.conn != nullptr; });
  EXPECT_EQ(script.conn->peer_address().host(), "127.0.0.2");
}

TEST_P(Connect, ASourceThatIsNotHereIsAnError) {
  serve([] { return std::make_unique<EchoBack>(); });
  std::optional<CloseReason> reason;
  IOStream from(
      loop, make_connecting_transport(loop, address(), {.source = Address::parse("8.8.8.8:0")}));
  from.set_close_callback([&](const CloseReason& why) { reason = why; });
  run_until([&] { return reason.has_value(); });
  EXPECT_EQ(reason->code, std::errc::address_not_available);
}

TEST_P(Connect, AConnectedDescriptorIsAdopted) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  IOStream near(loop, make_socket_transport(loop, ends[0]));
  IOStream far(loop, make_socket_transport(loop, ends[1]));
  near.write("adopted");
  std::string received;
  far.read_bytes(7, [&](std::error_code, ByteView data) { received = as_text(data); });
  run_until([&] { return !received.empty(); });
  EXPECT_EQ(received, "adopted");
}

TEST_P(Connect, ItsSocketsOptionsMayBeChanged) {
  Script script;
  serve(script);
  const Client client = connect();
  run_until([&] { return script.conn != nullptr; });
  const int fd = script.conn->native_handle();
  EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  script.conn->set_no_delay(false);
  EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
  script.conn->set_no_delay(true);
  EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(socket_option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
  script.conn->set_keep_alive(KeepAlive{.idle = std::chrono::seconds(7)});
  EXPECT_EQ(socket_option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7);
  script.conn->set_keep_alive({});
  EXPECT_EQ(socket_option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST_P(Connect, BothEndsKnowBothAddresses) {
  Script script;
  serve(script);
  stream = IOStream::connect(loop, address());
  run_until([&] { return script.conn != nullptr; });
  EXPECT_EQ(script.conn->local_address(), address());
  EXPECT_EQ(stream.peer_address(), address());
  EXPECT_EQ(stream.local_address(), script.conn->peer_address());
  stream.abort();
  run_until([&] { return script.conn == nullptr; });
  EXPECT_EQ(stream.local_address().family(), Address::Family::none);
}

INSTANTIATE_TEST_SUITE_P(Reactors, Connect, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
