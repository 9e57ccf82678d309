// protobuf's lines in twister's log.
#include "twister/protocols/protobuf_log.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/codecs/protobuf.hpp>

#include "game.pb.h"

namespace twister::testing {
namespace {

class ProtobufLog : public ::testing::Test {
 protected:
  ProtobufLog() {
    set_log_sink([this](const LogRecord& record) { records.push_back(record); });
    log_protobuf();
  }
  ~ProtobufLog() override {
    google::protobuf::SetLogHandler(before_);
    set_log_sink({});
  }
  std::vector<LogRecord> records;

 private:
  // Setting a handler is the only way to learn which one there was.
  google::protobuf::LogHandler* before_ = google::protobuf::SetLogHandler(nullptr);
};

TEST_F(ProtobufLog, SaysOnceInALineWhatAThousandPeersSentWrong) {
  ::testing::internal::CaptureStderr();
  Protobuf<game::Join> codec;
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(codec.decode(as_bytes(std::string_view("\x0a\x01\xff"))));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ASSERT_FALSE(records.empty());
  EXPECT_LT(records.size(), 100U);  // a line a second
  EXPECT_EQ(records[0].event, "protobuf");
  EXPECT_EQ(records[0].level, LogLevel::warning);
  EXPECT_THAT(records[0].fields[0].second, ::testing::HasSubstr("UTF-8"));
  EXPECT_THAT(records[0].fields[1].second, ::testing::MatchesRegex(".*\\.cc:[0-9]+"));
}

TEST_F(ProtobufLog, KeepsWhatCannotGoOnApart) {
  EXPECT_THROW(GOOGLE_LOG(FATAL) << "no way on", google::protobuf::FatalException);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].level, LogLevel::error);
  EXPECT_EQ(records[0].fields[0].second, "no way on");
}

}  // namespace
}  // namespace twister::testing
