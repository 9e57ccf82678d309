// When output has left: IOStream::when_sent.
#include <optional>
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

}  // namespace
}  // namespace twister::testing
