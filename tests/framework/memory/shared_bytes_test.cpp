// Order: plain and shared writes of every size arrive byte for byte, over a transport on a bad day.
#include <array>
#include <cstdint>
#include <random>
#include <span>

#include "script.hpp"

namespace twister::testing {
namespace {

class WriteOrder : public MemoryTest, public ::testing::WithParamInterface<std::uint32_t> {
 protected:
  // Two Protocols, the transport between them spoiled on the writer's side.
  void connect_faulty(Script& writer, Script& reader, const FaultPlan& plan,
                      const StreamOptions& options) {
    auto [near, far] = memory_transport_pair(loop);
    make_connection(loop, std::make_unique<FaultyTransport>(loop, std::move(near), plan),
                    std::make_unique<Scripted>(writer), options);
    make_connection(loop, std::move(far), std::make_unique<Scripted>(reader));
    loop.run_until_idle();
  }
};

// Sizes on both sides of 1 KiB, from where shared bytes are kept by reference, and of 16 KiB, from where
// a write is tried at once.
constexpr std::array<std::size_t, 12> sizes{0,    1,    5,      200,    1023,   1024,
                                            1025, 9000, 16'383, 16'384, 16'385, 40'000};

TEST_P(WriteOrder, IsByteExactAroundTheThresholds) {
  std::mt19937 random(GetParam());
  Script writer, reader;
  connect_faulty(writer, reader,
                 {.seed = GetParam(),
                  .max_receive_bytes = 700,
                  .max_send_bytes = 30'000,
                  .would_block_percent = 20},
                 {.max_write_buffer_size = unlimited});
  std::string expected;
  for (int i = 0; i < 400; ++i) {
    std::string bytes(sizes[random() % sizes.size()], '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    expected += bytes;
    if (random() % 2 == 0) {
      writer.conn->write(bytes);
    } else {
      writer.conn->write(SharedBytes(std::move(bytes)));
    }
    if (random() % 8 == 0) loop.run_until_idle();
  }
  writer.conn->close();
  loop.run_until_idle();
  ASSERT_EQ(reader.received.size(), expected.size());
  EXPECT_TRUE(reader.received == expected);
  EXPECT_TRUE(reader.reason.clean());
}

TEST_P(WriteOrder, SurvivesOneByteAtATime) {
  Script writer, reader;
  connect_faulty(writer, reader,
                 {.seed = GetParam(), .max_send_bytes = 1, .would_block_percent = 50}, {});
  writer.conn->write("plain,");
  writer.conn->write(SharedBytes(std::string(1024, 's')));
  writer.conn->write(",plain,");
  writer.conn->write(SharedBytes(std::string(1024, 't')));
  writer.conn->shutdown_write();
  loop.run_until_idle();
  EXPECT_EQ(reader.received,
            "plain," + std::string(1024, 's') + ",plain," + std::string(1024, 't'));
}

INSTANTIATE_TEST_SUITE_P(Seeds, WriteOrder, ::testing::Range(1u, 7u));

class SharedBytesTest : public MemoryTest {};

TEST_F(SharedBytesTest, OutliveTheirMaker) {
  Script script;
  const auto peer = connect(script);
  {
    const SharedBytes bytes(std::string(50'000, 's'));
    script.conn->write(bytes);
  }
  EXPECT_EQ(peer->take(), std::string(50'000, 's'));
}

TEST_F(SharedBytesTest, ManyMoreThanOneGatheredSendTakes) {
  Script script;
  const auto peer = connect(script);
  const SharedBytes bytes(std::string(2000, 's'));
  loop.add_callback([&] {
    for (int i = 0; i < 100; ++i) {
      script.conn->write(bytes);
      script.conn->write("|");
    }
  });
  const std::string got = peer->take();
  EXPECT_EQ(got.size(), 200'100u);
  EXPECT_EQ(std::count(got.begin(), got.end(), '|'), 100);
}

TEST_F(SharedBytesTest, AreCopiedOnceFromAView) {
  std::string text = "before";
  const SharedBytes bytes(as_bytes(text));
  text = "change";
  EXPECT_EQ(as_text(bytes.view()), "before");
  EXPECT_EQ(SharedBytes().size(), 0u);
  EXPECT_TRUE(SharedBytes().empty());
}

TEST_F(SharedBytesTest, WhatIsNoTextIsWrittenByItsBytes) {
  Script script;
  const auto peer = connect(script);
  std::array<std::uint64_t, 10> items;
  items.fill(0x0102030405060708);
  EXPECT_EQ(script.conn->write(std::as_bytes(std::span(items))), WriteStatus::queued);
  EXPECT_EQ(script.conn->queued_bytes(), 80U);
  loop.run_until_idle();
  EXPECT_EQ(peer->take().size(), 80U);
}

}  // namespace
}  // namespace twister::testing
