// What becomes of a consumer that is too slow: StreamOptions::slow_consumer.
#include <string>

#include <twister/io_stream.hpp>
#include <twister/shared_bytes.hpp>

#include "script.hpp"

namespace twister::testing {
namespace {

class SlowConsumers : public MemoryTest {
 protected:
  // A connection that keeps 1 000 bytes at most, whose peer takes 100 and then no more.
  void connect(SlowConsumer policy) {
    StreamOptions options;
    options.max_write_buffer_size = 1000;
    options.slow_consumer = policy;
    far = connect_bare(script, options, 100);
    fill = script.conn->write(std::string(100, '.'));
    loop.run_until_idle();
  }
  static SharedBytes message(char letter) { return SharedBytes(std::string(400, letter)); }
  // All that the peer gets when it goes on.
  std::string rest() { return receive(*far, 10'000).substr(100); }
  static std::string of(const char* letters) {
    std::string text;
    for (const char* letter = letters; *letter != '\0'; ++letter) text += std::string(400, *letter);
    return text;
  }

  Script script;
  std::unique_ptr<Transport> far;
  WriteStatus fill{};
};

TEST_F(SlowConsumers, AreAbortedByDefault) {
  connect(SlowConsumer::abort);
  script.conn->write(message('a'));
  script.conn->write(message('b'));
  EXPECT_EQ(script.conn->write(message('c')), WriteStatus::dropped);
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, Errc::write_limit);
}

TEST_F(SlowConsumers, MayLoseTheNewest) {
  connect(SlowConsumer::drop_newest);
  script.conn->write(message('a'));
  script.conn->write(message('b'));
  EXPECT_EQ(script.conn->write(message('c')), WriteStatus::dropped);
  EXPECT_EQ(script.conn->write(std::string(400, 'd')), WriteStatus::dropped);
  loop.run_until_idle();
  EXPECT_EQ(script.count("close"), 0);
  EXPECT_EQ(rest(), of("ab"));
  script.conn->write(message('e'));
  loop.run_until_idle();
  EXPECT_EQ(receive(*far, 10'000), of("e"));
}

TEST_F(SlowConsumers, MayLoseTheOldestThatWasMarked) {
  connect(SlowConsumer::drop_oldest);
  script.conn->write_droppable(message('a'));
  script.conn->write_droppable(message('b'));
  EXPECT_NE(script.conn->write_droppable(message('c')), WriteStatus::dropped);
  EXPECT_NE(script.conn->write_droppable(message('d')), WriteStatus::dropped);
  EXPECT_EQ(rest(), of("cd"));
}

TEST_F(SlowConsumers, KeepWhatWasNotMarked) {
  connect(SlowConsumer::drop_oldest);
  script.conn->write(message('a'));
  script.conn->write_droppable(message('b'));
  script.conn->write(message('c'));
  EXPECT_EQ(rest(), of("ac"));
}

TEST_F(SlowConsumers, AreAbortedWhenNothingIsLeftToDrop) {
  connect(SlowConsumer::drop_oldest);
  script.conn->write(message('a'));
  script.conn->write(message('b'));
  EXPECT_EQ(script.conn->write(message('c')), WriteStatus::dropped);
  loop.run_until_idle();
  EXPECT_EQ(script.reason.code, Errc::write_limit);
}

TEST_F(SlowConsumers, NeverGetHalfOfAMessage) {
  connect(SlowConsumer::drop_oldest);
  script.conn->write_droppable(message('a'));
  EXPECT_EQ(receive(*far, 300).substr(100), std::string(200, 'a'));  // the rest of it is on its way
  loop.run_until_idle();
  script.conn->write_droppable(message('b'));
  script.conn->write_droppable(message('c'));
  script.conn->write_droppable(message('d'));
  const std::string all = receive(*far, 10'000);
  EXPECT_TRUE(all.starts_with(std::string(200, 'a')));
  EXPECT_EQ((all.size() - 200) % 400, 0U);
}

TEST_F(SlowConsumers, OneThatEverythingWasDroppedForGoesOn) {
  connect(SlowConsumer::drop_oldest);
  script.conn->write_droppable(SharedBytes(std::string(900, 'a')));
  EXPECT_NE(script.conn->write(std::string(950, 'b')), WriteStatus::dropped);
  EXPECT_EQ(rest(), std::string(950, 'b'));
}

TEST_F(SlowConsumers, WhoWaitsForWhatWasDroppedWaitsForTheRest) {
  auto [near, theirs] = memory_transport_pair(loop, {.capacity_bytes = 100});
  StreamOptions options;
  options.max_write_buffer_size = 1000;
  options.slow_consumer = SlowConsumer::drop_oldest;
  IOStream stream(loop, std::move(near), options);
  std::string told;
  loop.run_until_idle();
  stream.write(std::string(200, '.'));
  stream.when_sent([&](std::error_code) { told += "first "; });
  stream.write_droppable(message('a'));
  stream.when_sent([&](std::error_code) { told += "a "; });
  stream.write_droppable(message('b'));
  stream.write_droppable(message('c'));  // instead of a
  EXPECT_EQ(told, "");
  EXPECT_EQ(receive(*theirs, 100), std::string(100, '.'));
  EXPECT_EQ(told, "first a ");
}

}  // namespace
}  // namespace twister::testing
