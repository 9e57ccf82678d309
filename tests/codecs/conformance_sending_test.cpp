// What the kit has to find about encode(), and what it must not take for a fault.
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "twister/codecs/json_texts.hpp"
#include <twister/testing/codec_conformance.hpp>

#include "sound_codec.hpp"

namespace twister {
namespace {

using testing::check_codec;
using testing::CodecCases;
using testing::ConformanceReport;
using namespace testing_codecs;

struct SendsNothingButX : Sound {
  CodecError encode(ByteView body, ByteBuffer& out) {
    return Sound::encode(as_bytes(std::string(body.size(), 'X')), out);
  }
};

TEST(Conformance, ComparesTextWithWhatWasSent) {
  EXPECT_EQ(broken_by<SendsNothingButX>(),
            (std::vector<std::string>{"round trip", "every cut", "truncation", "hand-over"}));
}

// Two bytes in a frame of two bytes; one that forgets the second is consistent with itself.
struct Point {
  char x = 0;
  char y = 0;
};
struct ComparablePoint : Point {
  friend bool operator==(const ComparablePoint& a, const ComparablePoint& b) {
    return a.x == b.x && a.y == b.y;
  }
};

template <class P>
class LosesTheSecond {
 public:
  using Message = P;
  using Received = const P&;

  DecodeResult decode(ByteView input) {
    if (input.size() < 2) return {.needed = 2 - input.size()};
    point_.x = static_cast<char>(input[0]);
    point_.y = static_cast<char>(input[1]);
    return {.status = DecodeResult::Status::message, .consumed = 2, .frame = input.first(2)};
  }
  const P& message() const { return point_; }
  CodecError encode(const P& point, ByteBuffer& out) const {
    out.append(std::string{point.x, '0'});
    return {};
  }
  CodecError finish(ByteView rest) const {
    return rest.empty() ? CodecError{} : CodecError{CodecErrc::truncated, rest.size()};
  }

 private:
  P point_;
};

TEST(Conformance, ComparesValuesWithTheirOperator) {
  const ConformanceReport report =
      check_codec<LosesTheSecond<ComparablePoint>>({.messages = {{{'1', '2'}}, {{'3', '4'}}}});
  EXPECT_EQ(broken_rules(report), std::vector<std::string>{"round trip"}) << report.text();
}

TEST(Conformance, SaysThatItCannotCompareValues) {
  const ConformanceReport report =
      check_codec<LosesTheSecond<Point>>({.messages = {{'1', '2'}, {'3', '4'}}});
  EXPECT_TRUE(report.ok()) << report.text();
  ASSERT_FALSE(report.untried.empty());
  EXPECT_EQ(report.untried.front().rule, "round trip");
}

TEST(Conformance, ComparesValuesByADescriptionThatIsGiven) {
  const auto describe = [](const Point& point) { return std::string{point.x, point.y}; };
  const ConformanceReport report =
      check_codec<LosesTheSecond<Point>>({.messages = {{'1', '2'}, {'3', '4'}}}, describe);
  EXPECT_EQ(broken_rules(report).front(), "round trip");
}

struct SendsAlwaysTheSame : Sound {
  CodecError encode(ByteView body, ByteBuffer& out) {
    return body.size() > sound_options.max_frame_bytes ? Sound::encode(body, out)
                                                       : Sound::encode(as_bytes("k"), out);
  }
};

struct SendsNothing : Sound {
  CodecError encode(ByteView, ByteBuffer&) { return {}; }
};

TEST(Conformance, NeedsMessagesThatDifferOnTheWire) {
  EXPECT_THROW(check_codec<Sound>({.messages = {as_bytes("a"), as_bytes("a")}}),
               std::invalid_argument);
  EXPECT_THROW(broken_by<SendsAlwaysTheSame>(), std::invalid_argument);
  EXPECT_THROW(broken_by<SendsNothing>(), std::invalid_argument);
}

struct CanBeToldToSkip : Sound {
  explicit CanBeToldToSkip(Oversize oversize = Oversize::fail) {
    inner_ = LengthPrefixed({.width = 2, .max_frame_bytes = 60'000, .on_oversize = oversize});
  }
};

TEST(Conformance, TakesNoEqualMessagesForALossOfStep) {
  CodecCases<CanBeToldToSkip> with = cases<CanBeToldToSkip>();
  with.messages = {as_bytes("a"), as_bytes("a"), as_bytes("b")};
  with.make_skipping = [] { return CanBeToldToSkip(Oversize::skip); };
  with.skipped = {std::string("\xea\x61", 2) + std::string(60'001, 'x')};
  const ConformanceReport report = check_codec<CanBeToldToSkip>(with);
  EXPECT_TRUE(report.ok()) << report.text();
}

struct RefusesItsOwnLongest : Sound {
  RefusesItsOwnLongest() { inner_ = LengthPrefixed({.width = 2, .max_frame_bytes = 59'999}); }
  CodecError encode(ByteView body, ByteBuffer& out) {
    return LengthPrefixed(sound_options).encode(body, out);
  }
};

TEST(Conformance, FindsALongestMessageThatIsNotDecoded) {
  CodecCases<RefusesItsOwnLongest> with = cases<RefusesItsOwnLongest>();
  with.announcements = {};
  EXPECT_EQ(broken_rules(check_codec<RefusesItsOwnLongest>(with)),
            (std::vector<std::string>{"round trip", "linear work"}));
}

struct SoundInPlace : Sound {
  std::size_t begin_frame(ByteBuffer& out) { return inner_.begin_frame(out); }
  CodecError end_frame(ByteBuffer& out, std::size_t mark) { return inner_.end_frame(out, mark); }
};

struct EndsFramesInItsOwnWay : SoundInPlace {
  CodecError end_frame(ByteBuffer& out, std::size_t mark) {
    const CodecError error = SoundInPlace::end_frame(out, mark);
    if (!error) out.append("!");
    return error;
  }
};

struct LeavesWhatItRefusedInPlace : SoundInPlace {
  CodecError end_frame(ByteBuffer& out, std::size_t mark) {
    const CodecError error = SoundInPlace::end_frame(out, mark);
    if (error) out.append("!");
    return error;
  }
};

TEST(Conformance, FindsFramesInPlaceThatAreNotWhatIsEncoded) {
  const ConformanceReport report = check_codec<SoundInPlace>(cases<SoundInPlace>());
  EXPECT_TRUE(report.ok()) << report.text();
  EXPECT_NE(report.text().find("kept in place\n"), std::string::npos) << report.text();
  EXPECT_EQ(broken_by<EndsFramesInItsOwnWay>(), std::vector<std::string>{"in place"});
  EXPECT_EQ(broken_by<LeavesWhatItRefusedInPlace>(), std::vector<std::string>{"in place"});
}

// JSON texts with blanks behind them, which decode() steps over before the next.
struct WithBlanks {
  using Message = ByteView;
  using Received = ByteView;
  DecodeResult decode(ByteView input) { return inner_.decode(input); }
  ByteView message() const { return inner_.message(); }
  CodecError encode(ByteView body, ByteBuffer& out) {
    const CodecError error = inner_.encode(body, out);
    if (!error) out.append(" \n\n");
    return error;
  }
  CodecError finish(ByteView rest) const { return inner_.finish(rest); }
  JsonTexts inner_;
};

TEST(Conformance, TakesNoBlanksAfterAMessageForATruncatedOne) {
  const ConformanceReport report =
      check_codec<WithBlanks>({.messages = {as_bytes("{}"), as_bytes("[1,2,3]")}});
  EXPECT_TRUE(report.ok()) << report.text();
}

}  // namespace
}  // namespace twister
