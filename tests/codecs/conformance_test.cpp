// The kit has to find what it says it finds: a codec that keeps every rule, and for each rule one that
// breaks it.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/lines.hpp"
#include <twister/testing/codec_conformance.hpp>

#include "sound_codec.hpp"

namespace twister {
namespace {

using testing::check_codec;
using testing::CodecCases;
using testing::ConformanceReport;
using namespace testing_codecs;

TEST(Conformance, IsAttestedRuleByRule) {
  CodecCases<Sound> all = cases<Sound>();
  all.malformed = {};
  const ConformanceReport report = check_codec<Sound>(all);
  EXPECT_TRUE(report.ok()) << report.text();
  EXPECT_EQ(report.kept.size(), 13u) << report.text();
  ASSERT_EQ(report.untried.size(), 2u) << report.text();
  EXPECT_FALSE(report.complete());
  EXPECT_EQ(report.untried[0].rule, "malformed");
  EXPECT_EQ(report.untried[1].rule, "resynchronisation");
  EXPECT_NE(report.text().find("untried malformed: no stream in `malformed`"), std::string::npos);
}

TEST(Conformance, NeedsCasesThatCanBeTried) {
  EXPECT_THROW(check_codec<Sound>({.messages = {as_bytes("one")}}), std::invalid_argument);
  const std::string large(70'000, 'x');
  EXPECT_THROW(check_codec<Sound>({.messages = {as_bytes("one"), as_bytes(large)}}),
               std::invalid_argument);
}

struct LosesTheLastByte : Sound {
  ByteView message() const {
    return inner_.message().first(inner_.message().empty() ? 0 : inner_.message().size() - 1);
  }
};

TEST(Conformance, FindsAMessageThatDoesNotSurviveTheRoundTrip) {
  EXPECT_EQ(broken_by<LosesTheLastByte>().front(), "round trip");
}

struct WantsTheHeaderInOnePiece : Sound {
  DecodeResult decode(ByteView input) {
    if (input.size() == 1) failed_ = true;
    if (failed_) return {.status = DecodeResult::Status::error, .error = {CodecErrc::bad_length}};
    return Sound::decode(input);
  }
  CodecError finish(ByteView rest) const {
    return failed_ ? CodecError{CodecErrc::bad_length} : Sound::finish(rest);
  }
  bool failed_ = false;
};

TEST(Conformance, FindsACutThatMatters) {
  EXPECT_EQ(broken_by<WantsTheHeaderInOnePiece>().front(), "every cut");
}

TEST(Conformance, BlamesACutForWhatItDoesAndNoOtherRule) {
  const ConformanceReport report =
      check_codec<WantsTheHeaderInOnePiece>(cases<WantsTheHeaderInOnePiece>());
  const std::string text = report.text();
  EXPECT_NE(text.find(" cut byte by byte gives "), text.npos) << text;
  EXPECT_NE(text.find("untried both ways at once: not judged"), text.npos) << text;
  EXPECT_NE(text.find("untried own state: not judged"), text.npos) << text;
  EXPECT_FALSE(report.complete());
}

struct ConsumesNothing : Sound {
  DecodeResult decode(ByteView input) {
    DecodeResult result = Sound::decode(input);
    result.consumed = 0;
    return result;
  }
};

TEST(Conformance, FindsAMessageThatConsumesNothing) {
  EXPECT_EQ(broken_by<ConsumesNothing>().front(), "round trip");
}

struct AsksForTooMuch : Sound {
  DecodeResult decode(ByteView input) {
    DecodeResult result = Sound::decode(input);
    if (result.needed > 0) ++result.needed;
    return result;
  }
};

TEST(Conformance, FindsACodecThatNeededMoreThanItTook) {
  const ConformanceReport report = check_codec<AsksForTooMuch>(cases<AsksForTooMuch>());
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.text().find("needed more than it took"), std::string::npos) << report.text();
}

struct IsNeverReady : Sound {
  DecodeResult decode(ByteView input) {
    if (input.empty())
      return {.status = DecodeResult::Status::error, .error = {CodecErrc::truncated}};
    return Sound::decode(input);
  }
};

TEST(Conformance, FindsThatNoBytesAreAnError) {
  const auto rules = broken_by<IsNeverReady>();
  EXPECT_NE(std::find(rules.begin(), rules.end(), "empty input"), rules.end());
}

struct EndsAnywhere : Sound {
  CodecError finish(ByteView) const { return {}; }
};

TEST(Conformance, FindsATruncationThatIsNotTold) {
  const auto rules = broken_by<EndsAnywhere>();
  EXPECT_NE(std::find(rules.begin(), rules.end(), "truncation"), rules.end());
}

// Each message is disguised by how many came before it.
struct CountsMessages : Sound {
  DecodeResult decode(ByteView input) {
    const DecodeResult result = Sound::decode(input);
    if (result.status == DecodeResult::Status::message) {
      text_.assign(as_text(result.frame));
      for (char& byte : text_) byte = static_cast<char>(byte ^ received_);
      ++received_;
    }
    return result;
  }
  ByteView message() const { return as_bytes(text_); }
  CodecError encode(ByteView body, ByteBuffer& out) {
    std::string text(as_text(body));
    for (char& byte : text) byte = static_cast<char>(byte ^ sent_);
    const CodecError error = Sound::encode(as_bytes(text), out);
    if (!error) ++sent_;
    return error;
  }
  std::string text_;
  char received_ = 0;
  char sent_ = 0;
};

TEST(Conformance, FindsACodecThatCannotBeHandedOver) {
  const auto rules = broken_by<CountsMessages>();
  EXPECT_NE(std::find(rules.begin(), rules.end(), "hand-over"), rules.end());
}

struct SharesItsScratch : Sound {
  DecodeResult decode(ByteView input) {
    const DecodeResult result = Sound::decode(input);
    if (result.status == DecodeResult::Status::message) scratch_.assign(as_text(result.frame));
    return result;
  }
  ByteView message() const { return as_bytes(scratch_); }
  CodecError encode(ByteView body, ByteBuffer& out) {
    scratch_.assign(as_text(body));
    return Sound::encode(as_bytes(scratch_), out);
  }
  std::string scratch_;
};

TEST(Conformance, FindsAnEncodeThatDisturbsWhatWasDecoded) {
  EXPECT_EQ(broken_by<SharesItsScratch>(), std::vector<std::string>{"both ways at once"});
}

struct SharesItsMemory : Sound {
  DecodeResult decode(ByteView input) {
    const DecodeResult result = Sound::decode(input);
    if (result.status == DecodeResult::Status::incomplete) last_ = input.size();
    if (result.status == DecodeResult::Status::message && last_ > 8) failed_ = true;
    if (!failed_) return result;
    return {.status = DecodeResult::Status::error, .error = {CodecErrc::bad_length}};
  }
  CodecError finish(ByteView rest) const {
    return failed_ ? CodecError{CodecErrc::bad_length} : Sound::finish(rest);
  }
  bool failed_ = false;
  inline static std::size_t last_ = 0;
};

TEST(Conformance, FindsStateThatCodecsHaveInCommon) {
  CodecCases<SharesItsMemory> with = cases<SharesItsMemory>();
  with.malformed = {std::string("\x20\x00", 2) + std::string(30, 'x')};
  const auto rules = broken_rules(check_codec<SharesItsMemory>(with));
  EXPECT_NE(std::find(rules.begin(), rules.end(), "own state"), rules.end());
}

struct LeavesAHeaderBehind : Sound {
  CodecError encode(ByteView body, ByteBuffer& out) {
    const CodecError error = Sound::encode(body, out);
    if (error) out.append("\xff\xff");
    return error;
  }
};

TEST(Conformance, FindsBytesThatARefusedMessageLeaves) {
  EXPECT_EQ(broken_by<LeavesAHeaderBehind>(), std::vector<std::string>{"refusal to encode"});
}

struct ForgetsItsError : Sound {
  DecodeResult decode(ByteView input) {
    const DecodeResult result = Sound::decode(input);
    if (result.status == DecodeResult::Status::error) inner_ = LengthPrefixed(sound_options);
    return result;
  }
};

TEST(Conformance, FindsAnErrorThatDoesNotLast) {
  const auto rules = broken_by<ForgetsItsError>();
  EXPECT_NE(std::find(rules.begin(), rules.end(), "limit"), rules.end());
}

struct TakesALimitForNonsense : Sound {
  DecodeResult decode(ByteView input) {
    DecodeResult result = Sound::decode(input);
    if (result.status == DecodeResult::Status::error) result.error = {CodecErrc::bad_length};
    return result;
  }
  CodecError finish(ByteView rest) const {
    const CodecError error = Sound::finish(rest);
    return error.code == CodecErrc::frame_too_long ? CodecError{CodecErrc::bad_length} : error;
  }
};

TEST(Conformance, FindsALimitThatIsNotCalledOne) {
  EXPECT_EQ(broken_by<TakesALimitForNonsense>(), std::vector<std::string>{"limit"});
}

TEST(Conformance, FindsAMalformedStreamThatIsTaken) {
  CodecCases<Sound> with = cases<Sound>();
  with.malformed = {{"\x00\x01x", 3}};
  EXPECT_EQ(broken_rules(check_codec<Sound>(with)), std::vector<std::string>{"malformed"});
}

struct SkipsTheNextMessageToo : Sound {
  explicit SkipsTheNextMessageToo(bool skips = false) : skips_(skips) {
    if (skips)
      inner_ = LengthPrefixed({.width = 2, .max_frame_bytes = 10, .on_oversize = Oversize::skip});
  }
  DecodeResult decode(ByteView input) {
    DecodeResult result = Sound::decode(input);
    if (skips_ && after_skip_ && result.status == DecodeResult::Status::message) {
      after_skip_ = false;
      result.status = DecodeResult::Status::skipped;
      result.error = {CodecErrc::frame_too_long};
    } else if (result.status == DecodeResult::Status::skipped) {
      after_skip_ = true;
    }
    return result;
  }
  bool skips_;
  bool after_skip_ = false;
};

TEST(Conformance, FindsACodecThatDoesNotGetBackIntoStep) {
  CodecCases<SkipsTheNextMessageToo> with = cases<SkipsTheNextMessageToo>();
  with.make_skipping = [] { return SkipsTheNextMessageToo(true); };
  with.skipped = {std::string("\x00\x0b", 2) + std::string(11, 'x')};
  EXPECT_EQ(broken_rules(check_codec<SkipsTheNextMessageToo>(with)),
            std::vector<std::string>{"resynchronisation"});
}

// Right for every message of the cases, not for one of 7 bytes.
struct StumblesOverSevenBytes : Sound {
  DecodeResult decode(ByteView input) {
    DecodeResult result = Sound::decode(input);
    if (result.status == DecodeResult::Status::message && result.frame.size() == 7) {
      result.consumed = input.size();
    }
    return result;
  }
};

TEST(Conformance, FindsWithNoiseWhatTheCasesDoNotShow) {
  EXPECT_EQ(broken_by<StumblesOverSevenBytes>(), std::vector<std::string>{"noise"});
}

// Sound where it does not skip; told to skip, one byte of noise puts it out of step.
struct SkipsOnlyWhatItKnows : Sound {
  explicit SkipsOnlyWhatItKnows(bool skips = false) : skips_(skips) {}
  DecodeResult decode(ByteView input) {
    if (skips_ && input.size() == 1 && input[0] > std::byte{1}) {
      return {
          .status = DecodeResult::Status::skipped, .consumed = 1, .error = {CodecErrc::bad_length}};
    }
    return Sound::decode(input);
  }
  bool skips_;
};

TEST(Conformance, TriesNoiseOnACodecThatSkips) {
  CodecCases<SkipsOnlyWhatItKnows> with = cases<SkipsOnlyWhatItKnows>();
  with.make_skipping = [] { return SkipsOnlyWhatItKnows(true); };
  EXPECT_EQ(broken_rules(check_codec<SkipsOnlyWhatItKnows>(with)),
            std::vector<std::string>{"noise"});
}

// Lines as they are often written: each call begins at the front again.
class NaiveLines {
 public:
  using Message = ByteView;
  using Received = ByteView;

  DecodeResult decode(ByteView input) {
    const auto end = as_text(input).find('\n');
    if (end == std::string_view::npos) return {};
    frame_ = input.first(end);
    return {.status = DecodeResult::Status::message, .consumed = end + 1, .frame = frame_};
  }
  ByteView message() const { return frame_; }
  CodecError encode(ByteView line, ByteBuffer& out) const { return Lines().encode(line, out); }
  CodecError finish(ByteView rest) const {
    return rest.empty() ? CodecError{} : CodecError{CodecErrc::truncated, rest.size()};
  }

 private:
  ByteView frame_;
};

TEST(Conformance, FindsWorkThatGrowsWithTheSquareOfAMessage) {
  const std::string large(60'000, 'x');
  const ConformanceReport report = check_codec<NaiveLines>(
      {.messages = {as_bytes("one"), as_bytes("two")}, .longest = as_bytes(large)});
  EXPECT_EQ(broken_rules(report), std::vector<std::string>{"linear work"}) << report.text();
}

struct LooksAtEverything : Sound {
  DecodeResult decode(ByteView input) {
    ends_ = static_cast<std::size_t>(std::count(input.begin(), input.end(), std::byte{1}));
    return Sound::decode(input);
  }
  std::size_t ends_ = 0;
};

TEST(Conformance, FindsWorkThatGrowsWithTheSquareOfMessagesThatWait) {
  EXPECT_EQ(broken_by<LooksAtEverything>(), std::vector<std::string>{"linear work"});
}

struct BelievesLengths : Sound {
  DecodeResult decode(ByteView input) {
    const DecodeResult result = Sound::decode(input);
    body_.reserve(result.needed);
    return result;
  }
  std::string body_;
};

TEST(Conformance, FindsMemoryThatWasOnlyAnnounced) {
  EXPECT_EQ(broken_by<BelievesLengths>(), std::vector<std::string>{"bounded allocation"});
}

struct AsksBeforeItJudges : Sound {
  DecodeResult decode(ByteView input) {
    if (input.size() == 2 && input[0] == std::byte{0xff}) return {.needed = std::size_t{64} << 30};
    return Sound::decode(input);
  }
};

TEST(Conformance, FindsMoreAskedForThanAnyMessageTakes) {
  CodecCases<AsksBeforeItJudges> with = cases<AsksBeforeItJudges>();
  with.too_long = {"\xff\xff\x01"};
  EXPECT_EQ(broken_rules(check_codec<AsksBeforeItJudges>(with)),
            std::vector<std::string>{"bounded needs"});
}

TEST(Conformance, TakesNoWholeFrameForAnAnnouncement) {
  CodecCases<Sound> with = cases<Sound>();
  with.announcements = {{"\x00\x01x", 3}};
  EXPECT_EQ(broken_rules(check_codec<Sound>(with)), std::vector<std::string>{"bounded allocation"});
  with.announcements = {""};
  EXPECT_EQ(broken_rules(check_codec<Sound>(with)), std::vector<std::string>{"bounded allocation"});
}

TEST(Conformance, SaysThatTooLittleWasAnnounced) {
  CodecCases<Sound> with = cases<Sound>();
  with.announcements = {"\x01"};
  const ConformanceReport report = check_codec<Sound>(with);
  EXPECT_TRUE(report.ok());
  EXPECT_NE(report.text().find("untried bounded allocation: no stream in `announcements`"),
            std::string::npos)
      << report.text();
}

struct ConsumesMoreThanThereIs : Sound {
  DecodeResult decode(ByteView input) {
    DecodeResult result = Sound::decode(input);
    if (result.status == DecodeResult::Status::incomplete && input.size() > least) {
      result.consumed = input.size() + 100'000;
    }
    return result;
  }
  inline static std::size_t least = 0;
};

TEST(Conformance, SurvivesACodecThatConsumesMoreThanThereIs) {
  for (const std::size_t least : {0u, 1u, 1000u}) {
    ConsumesMoreThanThereIs::least = least;
    const auto report = check_codec<ConsumesMoreThanThereIs>(cases<ConsumesMoreThanThereIs>());
    EXPECT_NE(report.text().find("consumed more than there was"), std::string::npos)
        << least << "\n"
        << report.text();
  }
}

// What every call was given, in all.
struct CountedLines : Lines {
  using Lines::Lines;
  DecodeResult decode(ByteView input) {
    ++calls;
    bytes += input.size();
    return Lines::decode(input);
  }
  inline static std::size_t calls = 0;
  inline static std::size_t bytes = 0;
};

TEST(Conformance, TakesFewCallsForALongLine) {
  constexpr std::size_t limit = 1024 * 1024;
  const std::string too_long(limit + 1, 'x');
  const ConformanceReport report =
      check_codec<CountedLines>({.make = [] { return CountedLines({.max_line_bytes = limit}); },
                                 .messages = {as_bytes("one"), as_bytes("two")},
                                 .too_long = {too_long}});
  EXPECT_TRUE(report.ok()) << report.text();
  EXPECT_LT(CountedLines::calls, 10'000u);
  EXPECT_LT(CountedLines::bytes, 500 * limit);
}

TEST(Conformance, SaysWhatItCouldNotTry) {
  const ConformanceReport report =
      check_codec<Sound>({.messages = {as_bytes("one"), as_bytes("two")}});
  EXPECT_TRUE(report.ok());
  std::vector<std::string> rules;
  for (const auto& finding : report.untried) rules.push_back(finding.rule);
  EXPECT_EQ(rules, (std::vector<std::string>{"refusal to encode", "malformed", "limit",
                                             "resynchronisation", "linear work",
                                             "bounded allocation", "bounded needs"}));
}

}  // namespace
}  // namespace twister
