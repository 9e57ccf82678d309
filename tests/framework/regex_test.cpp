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
