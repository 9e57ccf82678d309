// Messages of JSON, one a line.
#include <twister/codecs/json.hpp>

#include "pair.hpp"

namespace twister::testing {
namespace {

using nlohmann::json;

class Adder : public MessageProtocol<JsonLines> {
 public:
  using MessageProtocol::MessageProtocol;
  explicit Adder(std::string& reason) : reason_(&reason) {}

 private:
  void on_message(json& request) override {
    const json reply = {{"sum", request.at("a").get<int>() + request.at("b").get<int>()}};
    send(reply);
  }
  void on_message_skipped(const CodecError& error) override {
    const json reply = {{"error", error.message()}};
    send(reply);
  }
  void on_close(const CloseReason& reason) override {
    if (reason_ != nullptr) *reason_ = reason.message();
  }
  std::string* reason_ = nullptr;
};

class JsonConversation : public ::testing::Test {
 protected:
  std::string reason;
  ManualClock clock;
  IOLoop loop{clock};
};

TEST_F(JsonConversation, AnswersEachLineAtEverySplit) {
  const std::string input = "{\"a\":1,\"b\":2}\n{\"a\":40,\"b\":2}\n";
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    MemoryPeer peer(loop, std::make_unique<Adder>());
    peer.send(input.substr(0, cut));
    peer.send(input.substr(cut));
    EXPECT_EQ(peer.take(), "{\"sum\":3}\n{\"sum\":42}\n") << cut;
  }
}

TEST_F(JsonConversation, MalformedJsonEndsTheStreamAndEarlierRepliesLeave) {
  MemoryPeer peer(loop, std::make_unique<Adder>(reason));
  peer.send("{\"a\":1,\"b\":2}\n{\"a\":\n{\"a\":1,\"b\":2}\n");
  EXPECT_EQ(peer.take(), "{\"sum\":3}\n");
  peer.end();
  EXPECT_THAT(reason, ::testing::HasSubstr("JSON"));
}

TEST_F(JsonConversation, MalformedJsonMayBeSkippedAndAnswered) {
  MemoryPeer peer(loop, std::make_unique<Adder>(JsonLines(Lines(), Json(), BadPayload::skip)));
  peer.send("nonsense\n{\"a\":1,\"b\":2}\n");
  const std::string reply = peer.take();
  EXPECT_THAT(reply, ::testing::StartsWith("{\"error\":"));
  EXPECT_THAT(reply, ::testing::EndsWith("{\"sum\":3}\n"));
}

TEST_F(JsonConversation, AMissingMemberCostsTheConnection) {
  MemoryPeer peer(loop, std::make_unique<Adder>(reason));
  peer.send("{\"a\":1}\n");
  EXPECT_TRUE(peer.was_reset());
  EXPECT_THAT(reason, ::testing::StartsWith("a callback threw: "));
}

TEST_F(JsonConversation, DeeplyNestedJsonIsRefused) {
  MemoryPeer peer(loop, std::make_unique<Adder>(reason));
  peer.send(std::string(20'000, '[') + std::string(20'000, ']') + "\n");
  peer.end();
  EXPECT_THAT(reason, ::testing::HasSubstr("max_depth 64"));
}

}  // namespace
}  // namespace twister::testing
