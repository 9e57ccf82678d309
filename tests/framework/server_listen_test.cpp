// Where a server listens: several addresses, bound before or after the start; and who serves.
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include <twister/add_accept_handler.hpp>
#include <twister/endpoint.hpp>
#include <twister/io_stream.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class Listen : public SocketTest {
 protected:
  static std::unique_ptr<Protocol> echo() { return std::make_unique<EchoBack>(); }
  bool serves(const Address& where) {
    Client client(where);
    return echoes(client, "hello");
  }
};

TEST_P(Listen, ListensOnSeveralAddressesAtOnce) {
  TcpServer listening(loop, "127.0.0.1:0", echo);
  listening.start();
  listening.listen("127.0.0.2:0");
  const auto addresses = listening.local_addresses();
  ASSERT_THAT(addresses, SizeIs(2));
  EXPECT_TRUE(serves(addresses[0]));
  EXPECT_TRUE(serves(addresses[1]));
}

TEST_P(Listen, ConnectionsToABoundAddressWaitForTheStart) {
  const std::string name = "unix:@twister-bound-" + std::to_string(::getpid());
  TcpServer listening(loop, "", echo);
  listening.bind(name);
  Client client(Address::parse(name));
  client.send("early");
  loop.run_until_idle();
  EXPECT_EQ(client.receive().received(), "");
  EXPECT_EQ(listening.connection_count(), 0U);
  listening.start();
  run_until([&] { return client.receive().received() == "early"; });
}

TEST_P(Listen, StopsAndStartsAndStopsAgain) {
  TcpServer listening(loop, "127.0.0.1:0", echo);
  for (int round = 0; round < 2; ++round) {
    listening.start();
    const Address address = listening.local_addresses().at(0);
    EXPECT_TRUE(serves(address));
    listening.stop();
    listening.stop();
    EXPECT_TRUE(connect_refused(address));
  }
}

TEST_P(Listen, TakesEndpoints) {
  const std::string name = "unix:@twister-listen-" + std::to_string(::getpid());
  TcpServer listening(loop, "tcp:127.0.0.1:0?backlog=10", echo);
  listening.start();
  listening.listen(name);
  EXPECT_TRUE(serves(listening.local_addresses().at(0)));
  EXPECT_TRUE(serves(Address::parse(name)));
}

TEST_P(Listen, AdoptsADescriptorByItsNumber) {
  const auto sockets = bind_sockets("127.0.0.1:0");
  TcpServer listening(loop, "fd:" + std::to_string(sockets.front().native_handle()), echo);
  listening.start();
  EXPECT_TRUE(serves(sockets.front().local_address()));
}

TEST_P(Listen, AnEndpointOfTlsNeedsALayer) {
  TcpServer listening(loop, "tls:127.0.0.1:0?cert=a&key=b", echo);
  try {
    listening.start();
    FAIL() << "no exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("TlsServerContext"));
  }
}

TEST_P(Listen, ClosesAllConnectionsAndServesOn) {
  TcpServer& listening = serve(echo);
  Client first = connect();
  Client second = connect();
  EXPECT_TRUE(echoes(first, "a"));
  EXPECT_TRUE(echoes(second, "b"));
  listening.close_connections();
  run_until_over(first);
  run_until_over(second);
  EXPECT_TRUE(first.ended());
  EXPECT_TRUE(serves(address()));
}

TEST_P(Listen, AnAcceptHandlerGetsTransports) {
  auto sockets = bind_sockets("127.0.0.1:0");
  const Address where = sockets.front().local_address();
  std::vector<IOStream> streams;
  const auto stop = add_accept_handler(loop, std::move(sockets.front()),
                                       [&](std::unique_ptr<Transport> transport) {
                                         streams.emplace_back(loop, std::move(transport));
                                         streams.back().write("welcome");
                                       });
  Client client(where);
  EXPECT_EQ(receive(client, 7), "welcome");
  stop();
  stop();
  loop.run_until_idle();
  EXPECT_TRUE(connect_refused(where));
}

TEST_P(Listen, AnAcceptHandlerThatThrowsCostsThatConnection) {
  auto sockets = bind_sockets("127.0.0.1:0");
  const Address where = sockets.front().local_address();
  const auto stop =
      add_accept_handler(loop, std::move(sockets.front()),
                         [](std::unique_ptr<Transport>) { throw std::runtime_error("no"); });
  Client client(where);
  EXPECT_TRUE(run_until_over(client));
  Client another(where);
  EXPECT_TRUE(run_until_over(another));
}

// ---- dealing ----

TEST_P(Listen, ConnectionsAreDealtToWhoHasTheFewest) {
  TcpServer& dealer = serve(echo);
  TcpServer first(loop, "", echo);
  TcpServer second(loop, "", echo);
  dealer.deal_connections({first.handle(), second.handle()});
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(connect());
  run_until([&] { return first.connection_count() + second.connection_count() == 6; });
  EXPECT_EQ(first.connection_count(), 3U);
  EXPECT_EQ(second.connection_count(), 3U);
  EXPECT_EQ(dealer.connection_count(), 0U);
  EXPECT_TRUE(echoes(clients.front(), "hello"));
}

TEST_P(Listen, APlaceThatComesFreeIsDealtAgain) {
  TcpServer& dealer = serve(echo);
  TcpServer first(loop, "", echo);
  TcpServer second(loop, "", echo);
  dealer.deal_connections({first.handle(), second.handle()});
  Client stays = connect();
  EXPECT_TRUE(echoes(stays, "a"));
  {
    Client leaves = connect();
    EXPECT_TRUE(echoes(leaves, "b"));
  }
  run_until([&] { return second.connection_count() == 0; });
  Client next = connect();
  EXPECT_TRUE(echoes(next, "c"));
  EXPECT_EQ(second.connection_count(), 1U);
}

TEST_P(Listen, AServerThatIsGoneIsDealtNothing) {
  TcpServer& dealer = serve(echo);
  auto gone = std::make_unique<TcpServer>(loop, "", echo);
  dealer.deal_connections({gone->handle()});
  gone.reset();
  Client client = connect();
  EXPECT_TRUE(echoes(client, "by the dealer itself"));
}

INSTANTIATE_TEST_SUITE_P(Reactors, Listen, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
