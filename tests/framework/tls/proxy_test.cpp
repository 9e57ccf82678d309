// TLS behind a proxy that does not take part in it: its header comes first, as it is.
#include <string>

#include <twister/proxy_protocol.hpp>

#include "tls/tls_test.hpp"

namespace twister::testing {
namespace {

class TlsBehindProxy : public TlsTest {
 protected:
  // A client whose bytes come behind `header`.
  IOStream connect_behind(std::string_view header) {
    serve();
    auto [near, far] = memory_transport_pair(loop);
    const ByteView bytes = as_bytes(header);
    far->send({&bytes, 1});
    server->add_connection(
        accept_proxy_header(std::move(near), {.trusted = {Network::parse("127.0.0.1")}}));
    return {loop, TlsClientContext(client_options())(std::move(far), "example.com")};
  }
};

TEST_F(TlsBehindProxy, TheHeaderIsTakenBeforeTheHandshake) {
  std::string peer;
  script.connect = [&peer](Protocol& conn) { peer = conn.peer_address().to_string(); };
  IOStream client = connect_behind("PROXY TCP4 1.1.1.1 2.2.2.2 8080 443\r\n");
  client.write("hello");
  loop.run_until_idle();
  EXPECT_EQ(peer, "1.1.1.1:8080");
  EXPECT_EQ(script.received, "hello");
}

TEST_F(TlsBehindProxy, AHandshakeWithoutAHeaderIsRefused) {
  IOStream client = connect_behind("");
  loop.run_until_idle();
  EXPECT_FALSE(client.is_open());
  EXPECT_EQ(script.count("connect"), 0);
  EXPECT_THAT(log.lines(), ::testing::Contains(::testing::HasSubstr("not a PROXY header")));
}

}  // namespace
}  // namespace twister::testing
