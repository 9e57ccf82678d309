// Reads up to the end of a match.
#include <optional>
#include <stdexcept>
#include <string>

#include <twister/io_stream.hpp>
#include <twister/regex.hpp>

#include "memory/script.hpp"

namespace twister::testing {
namespace {

using ::testing::HasSubstr;

class ReadUntilRegex : public MemoryTest {
 protected:
  ReadUntilRegex() {
    auto ends = memory_transport_pair(loop);
    stream = IOStream(loop, std::move(ends.first));
    far = std::move(ends.second);
  }
  void send(std::string_view text) {
    const ByteView bytes = as_bytes(text);
    far->send({&bytes, 1});
    loop.run_until_idle();
  }
  // Starts a read; `data` and `error` say how it ended.
  void read(const char* pattern, const ReadOptions& options = {}) {
    data.reset();
    stream.read_until_regex(
        Regex(pattern),
        [this](std::error_code why, ByteView bytes) {
          error = why;
          data = as_text(bytes);
        },
        options);
    loop.run_until_idle();
  }

  std::unique_ptr<Transport> far;
  IOStream stream;
  std::optional<std::string> data;
  std::error_code error;
};

TEST_F(ReadUntilRegex, TakesAllUpToTheEndOfTheMatch) {
  send("a header\r\n\r\nand a body");
  read("\r?\n\r?\n");
  EXPECT_EQ(data, "a header\r\n\r\n");
  read("and");
  EXPECT_EQ(data, "and");
}

TEST_F(ReadUntilRegex, WaitsForTheRestOfAMatch) {
  read("END[.]");
  send("xxE");
  send("ND");
  EXPECT_FALSE(data.has_value());
  send(".yy");
  EXPECT_EQ(data, "xxEND.");
}

TEST_F(ReadUntilRegex, DoesNotDependOnHowTheBytesWereCut) {
  const std::string text = "12345,67890,ab";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    auto ends = memory_transport_pair(loop);
    stream = IOStream(loop, std::move(ends.first));
    far = std::move(ends.second);
    read("[0-9]+,?[0-9]+");
    send(std::string_view(text).substr(0, cut));
    send(std::string_view(text).substr(cut));
    EXPECT_EQ(data, "12345,67890") << "cut at " << cut;
  }
}

TEST_F(ReadUntilRegex, AtTheEndOfTheStreamTakesWhatThereIs) {
  read("[0-9]+");
  send("123");
  EXPECT_FALSE(data.has_value());  // a fourth digit may follow
  far->shutdown_send();
  loop.run_until_idle();
  EXPECT_EQ(data, "123");
}

TEST_F(ReadUntilRegex, WithoutAMatchAtTheEndIsTruncated) {
  read("END");
  send("never");
  far->shutdown_send();
  loop.run_until_idle();
  EXPECT_EQ(error, Errc::truncated_message);
}

TEST_F(ReadUntilRegex, AMatchMayEndAtMaxBytes) {
  read("def", {.max_bytes = 6});
  send("abcdef");
  EXPECT_EQ(data, "abcdef");
}

TEST_F(ReadUntilRegex, OneThatWouldEndBehindMaxBytesClosesTheStream) {
  send("abcdef");
  read("def", {.max_bytes = 5});
  EXPECT_EQ(error, Errc::read_limit);
  EXPECT_FALSE(stream.is_open());
}

struct RegexLimit {
  const char* text;
  std::size_t max_bytes;
  bool passes;
};

class ReadUntilRegexLimits : public ReadUntilRegex,
                             public ::testing::WithParamInterface<RegexLimit> {};

// However it is cut, and whether it was there before the read or not.
TEST_P(ReadUntilRegexLimits, AreExactForEveryCut) {
  const std::string_view text = GetParam().text;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    for (const bool before : {true, false}) {
      auto ends = memory_transport_pair(loop);
      stream = IOStream(loop, std::move(ends.first));
      far = std::move(ends.second);
      CloseReason why;
      stream.set_close_callback([&why](const CloseReason& reason) { why = reason; });
      if (before) send(text.substr(0, cut));
      read("d.f", {.max_bytes = GetParam().max_bytes});
      if (!before) send(text.substr(0, cut));
      send(text.substr(cut));
      ASSERT_TRUE(data.has_value()) << cut;
      EXPECT_EQ(data, GetParam().passes ? "abcdef" : "") << cut;
      EXPECT_EQ(stream.is_open(), GetParam().passes);
      far->shutdown_send();
      loop.run_until_idle();
      if (!GetParam().passes) {
        EXPECT_EQ(error, Errc::read_limit);
        EXPECT_EQ(why.code, Errc::read_limit);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, ReadUntilRegexLimits,
                         ::testing::Values(RegexLimit{"abcdef", 50, true},
                                           RegexLimit{"abcdef", 6, true},
                                           RegexLimit{"abcdefxyz", 6, true},
                                           RegexLimit{"123456", 5, false},
                                           RegexLimit{"abcdef", 5, false}));

TEST_F(ReadUntilRegex, LooksBehindIntoWhatItHasSearched) {
  read("(?<=abc)X");
  send("abc");
  send("X");
  EXPECT_EQ(data, "abcX");
}

TEST_F(ReadUntilRegex, APatternThatGoesAstrayIsGivenUpAndLosesNothing) {
  send(std::string(5'000, 'a'));
  send("!");
  read("(a+)+$");
  EXPECT_EQ(error, std::errc::resource_unavailable_try_again);
  std::size_t left = 0;
  stream.read_bytes(5'001, [&](std::error_code, ByteView bytes) { left = bytes.size(); });
  loop.run_until_idle();
  EXPECT_EQ(left, 5'001U);
}

// Each of them is quadratic: some work at each of the places where a match could begin.
TEST(RegexBudget, IsForTheWholeSearch) {
  std::string text(64 * 1024, 'x');
  text.back() = 'D';
  for (const char* pattern : {"x.*?END", "x[^>]*END", "x[^>]*+END", "(?:(?=[^>]*+)x)*END"}) {
    const MatchResult result = Regex(pattern)(text, 0, true);
    EXPECT_EQ(result.status, MatchResult::Status::failed) << pattern;
    EXPECT_EQ(result.error, std::errc::resource_unavailable_try_again) << pattern;
  }
}

TEST(RegexBudget, CountsWhatARepeatPassesInVain) {
  std::string text(64 * 1024, 'x');
  text[29'999] = text[59'999] = 'z';
  text.back() = 'y';
  for (const char* pattern : {"x{30000}y", "(?:[a-x]{29000,}+|z)+y", "[a-x]{29999,}y"}) {
    EXPECT_EQ(Regex(pattern)(text, 0, true).status, MatchResult::Status::failed) << pattern;
  }
  EXPECT_EQ(Regex("x{29999}z")(text, 0, true).position, 30'000U);
}

TEST(RegexBudget, IsEnoughForOrdinaryPatterns) {
  std::string text;
  while (text.size() < 64 * 1024) text += "The quick <b>brown</B> fox, and 12 lazy dogs again.\r\n";
  for (const char* pattern : {"\r?\n\r?\n", "</[a-z]+>", "(?i)content-length: *[0-9]+\r\n", ".*END",
                              "(?s).*END", "[a-z]+ END", "(?:[^\r\n]+\r?\n)*END"}) {
    EXPECT_EQ(Regex(pattern)(text, 0, true).status, MatchResult::Status::not_yet) << pattern;
    EXPECT_EQ(Regex(pattern)(text, 0, false).status, MatchResult::Status::not_yet) << pattern;
  }
}

TEST(RegexBudget, IsEnoughForManyPlacesToBegin) {
  const std::string marks(64 * 1024, '<');
  EXPECT_EQ(Regex("</[a-z]+>")(marks, 0, false).status, MatchResult::Status::not_yet);
  std::string sums;  // half of them are tried in vain at every place
  while (sums.size() < 64 * 1024) sums += std::string(63, 'f') + ' ';
  EXPECT_EQ(Regex("[0-9a-f]{64}")(sums, 0, false).status, MatchResult::Status::not_yet);
}

TEST(RegexBudget, GrowsWithTheText) {
  std::string text;
  while (text.size() < 1024 * 1024) text += "some words, and a line end\r\n";
  EXPECT_EQ(Regex("[a-z]+ END")(text, 0, false).status, MatchResult::Status::not_yet);
}

TEST(RegexBudget, MayBeSmaller) {
  const Regex regex("[a-z]+[0-9]", {.max_steps = 100});
  EXPECT_EQ(regex("ab1", 0, true).status, MatchResult::Status::found);
  EXPECT_EQ(regex(std::string(1000, 'a'), 0, true).status, MatchResult::Status::failed);
}

TEST(RegexBudget, MemoryToComeBackByIsBounded) {
  const Regex regex("(?:a|b)*\n", {.max_steps = 1'000'000'000});
  std::string text(1024 * 1024, 'a');
  text.back() = '\n';
  EXPECT_EQ(regex(text, 0, true).status, MatchResult::Status::failed);
}

TEST_F(ReadUntilRegex, FiftyKilobytesOfInputDoNoHarm) {
  send(std::string(50'000, 'a'));
  send("\n");
  read("(?:a|b)*\n");
  EXPECT_TRUE(error || data->size() == 50'001U);
}

TEST(RegexPattern, ThatCannotBeCompiledSaysWhereAndWhy) {
  try {
    Regex("ab(c");
    FAIL() << "no exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("missing closing parenthesis at character 4"));
  }
}

}  // namespace
}  // namespace twister::testing
