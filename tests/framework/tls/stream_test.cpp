// What flows through TLS, how it ends, and what is refused before it begins.
#include <chrono>
#include <filesystem>
#include <fstream>

#include <twister/memory_budget.hpp>
#include <twister/testing/faulty_transport.hpp>

#include "tls_test.hpp"

namespace twister::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class TlsStream : public TlsTest {
 protected:
  void SetUp() override {
    serve();
    script.data = [](Protocol& conn, std::string_view text) { conn.write(text); };
  }
};

TEST_F(TlsStream, BytesGoThroughBothWays) {
  const auto client = connect_tls();
  client->stream.write("hello");
  loop.run_until_idle();
  EXPECT_EQ(client->received, "hello");
}

TEST_F(TlsStream, MoreThanAnyBufferHoldsComesBackWhole) {
  const auto client = connect_tls();
  std::string large(3'000'000, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i % 251);
  client->stream.write(large);
  loop.run_until_idle();
  EXPECT_EQ(client->received.size(), large.size());
  EXPECT_TRUE(client->received == large);
}

TEST_F(TlsStream, WhatIsWrittenBeforeTheHandshakeFollowsIt) {
  auto [near, far] = memory_transport_pair(loop);
  IOStream client(loop, TlsClientContext(client_options())(std::move(far), "example.com"));
  client.write("early");
  server->add_connection(std::move(near));
  loop.run_until_idle();
  EXPECT_EQ(script.received, "early");
}

TEST_F(TlsStream, EveryCutOfTheBytesGivesTheSame) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    auto [near, far] = memory_transport_pair(loop, {.capacity_bytes = 300});
    server->add_connection(std::make_unique<FaultyTransport>(loop, std::move(near),
                                                             FaultPlan{.seed = seed,
                                                                       .max_receive_bytes = 7,
                                                                       .max_send_bytes = 11,
                                                                       .would_block_percent = 20}));
    IOStream client(loop, TlsClientContext(client_options())(std::move(far), "example.com"));
    std::string received;
    client.read_until_close([&](ByteView chunk) { received += as_text(chunk); });
    client.write(std::string(5000, 'x'));
    loop.run_until_idle();
    EXPECT_EQ(received.size(), 5000U) << "seed " << seed;
  }
}

// ---- the end ----

TEST_F(TlsStream, AGoodbyeIsAGoodbye) {
  const auto client = connect_tls();
  client->stream.close();
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_TRUE(script.reason.clean()) << script.reason.message();
}

TEST_F(TlsStream, RepliesThatAreQueuedFollowTheGoodbyeOfThePeer) {
  script.eof = [](Protocol& conn) {
    conn.write("goodbye");
    return EofAction::close;
  };
  const auto client = connect_tls();
  client->stream.shutdown_write();
  loop.run_until_idle();
  EXPECT_EQ(client->received, "goodbye");
  EXPECT_EQ(client->end, std::error_code());
}

TEST_F(TlsStream, AnEndWithoutAGoodbyeIsTruncated) {
  auto [near, far] = memory_transport_pair(loop);
  server->add_connection(std::move(near));
  Transport* below = far.get();
  IOStream client(loop, TlsClientContext(client_options())(std::move(far), "example.com"));
  client.write("half a mess");
  loop.run_until_idle();
  below->shutdown_send();  // FIN, and no close_notify
  loop.run_until_idle();
  EXPECT_EQ(script.received, "half a mess");
  EXPECT_EQ(script.reason.code, TlsErrc::truncated);
  EXPECT_EQ(script.reason.code, Condition::malformed);
}

TEST_F(TlsStream, ARecordThatWasTamperedWithEndsTheConnection) {
  auto [near, far] = memory_transport_pair(loop);
  server->add_connection(std::move(near));
  Transport* below = far.get();
  IOStream client(loop, TlsClientContext(client_options())(std::move(far), "example.com"));
  loop.run_until_idle();
  std::string record("\x17\x03\x03\x00\x20", 5);
  record.append(32, 'x');
  const ByteView forged = as_bytes(record);
  below->send({&forged, 1});
  loop.run_until_idle();
  EXPECT_EQ(script.received, "");
  EXPECT_THAT(script.reason.message(), HasSubstr("bad record mac"));
}

TEST_F(TlsStream, APeerThatTakesNothingHasTheWriteTimeoutHereToo) {
  const auto far = connect_plain(4096);
  // Shakes hands by a second TLS over the same bytes, then stops reading.
  IOStream client(loop, TlsClientContext(client_options())(
                            std::unique_ptr<Transport>(connect_plain(4096)), "example.com"));
  loop.run_until_idle();
  ASSERT_NE(script.conn, nullptr);
  client.pause_reading();
  script.conn->write(std::string(1'000'000, 'x'));
  loop.run_until_idle();
  clock.advance(31s);
  EXPECT_EQ(script.reason.code, Errc::write_timeout);
}

TEST_F(TlsStream, TheEndIsNotToldWhileThePeerHasNotEnded) {
  const auto far = connect_plain();
  IOStream client(loop, TlsClientContext(client_options())(
                            std::make_unique<FaultyTransport>(loop, connect_plain(), FaultPlan{}),
                            "example.com"));
  loop.run_until_idle();
  ASSERT_NE(script.conn, nullptr);
  client.write("hello");  // no read: the client does not notice the goodbye
  loop.run_until_idle();
  client.pause_reading();
  script.conn->close();
  EXPECT_EQ(script.conn->write("too late"), WriteStatus::closed);
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 0);
  std::string received;
  client.resume_reading();
  client.read_until_close([&](ByteView chunk) { received += as_text(chunk); });
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 1);
  EXPECT_EQ(received, "hello");
}

// The last piece lies in the layer when close() is called, and leaves by itself later.
TEST_F(TlsStream, TheGoodbyeFollowsWhatTheLayerStillHad) {
  auto [near, far] = memory_transport_pair(loop, {.capacity_bytes = 16 * 1024});
  server->add_connection(std::move(near));
  IOStream client(loop, TlsClientContext(client_options())(std::move(far), "example.com"));
  loop.run_until_idle();
  client.pause_reading();
  script.conn->write(std::string(60'000, 'x'));
  script.conn->close();
  loop.run_until_idle();
  std::string received;
  std::error_code end = Errc::read_timeout;
  client.resume_reading();
  client.read_until_close([&](ByteView chunk) { received += as_text(chunk); },
                          [&](std::error_code error, ByteView) { end = error; });
  loop.run_until_idle();
  EXPECT_EQ(received.size(), 60'000U);
  EXPECT_EQ(end, std::error_code());
  EXPECT_EQ(script.reason.code, Errc::closed_here);
}

TEST_F(TlsStream, WhatTheLayerHasIsOutputThatWaits) {
  MemoryBudget budget(1 << 20);
  server.emplace(
      loop, ":0", [this] { return std::make_unique<Scripted>(script); },
      ServerOptions{.stream = {.memory_budget = &budget}, .layer = *tls});
  auto [near, far] = memory_transport_pair(loop, {.capacity_bytes = 16 * 1024});
  server->add_connection(std::move(near));
  IOStream client(loop, TlsClientContext(client_options())(std::move(far), "example.com"));
  loop.run_until_idle();
  client.pause_reading();
  script.conn->write(std::string(60'000, 'x'));
  loop.run_until_idle();
  EXPECT_GT(script.conn->queued_bytes(), 20'000U);
  EXPECT_GT(budget.used_bytes(), 20'000U);
  clock.advance(31s);
  EXPECT_EQ(script.reason.code, Errc::write_timeout);
  EXPECT_EQ(budget.used_bytes(), 0U);
}

TEST_F(TlsStream, APeerThatDoesNotAnswerTheGoodbyeIsNotWaitedForLong) {
  const auto client = connect_tls();
  client->stream.cancel_read();
  client->stream.pause_reading();
  script.conn->close();
  clock.advance(1999ms);
  EXPECT_EQ(script.count("close"), 0);
  clock.advance(1ms);
  EXPECT_EQ(script.count("close"), 1);
}

TEST_F(TlsStream, AbortIsAReset) {
  const auto client = connect_tls();
  script.conn->abort();
  loop.run_until_idle();
  EXPECT_EQ(client->reason.code, Errc::reset);
}

// ---- files ----

class TlsFiles : public ::testing::Test {
 protected:
  static std::string why(const TlsServerOptions& options) {
    try {
      TlsServerContext context(options);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  }
};

TEST_F(TlsFiles, ACertificateThatIsNotThereIsNamed) {
  EXPECT_THAT(why({.certificate_file = "/nowhere/cert.pem", .key_file = example_com().key}),
              HasSubstr("/nowhere/cert.pem: No such file"));
}

TEST_F(TlsFiles, AKeyThatIsNotThereIsNamed) {
  EXPECT_THAT(
      why({.certificate_file = example_com().certificate, .key_file = "/nowhere/server.key"}),
      HasSubstr("/nowhere/server.key"));
}

TEST_F(TlsFiles, AKeyOfAnotherCertificateIsRefused) {
  const auto other = authority().issue({"other.org"});
  EXPECT_THAT(why({.certificate_file = example_com().certificate, .key_file = other.key}),
              HasSubstr("the key is not that of the certificate"));
}

TEST_F(TlsFiles, RubbishIsRefused) {
  const std::string rubbish = authority().path("rubbish.pem");
  std::ofstream(rubbish) << "not a certificate\n";
  EXPECT_THAT(why({.certificate_file = rubbish, .key_file = example_com().key}),
              HasSubstr("rubbish.pem: there is nothing of that kind in PEM format in it"));
  EXPECT_THAT(why({.certificate_file = example_com().certificate, .key_file = rubbish}),
              HasSubstr("rubbish.pem"));
}

TEST_F(TlsFiles, AFolderIsNoCertificate) {
  const std::string folder = authority().path("folder.pem");
  std::filesystem::create_directory(folder);
  EXPECT_THAT(why({.certificate_file = folder, .key_file = example_com().key}),
              HasSubstr("folder.pem: Is a directory"));
}

TEST_F(TlsFiles, AKeyThatIsForgottenIsMissed) {
  EXPECT_THAT(why({.certificate_file = example_com().certificate, .key_file = {}}),
              HasSubstr("key file is missing in the options"));
}

TEST_F(TlsFiles, ClientCertificatesNeedAnAuthority) {
  TlsServerOptions options = server_options();
  options.client_certificates = ClientCertificates::required;
  EXPECT_THAT(why(options), HasSubstr("client_ca_file"));
}

TEST_F(TlsFiles, AnAlpnNameHasAtMost255Bytes) {
  TlsServerOptions options = server_options();
  options.alpn = {std::string(256, 'x')};
  EXPECT_THAT(why(options), HasSubstr("ALPN"));
}

// ---- new certificates ----

class TlsReload : public TlsTest {
 protected:
  void SetUp() override {
    files_ = authority().issue({"example.com"});
    serve({.certificate_file = files_.certificate, .key_file = files_.key});
  }
  CertificateAuthority::Files files_;
};

TEST_F(TlsReload, NewConnectionsSeeTheNewCertificateAndOldOnesLive) {
  const auto old = connect_tls();
  const auto fresh = authority().issue({"fresh.example.com"});
  std::filesystem::copy_file(fresh.certificate, files_.certificate,
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::copy_file(fresh.key, files_.key,
                             std::filesystem::copy_options::overwrite_existing);
  tls->reload();
  EXPECT_TRUE(connect_tls(client_options(), "fresh.example.com")->stream.is_open());
  old->stream.write("still here");
  loop.run_until_idle();
  EXPECT_EQ(script.received, "still here");
}

TEST_F(TlsReload, ABrokenFileKeepsWhatWas) {
  std::ofstream(files_.certificate) << "half a certificate";
  EXPECT_THROW(tls->reload(), std::system_error);
  EXPECT_TRUE(connect_tls()->stream.is_open());
}

}  // namespace
}  // namespace twister::testing
