// When output has left: IOStream::when_sent.
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <twister/io_stream.hpp>

#include "script.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;

class Sent : public MemoryTest {
 protected:
  Sent() {
    auto ends = memory_transport_pair(loop, {.capacity_bytes = 100});
    stream = IOStream(loop, std::move(ends.first));
    far = std::move(ends.second);
  }
  void note(const char* what) {
    stream.when_sent([this, what](std::error_code error) {
      told.emplace_back(error ? "failed " + std::string(what) : what);
    });
  }

  IOStream stream;
  std::unique_ptr<Transport> far;
  std::vector<std::string> told;
};

TEST_F(Sent, IsToldAfterTheBytesBeforeItHaveLeft) {
  stream.write("hello");
  note("hello");
  EXPECT_THAT(told, ElementsAre());
  loop.run_until_idle();
  EXPECT_THAT(told, ElementsAre("hello"));
}

TEST_F(Sent, IsToldInTheOrderOfTheCalls) {
  stream.write(std::string(60, 'a'));
  note("a");
  stream.write(std::string(60, 'b'));
  note("b");
  loop.run_until_idle();
  EXPECT_THAT(told, ElementsAre("a"));
  receive(*far, 60);
  loop.run_until_idle();
  EXPECT_THAT(told, ElementsAre("a", "b"));
}

TEST_F(Sent, OfNothingIsToldAtOnce) {
  stream.write("");
  note("nothing");
  loop.run_until_idle();
  EXPECT_THAT(told, ElementsAre("nothing"));
}

TEST_F(Sent, IsToldThatItNeverWillBe) {
  stream.write(std::string(500, 'x'));
  note("x");
  loop.run_until_idle();
  far->reset();
  loop.run_until_idle();
  EXPECT_THAT(told, ElementsAre("failed x"));
  note("afterwards");
  loop.run_until_idle();
  EXPECT_THAT(told, ElementsAre("failed x", "failed afterwards"));
}

TEST_F(Sent, WritingInsideItDoesNotRecur) {
  int left = 10'000;
  std::function<void(std::error_code)> again = [&](std::error_code) {
    if (--left == 0) return;
    stream.write("");
    stream.when_sent(again);
  };
  again({});
  loop.run_until_idle();
  EXPECT_EQ(left, 0);
}

// Decides what comes next only when the last piece has left: nothing piles up.
TEST_F(Sent, IsWhenAProducerMayGoOn) {
  std::string made;
  std::function<void()> produce = [&] {
    if (made.size() >= 20'000) return stream.close();
    const std::string piece(777, static_cast<char>('a' + made.size() % 26));
    made += piece;
    stream.write(piece);
    stream.when_sent([&](std::error_code error) {
      if (!error) produce();
    });
  };
  produce();
  loop.run_until_idle();
  std::string got;
  for (std::string piece; !(piece = receive(*far, 50)).empty(); got += piece) {
    loop.run_until_idle();
    ASSERT_LE(made.size(), got.size() + 50 + 100 + 2 * 777);
  }
  EXPECT_EQ(got, made);
  EXPECT_GE(made.size(), 20'000U);
}

TEST_F(Sent, MayThrowAndCostsItsConnectionOnly) {
  Script bystander;
  const auto peer = connect(bystander);
  stream.write("hello");
  stream.when_sent([](std::error_code) { throw std::runtime_error("no"); });
  loop.run_until_idle();
  EXPECT_EQ(stream.error(), Errc::callback_threw);
  EXPECT_EQ(bystander.count("close"), 0);
}

// It asks again and again, and the loop goes on in between.
TEST_F(Sent, ThatAsksAgainIsToldInAnotherTurn) {
  int calls = 0;
  std::function<void(std::error_code)> again = [&](std::error_code) {
    if (++calls < 100'000) stream.when_sent(again);
  };
  bool had_a_turn = false;
  again({});
  loop.add_callback([&] { loop.add_callback([&] { had_a_turn = calls < 100; }); });
  loop.run_until_idle();
  EXPECT_TRUE(had_a_turn);
  EXPECT_EQ(calls, 100'000);
}

TEST_F(Sent, ThatAsksAgainAtTheEndIsToldAgain) {
  std::vector<std::string> seen;
  stream.write(std::string(1000, 'x'));
  stream.when_sent([&](std::error_code first) {
    seen.push_back(first.message());
    stream.when_sent([&](std::error_code second) { seen.push_back(second.message()); });
  });
  loop.run_until_idle();
  far->reset();
  loop.run_until_idle();
  EXPECT_THAT(seen, ElementsAre("connection reset by the peer", "connection reset by the peer"));
}

}  // namespace
}  // namespace twister::testing
