// Descriptors that are not twister's own, watched by a loop.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;

class Descriptor : public SocketTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  }
  void TearDown() override {
    for (const int fd : ends) {
      loop.remove_handler(fd);
      ::close(fd);
    }
  }
  void send(std::string_view text) {
    ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // One byte, or nothing.
  std::string take() {
    char c = 0;
    return ::read(ends[0], &c, 1) == 1 ? std::string(1, c) : std::string();
  }

  std::array<int, 2> ends{};
  std::string seen;
};

TEST_P(Descriptor, IsReportedAgainAsLongAsItIsReadable) {
  loop.add_handler(ends[0], Readiness::readable, [&](Readiness) { seen += take(); });
  send("abc");
  run_until([&] { return seen == "abc"; });
}

TEST_P(Descriptor, SaysWhatItIsReadyFor) {
  std::vector<Readiness> what;
  loop.add_handler(ends[0], Readiness::readable | Readiness::writable, [&](Readiness readiness) {
    what.push_back(readiness);
    if (readiness == Readiness::writable) loop.update_handler(ends[0], Readiness::readable);
    if (readiness == Readiness::readable) take();
  });
  run_until([&] { return !what.empty(); });
  send("x");
  run_until([&] { return what.size() >= 2; });
  EXPECT_THAT(what, ElementsAre(Readiness::writable, Readiness::readable));
}

TEST_P(Descriptor, IsSilentWithoutInterestUntilItIsBack) {
  loop.add_handler(ends[0], Readiness::none, [&](Readiness) { seen += take(); });
  send("x");
  loop.run_until_idle();
  EXPECT_EQ(seen, "");
  loop.update_handler(ends[0], Readiness::readable);
  run_until([&] { return seen == "x"; });
}

TEST_P(Descriptor, InterestMayEndInsideTheHandler) {
  loop.add_handler(ends[0], Readiness::readable, [&](Readiness) {
    seen += "!";
    loop.update_handler(ends[0], Readiness::none);
  });
  send("x");
  run_until([&] { return seen == "!"; });
  loop.run_until_idle();
  EXPECT_EQ(seen, "!");
}

TEST_P(Descriptor, MayBeRemovedInsideItsHandlerAndClosed) {
  const auto kept = std::make_shared<std::string>("kept");
  loop.add_handler(ends[0], Readiness::readable, [this, kept](Readiness) {
    loop.remove_handler(ends[0]);
    ::close(ends[0]);
    ends[0] = -1;
    seen += *kept;  // the handler lives until it returns
  });
  send("x");
  run_until([&] { return seen == "kept"; });
  loop.run_until_idle();
  EXPECT_EQ(kept.use_count(), 1);
}

TEST_P(Descriptor, MayGetAnotherHandlerInsideItsHandler) {
  loop.add_handler(ends[0], Readiness::readable, [&](Readiness) {
    loop.remove_handler(ends[0]);
    loop.add_handler(ends[0], Readiness::readable, [&](Readiness) { seen += take(); });
  });
  send("ab");
  run_until([&] { return seen == "ab"; });
}

TEST_P(Descriptor, RemovedItIsSilentThoughItWasReady) {
  loop.add_handler(ends[0], Readiness::readable, [&](Readiness) { seen += "!"; });
  send("x");
  loop.remove_handler(ends[0]);
  loop.run_until_idle();
  EXPECT_EQ(seen, "");
}

TEST_P(Descriptor, StaysOpenWhenItIsRemoved) {
  loop.add_handler(ends[0], Readiness::readable, [](Readiness) {});
  loop.remove_handler(ends[0]);
  EXPECT_GE(::fcntl(ends[0], F_GETFD), 0);
}

TEST_P(Descriptor, TakesOneHandlerOnly) {
  loop.add_handler(ends[0], Readiness::readable, [&](Readiness) { seen += take(); });
  EXPECT_THROW(loop.add_handler(ends[0], Readiness::readable, [](Readiness) {}),
               std::invalid_argument);
  send("x");
  run_until([&] { return seen == "x"; });
}

TEST_P(Descriptor, UnknownOnesAreRefusedOrIgnored) {
  EXPECT_THROW(loop.update_handler(ends[0], Readiness::readable), std::invalid_argument);
  loop.remove_handler(ends[0]);
  EXPECT_THROW(loop.add_handler(-1, Readiness::readable, [](Readiness) {}), std::system_error);
  loop.add_handler(ends[0], Readiness::none, [](Readiness) {});
}

TEST_P(Descriptor, TheEndOfAPipeIsReadable) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_NONBLOCK | O_CLOEXEC), 0);
  loop.add_handler(pipe[0], Readiness::readable, [&](Readiness readiness) {
    char c = 0;
    if (::read(pipe[0], &c, 1) == 0) seen = has(readiness, Readiness::readable) ? "end" : "?";
    loop.remove_handler(pipe[0]);
  });
  ::close(pipe[1]);
  run_until([&] { return seen == "end"; });
  ::close(pipe[0]);
}

TEST_P(Descriptor, ThatIsAFileIsRefused) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_THROW(loop.add_handler(::fileno(file), Readiness::readable, [](Readiness) {}),
               std::invalid_argument);
  std::fclose(file);
}

TEST_P(Descriptor, ExceptionsAreLoggedAndTheHandlerStays) {
  loop.add_handler(ends[0], Readiness::readable, [&](Readiness) {
    seen += take();
    throw std::runtime_error("no");
  });
  send("ab");
  run_until([&] { return seen == "ab"; });
  EXPECT_THAT(log.lines(), ElementsAre("level=error event=callback_threw callback=loop what=no"));
}

TEST_P(Descriptor, WatchedWhenTheLoopEndsStaysOpen) {
  auto other = std::make_unique<IOLoop>(IOLoopOptions{.clock = &clock, .reactor = GetParam()});
  other->add_handler(ends[0], Readiness::readable, [](Readiness) {});
  other.reset();
  EXPECT_GE(::fcntl(ends[0], F_GETFD), 0);
}

INSTANTIATE_TEST_SUITE_P(Reactors, Descriptor, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
