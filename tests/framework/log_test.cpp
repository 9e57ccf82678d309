#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/log.hpp>

namespace twister {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

std::string line_with(std::string value) {
  return LogRecord{
      .level = LogLevel::info, .event = "x", .fields = {{"key", std::move(value)}}, .suppressed = 0}
      .line();
}

TEST(LogLine, HasLevelEventAndFieldsInTheirOrder) {
  const LogRecord record{.level = LogLevel::warning,
                         .event = "connection_refused",
                         .fields = {{"peer", "127.0.0.1:80"}, {"max_connections", "2"}},
                         .suppressed = 0};
  EXPECT_EQ(record.line(),
            "level=warning event=connection_refused peer=127.0.0.1:80 max_connections=2");
}

TEST(LogLine, NamesEveryLevel) {
  std::vector<std::string> lines;
  for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error})
    lines.push_back(LogRecord{.level = level, .event = "x", .fields = {}, .suppressed = 0}.line());
  EXPECT_THAT(lines, ElementsAre("level=debug event=x", "level=info event=x",
                                 "level=warning event=x", "level=error event=x"));
}

TEST(LogLine, SaysHowManyWereSuppressed) {
  const LogRecord record{.level = LogLevel::error, .event = "x", .fields = {}, .suppressed = 41};
  EXPECT_EQ(record.line(), "level=error event=x suppressed=41");
}

TEST(LogLine, QuotesWhatIsNotPlain) {
  EXPECT_EQ(line_with("plain/value:1"), "level=info event=x key=plain/value:1");
  EXPECT_EQ(line_with(""), "level=info event=x key=\"\"");
  EXPECT_EQ(line_with("two words"), "level=info event=x key=\"two words\"");
  EXPECT_EQ(line_with("a=b"), "level=info event=x key=\"a=b\"");
  EXPECT_EQ(line_with("say \"no\" \\"), R"(level=info event=x key="say \"no\" \\")");
}

TEST(LogLine, CannotBeForgedOrHarmATerminal) {
  EXPECT_EQ(line_with("a\nlevel=error event=fake"),
            R"(level=info event=x key="a\nlevel=error event=fake")");
  EXPECT_EQ(line_with("\x1b[2J\r\t\x7f"), R"(level=info event=x key="\x1b[2J\x0d\x09\x7f")");
  EXPECT_EQ(line_with(std::string("\0", 1)), R"(level=info event=x key="\x00")");
  EXPECT_EQ(line_with("caf\xc3\xa9"), R"(level=info event=x key="caf\xc3\xa9")");
}

// A sink that keeps the records.
class LogSinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    set_log_sink([this](const LogRecord& record) { records.push_back(record); });
  }
  void TearDown() override { set_log_sink({}); }

  std::vector<LogRecord> records;
};

TEST_F(LogSinkTest, GetsEventAndFields) {
  log(LogLevel::warning, "test_event", {{"a", "1"}, {"b", "2"}});
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].line(), "level=warning event=test_event a=1 b=2");
}

TEST_F(LogSinkTest, GetsValuesCutAt256Bytes) {
  log(LogLevel::info, "exact", {{"a", std::string(256, 'x')}});
  log(LogLevel::info, "long", {{"a", std::string(1'000'000, 'x')}});
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].fields[0].second, std::string(256, 'x'));
  EXPECT_EQ(records[1].fields[0].second, std::string(256, 'x'));
}

TEST_F(LogSinkTest, GetsOneLineASecondOfEachEvent) {
  for (int i = 0; i < 1000; ++i) log(LogLevel::info, "often");
  log(LogLevel::info, "once");
  EXPECT_THAT(records, SizeIs(2));
}

TEST_F(LogSinkTest, GetsTheNumberOfThoseHeldBack) {
  for (int i = 0; i < 10; ++i) log(LogLevel::info, "often");
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1100);
  int calls = 0;
  while (records.size() < 2 && std::chrono::steady_clock::now() < end + std::chrono::seconds(10)) {
    log(LogLevel::info, "often");
    ++calls;
  }
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].suppressed, 0U);
  EXPECT_EQ(records[1].suppressed, 9U + static_cast<unsigned>(calls) - 1U);
}

TEST_F(LogSinkTest, ThatThrowsLosesTheLineOnly) {
  set_log_sink([](const LogRecord&) { throw std::runtime_error("disk full"); });
  log(LogLevel::info, "lost");
  set_log_sink([this](const LogRecord& record) { records.push_back(record); });
  log(LogLevel::info, "kept");
  EXPECT_THAT(records, SizeIs(1));
}

TEST_F(LogSinkTest, MayLogItself) {
  set_log_sink([this](const LogRecord& record) {
    records.push_back(record);
    log(LogLevel::info, "inner");
  });
  log(LogLevel::info, "outer");
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].event, "outer");
  EXPECT_EQ(records[1].event, "inner");
}

TEST_F(LogSinkTest, MayReplaceItself) {
  set_log_sink([this](const LogRecord& record) {
    set_log_sink([this](const LogRecord& later) { records.push_back(later); });
    records.push_back(record);
  });
  log(LogLevel::info, "first");
  log(LogLevel::info, "second");
  EXPECT_THAT(records, SizeIs(2));
}

// Standard error is a pipe for as long as this lives.
class StandardErrorPipe {
 public:
  StandardErrorPipe() {
    EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
    former_ = ::dup(STDERR_FILENO);
    ::dup2(ends_[1], STDERR_FILENO);
  }
  ~StandardErrorPipe() {
    ::dup2(former_, STDERR_FILENO);
    for (const int fd : {former_, ends_[0], ends_[1]}) {
      if (fd >= 0) ::close(fd);
    }
  }
  StandardErrorPipe(const StandardErrorPipe&) = delete;
  StandardErrorPipe& operator=(const StandardErrorPipe&) = delete;

  void fill() {
    ::fcntl(ends_[1], F_SETFL, O_NONBLOCK);
    const std::string page(4096, '.');
    while (::write(ends_[1], page.data(), page.size()) > 0) {
    }
    ::fcntl(ends_[1], F_SETFL, 0);
  }
  std::string take() {
    std::string text(1 << 17, '\0');
    const ssize_t count = ::read(ends_[0], text.data(), text.size());
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
  void close_reader() { ::close(std::exchange(ends_[0], -1)); }

 private:
  int ends_[2] = {-1, -1};
  int former_ = -1;
};

TEST(StandardError, ThatNobodyEmptiesLosesLinesAndSaysHowMany) {
  StandardErrorPipe pipe;
  pipe.fill();
  log(LogLevel::info, "first");  // would wait for ever
  log(LogLevel::info, "second");
  EXPECT_EQ(pipe.take().find_first_not_of('.'), std::string::npos);
  log(LogLevel::info, "third");
  log(LogLevel::info, "fourth");
  EXPECT_THAT(pipe.take(), MatchesRegex("time=.* level=info event=third lost=2\n"
                                        "time=.* level=info event=fourth\n"));
}

TEST(StandardError, ThatNobodyReadsAnyMoreEndsNothing) {
  {
    StandardErrorPipe pipe;
    pipe.close_reader();
    log(LogLevel::info, "unheard");
  }
  StandardErrorPipe pipe;
  log(LogLevel::info, "heard");
  EXPECT_THAT(pipe.take(), MatchesRegex("time=.* level=info event=heard lost=1\n"));
}

TEST(LogSinks, AreCalledByManyThreadsWhileTheyAreReplaced) {
  const auto lines = std::make_shared<std::atomic<int>>(0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 1000; ++i) log(LogLevel::info, "thread" + std::to_string(t * 1000 + i));
    });
  }
  for (int i = 0; i < 100; ++i) set_log_sink([lines](const LogRecord&) { ++*lines; });
  for (std::thread& thread : threads) thread.join();
  set_log_sink({});
  EXPECT_LE(*lines, 4000);
}

TEST(LogWithoutASink, GoesToStandardErrorWithTheTime) {
  set_log_sink({});
  ::testing::internal::CaptureStderr();
  log(LogLevel::error, "callback_threw", {{"what", "no more"}});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              MatchesRegex("time=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z "
                           "level=error event=callback_threw what=\"no more\"\n"));
}

}  // namespace
}  // namespace twister
