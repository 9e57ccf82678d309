#include "twister/codecs/error.hpp"

#include <gtest/gtest.h>

namespace twister {
namespace {

TEST(CodecErrc, ComparesEqualToTheConditionToDecideBy) {
  EXPECT_EQ(make_error_code(CodecErrc::frame_too_long), Condition::limit);
  EXPECT_EQ(make_error_code(CodecErrc::line_too_long), Condition::limit);
  EXPECT_EQ(make_error_code(CodecErrc::too_deep), Condition::limit);
  EXPECT_EQ(make_error_code(CodecErrc::bad_length), Condition::malformed);
  EXPECT_EQ(make_error_code(CodecErrc::truncated), Condition::malformed);
  EXPECT_EQ(make_error_code(CodecErrc::unencodable), Condition::malformed);
  EXPECT_NE(make_error_code(CodecErrc::frame_too_long), Condition::malformed);
  EXPECT_NE(make_error_code(CodecErrc::frame_too_long), Condition::gone);
}

TEST(CodecErrc, ConvertsToAnErrorCodeOfItsCategory) {
  const std::error_code code = CodecErrc::bad_length;
  EXPECT_EQ(code.value(), 3);
  EXPECT_STREQ(code.category().name(), "twister.codec");
  EXPECT_EQ(code.message(), "length missing, or smaller than what it counts");
}

TEST(CodecErrc, HasATextForEveryValue) {
  for (int value = 1; value <= 21; ++value) {
    EXPECT_NE(codec_category().message(value), "unknown codec error") << value;
  }
  EXPECT_EQ(codec_category().message(22), "unknown codec error");
}

TEST(Condition, HoldsForWhatTheSystemSaysOfAConnection) {
  EXPECT_EQ(std::make_error_code(std::errc::connection_reset), Condition::gone);
  EXPECT_EQ(std::make_error_code(std::errc::broken_pipe), Condition::gone);
  EXPECT_EQ(std::make_error_code(std::errc::timed_out), Condition::timed_out);
  EXPECT_EQ(std::make_error_code(std::errc::connection_refused), Condition::refused);
  EXPECT_NE(std::make_error_code(std::errc::invalid_argument), Condition::gone);
}

TEST(Condition, HasATextForEveryValue) {
  for (int value = 1; value <= 5; ++value) {
    EXPECT_NE(condition_category().message(value), "unknown condition") << value;
  }
  EXPECT_EQ(condition_category().message(6), "unknown condition");
}

TEST(Condition, IsOfItsOwnCategory) {
  const std::error_condition condition = Condition::timed_out;
  EXPECT_STREQ(condition.category().name(), "twister.condition");
  EXPECT_EQ(condition.message(), "timed out");
}

TEST(CodecError, IsFalseAndSilentWithoutACode) {
  const CodecError none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.error_code(), std::error_code());
  EXPECT_EQ(none.message(), "");
}

TEST(CodecError, CarriesItsNumbersIntoTheMessage) {
  EXPECT_EQ((CodecError{CodecErrc::frame_too_long, 4294967295, 1048576}.message()),
            "frame of 4294967295 bytes exceeds max_frame_bytes 1048576");
  EXPECT_EQ((CodecError{CodecErrc::line_too_long, 9000, 8192}.message()),
            "line of at least 9000 bytes exceeds max_line_bytes 8192");
  EXPECT_EQ((CodecError{CodecErrc::bad_length, 3, 4}.message()),
            "length 3 is smaller than the least that is possible here, 4");
  EXPECT_EQ((CodecError{CodecErrc::invalid_utf8, 7}.message()), "invalid UTF-8 at byte 7");
  EXPECT_EQ((CodecError{CodecErrc::malformed_compression, 9}.message()),
            "malformed compressed data at byte 9");
  EXPECT_EQ((CodecError{CodecErrc::malformed_varint, 3, 5}.message()),
            "malformed varint of at most 5 bytes at byte 3");
  EXPECT_EQ((CodecError{CodecErrc::embedded_delimiter, 80}.message()),
            "message of 80 bytes holds its own delimiter");
  EXPECT_EQ((CodecError{CodecErrc::bad_checksum, 30}.message()),
            "bad checksum of a frame of 30 bytes");
  EXPECT_EQ((CodecError{CodecErrc::bad_length, 7}.message()),
            "no length where one has to be, at byte 7");
  EXPECT_EQ((CodecError{CodecErrc::too_deep, 65, 64}.message()),
            "nesting of at least 65 levels exceeds max_depth 64");
}

TEST(CodecError, GivesItsErrorCode) {
  const CodecError error{CodecErrc::invalid_utf8, 7};
  EXPECT_TRUE(error);
  EXPECT_EQ(error.error_code(), CodecErrc::invalid_utf8);
}

}  // namespace
}  // namespace twister
