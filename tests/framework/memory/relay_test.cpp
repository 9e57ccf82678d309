// Two streams joined: what one says the other hears.
#include <chrono>
#include <optional>
#include <string>

#include <twister/relay.hpp>

#include "script.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;

class RelayTest : public MemoryTest {
 protected:
  RelayTest() {
    auto first = memory_transport_pair(loop);
    auto second = memory_transport_pair(loop);
    client.emplace(loop, std::move(first.first));
    server.emplace(loop, std::move(second.first));
    client->set_keep_open(true);
    server->set_keep_open(true);
    relay(IOStream(loop, std::move(first.second)), IOStream(loop, std::move(second.second)),
          [this](const RelayResult& how) {
            result = how;
            ++told;
          });
    listen(*client, heard_by_client, client_end);
    listen(*server, heard_by_server, server_end);
  }
  // The relay ends before what it tells.
  ~RelayTest() override {
    client->abort();
    server->abort();
    loop.run_until_idle();
  }
  void listen(IOStream& stream, std::string& heard, std::optional<std::error_code>& end) {
    stream.read_until_close([&heard](ByteView chunk) { heard += as_text(chunk); },
                            [&end](std::error_code error, ByteView) { end = error; });
  }

  std::optional<IOStream> client;
  std::optional<IOStream> server;
  std::string heard_by_client;
  std::string heard_by_server;
  std::optional<std::error_code> client_end;
  std::optional<std::error_code> server_end;
  std::optional<RelayResult> result;
  int told = 0;
};

TEST_F(RelayTest, PassesBytesBothWays) {
  client->write("request");
  server->write("reply");
  loop.run_until_idle();
  EXPECT_EQ(heard_by_server, "request");
  EXPECT_EQ(heard_by_client, "reply");
}

TEST_F(RelayTest, OneSideMayEndBeforeTheOther) {
  client->write("bye");
  client->shutdown_write();
  loop.run_until_idle();
  EXPECT_EQ(server_end, std::error_code());
  EXPECT_FALSE(result.has_value());
  server->write("late reply");
  server->close();
  loop.run_until_idle();
  EXPECT_EQ(heard_by_client, "late reply");
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->first_to_second_bytes, 3U);
  EXPECT_EQ(result->second_to_first_bytes, 10U);
  EXPECT_FALSE(result->error);
}

TEST_F(RelayTest, AResetIsPassedOn) {
  client->abort();
  loop.run_until_idle();
  EXPECT_EQ(server_end, Errc::reset);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->error, Errc::reset);
}

TEST_F(RelayTest, ASideThatIsNotReadHoldsTheOtherBack) {
  server->pause_reading();
  const std::string much(10'000'000, 'x');
  client->write(much);
  loop.run_until_idle();
  EXPECT_LT(heard_by_server.size(), much.size());
  EXPECT_TRUE(client->writing());
  server->resume_reading();
  loop.run_until_idle();
  EXPECT_EQ(heard_by_server.size(), much.size());
  EXPECT_FALSE(client->writing());
}

TEST_F(RelayTest, OutputAfterTheOtherSideHasLeftEndsTheRelay) {
  server->abort();
  client->write("too late");
  loop.run_until_idle();
  EXPECT_TRUE(client_end.has_value());
  EXPECT_TRUE(result.has_value());
}

TEST_F(RelayTest, AResetAfterTheGoodbyeIsPassedOnToo) {
  client->write("request");
  client->shutdown_write();
  loop.run_until_idle();
  EXPECT_EQ(server_end, std::error_code());
  CloseReason why;
  server->set_close_callback([&](const CloseReason& reason) { why = reason; });
  client->abort();
  loop.run_until_idle();
  EXPECT_EQ(why.code, Errc::reset);
  EXPECT_FALSE(server->is_open());
  EXPECT_EQ(told, 1);
  EXPECT_EQ(result->error, Errc::reset);
}

TEST_F(RelayTest, ASideThatHasSaidGoodbyeAndTakesNothingIsCutAndResetsTheOther) {
  server->shutdown_write();
  loop.run_until_idle();
  server->pause_reading();
  client->write(std::string(10'000'000, 'x'));
  loop.run_until_idle();
  EXPECT_EQ(told, 0);
  clock.advance(31s);
  EXPECT_FALSE(client->is_open());
  EXPECT_EQ(told, 1);
  EXPECT_EQ(result->error, Errc::write_timeout);
}

TEST_F(RelayTest, OnceBothHaveEndedEachTakesTheRestWhateverBecomesOfTheOther) {
  client->pause_reading();
  server->write(std::string(100'000, 'x'));
  server->shutdown_write();
  client->shutdown_write();
  loop.run_until_idle();
  EXPECT_EQ(told, 1);
  server->abort();
  client->resume_reading();
  loop.run_until_idle();
  EXPECT_EQ(heard_by_client.size(), 100'000U);
  EXPECT_EQ(client_end, std::error_code());
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace twister::testing
