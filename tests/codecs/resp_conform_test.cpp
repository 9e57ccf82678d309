// Both sides of RESP by every rule of the kit. A side decodes what the other encodes, so each is tried
// with the encoder of the other.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "twister/codecs/resp.hpp"
#include <twister/testing/codec_conformance.hpp>

#include "resp_text.hpp"
#include "support/allocation_counter.hpp"

namespace twister {
namespace {

using testing::allocated_bytes;
using testing::check_codec;
using testing::CodecCases;
using testing::ConformanceReport;

constexpr RespOptions options = {
    .max_frame_bytes = 60'000, .max_items = 20'000, .max_line_bytes = 30'000, .max_depth = 4};

template <class Receiver, class Sender>
class Joined {
 public:
  using Message = typename Sender::Message;
  using Received = typename Receiver::Received;

  DecodeResult decode(ByteView input) { return receiver_.decode(input); }
  Received message() const { return receiver_.message(); }
  CodecError encode(const Message& message, ByteBuffer& out) {
    return sender_.encode(message, out);
  }
  CodecError finish(ByteView rest) const { return receiver_.finish(rest); }

 private:
  Receiver receiver_{options};
  Sender sender_{options};
};

using Commands = Joined<RespCommands, RespReplies>;
using Replies = Joined<RespReplies, RespCommands>;

struct Describe {
  std::string operator()(std::span<const std::string_view> command) const {
    return testing_codecs::CommandText()(command);
  }
  std::string operator()(const RespCommand& command) const { return (*this)(command.args()); }
  std::string operator()(const RespValue& reply) const {
    ByteBuffer out;
    EXPECT_FALSE(RespCommands(options).encode(reply, out));
    return std::string(as_text(out.view()));
  }
  std::string operator()(const RespReply& reply) const { return (*this)(RespValue(reply)); }
};

void expect_conformance(const ConformanceReport& report) {
  EXPECT_TRUE(report.ok()) << report.text();
  ASSERT_EQ(report.untried.size(), 1u) << report.text();
  EXPECT_EQ(report.untried[0].rule, "resynchronisation");  // nothing is skipped
}

class RespConforms : public ::testing::Test {
 protected:
  const std::string largest = std::string(60'000, 'x');
  const std::string too_large = std::string(60'001, 'x');
};

TEST_F(RespConforms, InCommandsAServerReceives) {
  const std::vector<std::string_view> one = {"PING"};
  const std::vector<std::string_view> two = {"GET", "a\r\nkey"};
  const std::vector<std::string_view> empty = {"", ""};
  const std::vector<std::string_view> longest = {largest};
  const std::vector<std::string_view> most(20'000, "a");
  const std::vector<std::string_view> too_long = {too_large};
  const std::vector<std::string_view> too_many(20'001, "a");
  CodecCases<Commands> cases{
      .messages = {RespCommand(one), RespCommand(two), RespCommand(empty)},
      .longest = RespCommand(longest),
      .unencodable = {RespCommand({}), RespCommand(too_long), RespCommand(too_many)},
      .malformed = {"*x\r\n", "*1\r\n$-1\r\n", "*1\r\n:1\r\n", "*1\r\n$1\r\naxx", "'a\n"},
      .too_long = {"*20001\r\n", "*1\r\n$60001\r\n", "*2\r\n$1\r\na\r\n$60000\r\n", too_large},
      .announcements = {"*20000\r\n", "*1\r\n$60000\r\n", "*20000\r\n$60000\r\n"},
      .allocated_bytes = allocated_bytes,
      .own_bytes = 1024};
  expect_conformance(check_codec<Commands>(cases, Describe()));
  cases.longest = RespCommand(most);
  expect_conformance(check_codec<Commands>(cases, Describe()));
}

TEST_F(RespConforms, InRepliesAClientReceives) {
  const RespValue nested =
      RespValue::array({RespValue::array({RespValue::simple("OK"), RespValue::null()}),
                        RespValue::error("ERR"), RespValue::array({}), RespValue::null_array()});
  RespValue deep = RespValue::integer(1);
  for (int level = 0; level < 5; ++level) deep = RespValue::array({deep});
  const std::vector<RespValue> most(20'000, RespValue::integer(7));
  CodecCases<Replies> cases{
      .messages = {RespValue::integer(-1), RespValue::bulk("a\r\nb"), nested,
                   RespValue::simple("")},
      .longest = RespValue::bulk(largest),
      .unencodable = {RespValue::simple("a\nb"), RespValue::bulk(too_large), deep},
      .malformed = {"%1\r\n", ":+1\r\n", "+a\n", "$-2\r\n", "*1\r\n*-2\r\n", "$1\r\na\rx"},
      .too_long = {"*20001\r\n", "$60001\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "+" + too_large},
      .announcements = {"*20000\r\n", "$60000\r\n", "*1\r\n*19999\r\n",
                        "+" + largest.substr(30'000)},
      .allocated_bytes = allocated_bytes,
      .own_bytes = 1024};
  expect_conformance(check_codec<Replies>(cases, Describe()));
  cases.longest = RespValue::array(most);
  expect_conformance(check_codec<Replies>(cases, Describe()));
}

}  // namespace
}  // namespace twister
