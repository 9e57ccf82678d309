// Who a caller is by its certificate, and for how long that is known.
#include <twister/io_stream.hpp>
#include <twister/rpc/json_rpc.hpp>
#include <twister/rpc/json_rpc_services.hpp>
#include <twister/rpc/server.hpp>
#include <twister/tls.hpp>

#include "pair.hpp"
#include "support/certificates.hpp"

namespace twister {
namespace {

using namespace testing;

std::string describe(const PeerIdentity& peer) {
  std::string text = peer.kind == PeerIdentityKind::certificate ? "certificate" : "nobody";
  text += " " + peer.subject + " " + peer.common_name;
  for (const std::string& name : peer.dns_names) text += " " + name;
  return text;
}

const std::string nobody = "nobody  ";
const std::string alice = "certificate CN=alice.example.com alice.example.com alice.example.com";

// A server that lets clients in without a certificate.
class TlsCaller : public ::testing::Test {
 protected:
  TlsCaller() {
    services.on<Int32Value, StringValue>(
        "Who", [](RpcContext& context, const Int32Value&, StringValue& reply) -> RpcStatus {
          reply.set_value(describe(context.identity()));
          return {};
        });
    services.on<Int32Value, Int32Value>(
        "Hold", [this](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) {
          replies.push_back(std::move(reply));
        });
    const auto files = authority.issue({"example.com"});
    options.layer = TlsServerContext({.certificate_file = files.certificate,
                                      .key_file = files.key,
                                      .client_certificates = ClientCertificates::optional,
                                      .client_ca_file = authority.file()});
  }
  ~TlsCaller() override { replies.clear(); }

  std::unique_ptr<Transport> connect(TcpServer& server, bool with_certificate) {
    auto [near, far] = memory_transport_pair(loop);
    server.add_connection(std::move(far));
    TlsClientOptions client{.ca_file = authority.file()};
    if (with_certificate) {
      const auto files = authority.issue({"alice.example.com"});
      client.certificate_file = files.certificate;
      client.key_file = files.key;
    }
    return TlsClientContext(client)(std::move(near), "example.com");
  }
  RpcConnection& call_by(TcpServer& server, bool with_certificate) {
    auto made = std::make_unique<RpcConnection>(loop, nullptr);
    RpcConnection& client = *made;
    make_connection(loop, connect(server, with_certificate), std::move(made));
    return client;
  }

  CertificateAuthority authority;
  RpcServices services;
  ServerOptions options;
  std::vector<RpcReply<Int32Value>> replies;
  Outcomes outcomes;
  ManualClock clock;
  IOLoop loop{clock};
};

TEST_F(TlsCaller, IsWhoItsCertificateNames) {
  RpcServer server(loop, "", services, {.server = options});
  call_by(server, true).call<StringValue>("Who", number(1), outcomes.add());
  loop.run_until_idle();
  EXPECT_EQ(outcomes.lines.at(0), "OK " + alice);
}

TEST_F(TlsCaller, IsNobodyWithoutACertificate) {
  RpcServer server(loop, "", services, {.server = options});
  call_by(server, false).call<StringValue>("Who", number(1), outcomes.add());
  loop.run_until_idle();
  EXPECT_EQ(outcomes.lines.at(0), "OK " + nobody);
}

TEST_F(TlsCaller, IsKnownAfterItsConnectionIsLostIfSomebodyHadAsked) {
  RpcServer server(loop, "", services, {.server = options});
  RpcConnection& client = call_by(server, true);
  client.call<Int32Value>("Hold", number(1), outcomes.add());
  client.call<StringValue>("Who", number(1), outcomes.add());
  loop.run_until_idle();
  const PeerIdentity& before = replies.at(0).context().identity();
  client.abort();
  loop.run_until_idle();
  EXPECT_EQ(server.connection_count(), 0u);
  EXPECT_EQ(describe(before), alice);
  EXPECT_EQ(&replies[0].context().identity(), &before);
}

TEST_F(TlsCaller, IsNobodyOnceTheConnectionIsLostIfNobodyHadAsked) {
  RpcServer server(loop, "", services, {.server = options});
  RpcConnection& client = call_by(server, true);
  client.call<Int32Value>("Hold", number(1), outcomes.add());
  loop.run_until_idle();
  client.abort();
  loop.run_until_idle();
  EXPECT_EQ(describe(replies.at(0).context().identity()), nobody);
}

TEST_F(TlsCaller, IsTheSameByJsonRpc) {
  JsonRpcMethods methods;
  add_services(methods, services);
  JsonRpcServer server(loop, "", methods, {}, options);
  IOStream client(loop, connect(server, true));
  std::string received;
  client.read_until_close([&](ByteView chunk) { received += as_text(chunk); });
  client.write(
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"Hold\",\"params\":[1]}\n"
      "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"Who\",\"params\":[1]}\n");
  loop.run_until_idle();
  EXPECT_NE(received.find(alice), std::string::npos) << received;
  client.abort();
  loop.run_until_idle();
  EXPECT_TRUE(replies.at(0).context().cancelled());
  EXPECT_EQ(describe(replies[0].context().identity()), alice);
}

}  // namespace
}  // namespace twister
