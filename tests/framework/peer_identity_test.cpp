// Who is at the other end, as the kernel says. What certificates prove: tls/peer_identity_test.cpp.
#include "twister/peer_identity.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include <gtest/gtest.h>

#include <twister/io_stream.hpp>
#include <twister/make_connection.hpp>
#include <twister/proxy_protocol.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

class PeerIdentities : public SocketTest {
 protected:
  // This process, which is at both ends.
  static void expect_us(const PeerIdentity& peer) {
    EXPECT_EQ(peer.kind, PeerIdentityKind::credentials);
    EXPECT_EQ(peer.uid, ::geteuid());
    EXPECT_EQ(peer.gid, ::getegid());
    EXPECT_EQ(peer.pid, ::getpid());
    EXPECT_EQ(peer.subject, "");
  }
  // A server on a path, and a client that has connected.
  void serve_unix() {
    const std::string path =
        "unix:" + ::testing::TempDir() + "twister-peer-" + std::to_string(::getpid());
    server = std::make_unique<TcpServer>(loop, path,
                                         [this] { return std::make_unique<Scripted>(script); });
    server->start();
    client = IOStream::connect(loop, address());
    run_until([&] { return script.conn != nullptr && client.is_open(); });
  }

  Script script;
  IOStream client;
};

TEST_P(PeerIdentities, AreKnownOnBothEndsOfAUnixSocket) {
  serve_unix();
  expect_us(peer_identity(*script.conn));
  expect_us(peer_identity(client));
}

TEST_P(PeerIdentities, AreKnownOfASocketPair) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  make_connection(loop, make_socket_transport(loop, ends[0]), std::make_unique<Scripted>(script));
  run_until([&] { return script.conn != nullptr; });
  expect_us(peer_identity(*script.conn));
  ::close(ends[1]);
}

TEST_P(PeerIdentities, AreGoneWithTheConnection) {
  serve_unix();
  PeerIdentity at_the_end{.kind = PeerIdentityKind::credentials};
  script.close = [&](Protocol& conn, const CloseReason&) { at_the_end = peer_identity(conn); };
  client.abort();
  run_until([&] { return script.count("close") > 0; });
  EXPECT_EQ(at_the_end, PeerIdentity());
}

TEST_P(PeerIdentities, OfTcpAreNobodys) {
  serve(script);
  const Client peer = connect();
  run_until([&] { return script.conn != nullptr; });
  const PeerIdentity identity = peer_identity(*script.conn);
  EXPECT_EQ(identity.kind, PeerIdentityKind::none);
  EXPECT_EQ(identity.uid, static_cast<uid_t>(-1));
  EXPECT_EQ(identity.gid, static_cast<gid_t>(-1));
}

TEST_P(PeerIdentities, AreNotThoseOfAProxy) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const std::string_view header = "PROXY UNKNOWN\r\n";
  ASSERT_EQ(::write(ends[1], header.data(), header.size()), 15);
  make_connection(loop,
                  accept_proxy_header(make_socket_transport(loop, ends[0]),
                                      {.trusted = {Network::parse("unix:")}}),
                  std::make_unique<Scripted>(script));
  run_until([&] { return script.conn != nullptr; });
  EXPECT_EQ(peer_identity(*script.conn), PeerIdentity());
  ::close(ends[1]);
}

TEST_P(PeerIdentities, OfMemoryAreNobodys) {
  const MemoryPeer peer(loop, std::make_unique<Scripted>(script));
  loop.run_until_idle();
  EXPECT_EQ(peer_identity(*script.conn), PeerIdentity());
  EXPECT_EQ(peer_identity(Scripted(script)), PeerIdentity());  // has no connection
}

INSTANTIATE_TEST_SUITE_P(Reactors, PeerIdentities, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
