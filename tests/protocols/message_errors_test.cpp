// Streams that break their format: what is told, what is still sent, what is skipped.
#include "pair.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MessageErrors : public ::testing::Test {
 protected:
  std::unique_ptr<MemoryPeer> connect(const LengthPrefixedOptions& options = {}) {
    return std::make_unique<MemoryPeer>(
        loop, std::make_unique<Keeper<Frames>>(kept, LengthPrefixed(options)));
  }
  std::unique_ptr<MemoryPeer> connect_lines(const LinesOptions& options = {}) {
    return std::make_unique<MemoryPeer>(loop,
                                        std::make_unique<Keeper<Lines>>(lines, Lines(options)));
  }

  ManualClock clock;
  Kept<Frames> kept;
  Kept<Lines> lines;
  IOLoop loop{clock};
};

TEST_F(MessageErrors, AFrameTooLongClosesWithItsNumbers) {
  const auto peer = connect();
  peer->send("\xff\xff\xff\xff");
  peer->end();
  ASSERT_THAT(kept.closes, SizeIs(1));
  EXPECT_EQ(kept.closes[0].code, CodecErrc::frame_too_long);
  EXPECT_EQ(kept.closes[0].code, Condition::limit);
  EXPECT_EQ(kept.closes[0].detail, "frame of 4294967295 bytes exceeds max_frame_bytes 1048576");
}

TEST_F(MessageErrors, RepliesToWhatCameBeforeStillLeave) {
  kept.message = [](auto& conn, std::string_view text) { conn.send(as_bytes(text)); };
  const auto peer = connect({.max_frame_bytes = 10});
  peer->send(frame("one") + frame("two") + frame("far too long a frame") + frame("three"));
  EXPECT_EQ(peer->take(), frame("one") + frame("two"));
  EXPECT_TRUE(peer->ended());
  EXPECT_THAT(kept.messages, ElementsAre("one", "two"));
}

TEST_F(MessageErrors, NothingIsDeliveredAfterOne) {
  const auto peer = connect({.max_frame_bytes = 10});
  peer->send(frame("far too long a frame"));
  peer->send(frame("valid"));
  EXPECT_THAT(kept.messages, IsEmpty());
}

TEST_F(MessageErrors, ALineIsRefusedBeforeItsEndArrives) {
  const auto peer = connect_lines({.max_line_bytes = 5});
  peer->send("123456");
  peer->end();
  ASSERT_THAT(lines.closes, SizeIs(1));
  EXPECT_EQ(lines.closes[0].code, CodecErrc::line_too_long);
  EXPECT_EQ(lines.closes[0].detail, "line of at least 6 bytes exceeds max_line_bytes 5");
}

TEST_F(MessageErrors, AStreamThatEndsInsideAMessageIsTruncated) {
  const auto peer = connect();
  peer->send(frame("whole") + frame("broken").substr(0, 7));
  peer->end();
  EXPECT_THAT(kept.messages, ElementsAre("whole"));
  ASSERT_THAT(kept.closes, SizeIs(1));
  EXPECT_EQ(kept.closes[0].code, Errc::truncated_message);
  EXPECT_EQ(kept.closes[0].code, Condition::malformed);
}

TEST_F(MessageErrors, AStreamThatEndsBetweenMessagesIsClean) {
  const auto peer = connect();
  peer->send(frame("whole"));
  peer->end();
  EXPECT_TRUE(kept.closes.at(0).clean());
}

TEST_F(MessageErrors, TheLastLineNeedsItsEnd) {
  const auto peer = connect_lines();
  peer->send("one\ntwo");
  peer->end();
  EXPECT_THAT(lines.messages, ElementsAre("one"));
  EXPECT_EQ(lines.closes.at(0).code, Errc::truncated_message);
}

TEST_F(MessageErrors, SkippedFramesAreToldAndTheStreamGoesOn) {
  const auto peer = connect({.max_frame_bytes = 10, .on_oversize = Oversize::skip});
  peer->send(frame("one") + frame(std::string(50'000, 'x')).substr(0, 20'000));
  peer->send(std::string(30'004, 'x') + frame("two"));
  EXPECT_THAT(kept.messages, ElementsAre("one", "two"));
  EXPECT_THAT(kept.skipped, ElementsAre("frame of 50000 bytes exceeds max_frame_bytes 10"));
  EXPECT_THAT(kept.closes, IsEmpty());
}

TEST_F(MessageErrors, SkippedLinesAreToldOnceEach) {
  const auto peer = connect_lines({.max_line_bytes = 3, .on_oversize = Oversize::skip});
  for (const char byte : std::string("1234567\nok\n12345\nok\n")) peer->send(std::string(1, byte));
  EXPECT_THAT(lines.messages, ElementsAre("ok", "ok"));
  EXPECT_THAT(lines.skipped, SizeIs(2));
}

TEST_F(MessageErrors, AStreamThatEndsWhileSkippingIsTruncated) {
  const auto peer = connect({.max_frame_bytes = 10, .on_oversize = Oversize::skip});
  peer->send(frame("far too long a frame").substr(0, 8));
  peer->end();
  EXPECT_EQ(kept.closes.at(0).code, Errc::truncated_message);
}

class LastWord final : public MessageProtocol<Lines> {
 public:
  LastWord() : MessageProtocol(Lines({.max_line_bytes = 5})) {}

 private:
  void on_message(ByteView message) override { send(message); }
  void on_message_error(const CodecError& error) override { write(error.message() + "\n"); }
};

TEST_F(MessageErrors, AreToldBeforeTheConnectionCloses) {
  MemoryPeer peer(loop, std::make_unique<LastWord>());
  peer.send("one\nfar too long\ntwo\n");
  EXPECT_EQ(peer.take(), "one\nline of at least 6 bytes exceeds max_line_bytes 5\n");
  EXPECT_TRUE(peer.ended());
}

// ---- sending ----

TEST_F(MessageErrors, AMessageThatCannotBeEncodedIsRefusedAndNothingIsWritten) {
  const auto peer = connect_lines();
  EXPECT_EQ(lines.conn->send(as_bytes("before")), WriteStatus::queued);
  EXPECT_EQ(lines.conn->send(as_bytes("two\nlines")), WriteStatus::refused);
  EXPECT_EQ(lines.conn->encode_error().code, CodecErrc::embedded_delimiter);
  EXPECT_EQ(lines.conn->send(as_bytes("after")), WriteStatus::queued);
  EXPECT_FALSE(lines.conn->encode_error());
  EXPECT_EQ(peer->take(), "before\nafter\n");
  EXPECT_THAT(lines.closes, IsEmpty());
}

TEST_F(MessageErrors, ARefusedMessageIsLoggedAsOneThatWasToBeSent) {
  std::vector<std::string> lines_of_log;
  set_log_sink([&](const LogRecord& record) { lines_of_log.push_back(record.line()); });
  const auto peer = connect({.max_frame_bytes = 3});
  kept.conn->send(as_bytes("1234"));
  set_log_sink({});
  ASSERT_EQ(lines_of_log.size(), 1u);
  EXPECT_THAT(lines_of_log[0], HasSubstr("event=send_refused"));
  EXPECT_THAT(lines_of_log[0], HasSubstr("frame of 4 bytes exceeds max_frame_bytes 3"));
}

TEST_F(MessageErrors, RefusalAsTheFirstWriteLeavesNothingQueued) {
  const auto peer = connect({.max_frame_bytes = 3});
  EXPECT_EQ(kept.conn->send(as_bytes("1234")), WriteStatus::refused);
  EXPECT_EQ(kept.conn->queued_bytes(), 0u);
  EXPECT_EQ(peer->take(), "");
  EXPECT_EQ(kept.conn->send(as_bytes("123")), WriteStatus::queued);
  EXPECT_EQ(peer->take(), frame("123"));
}

TEST_F(MessageErrors, SendAfterCloseHasNoEffect) {
  const auto peer = connect();
  kept.conn->close();
  EXPECT_EQ(kept.conn->send(as_bytes("late")), WriteStatus::closed);
  EXPECT_EQ(peer->take(), "");
}

}  // namespace
}  // namespace twister::testing
