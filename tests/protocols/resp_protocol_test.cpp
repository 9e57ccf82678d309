// RespProtocol: commands of Redis's clients, and what they are answered.
#include <twister/protocols/resp_protocol.hpp>
#include <twister/tcp_server.hpp>

#include "pair.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

struct Seen {
  std::vector<CloseReason> closes;
  int count = 0;
  TcpServer* server = nullptr;
};

class Counter : public RespProtocol {
 public:
  explicit Counter(Seen& seen, const RespOptions& options = {})
      : RespProtocol(options), seen_(seen) {}

 private:
  static const RespCommandTable<Counter>& commands() {
    static const RespCommandTable<Counter> table = {
        {"count", 1, [](Counter& c, RespArgs, RespWriter& r) { r.integer(++c.seen_.count); }},
        {"add", 2,
         [](Counter& c, RespArgs a, RespWriter& r) {
           r.integer(c.seen_.count += static_cast<int>(resp_integer(a[1])));
         }},
        {"each", -2,
         [](Counter&, RespArgs a, RespWriter& r) {
           r.array(a.size() - 1);
           for (const std::string_view arg : a.subspan(1)) r.integer(resp_integer(arg));
         }},
        {"silence", 1, [](Counter&, RespArgs, RespWriter&) {}},
        {"say", 2,
         [](Counter& c, RespArgs a, RespWriter& r) {
           r.simple("said");
           c.write(a[1]);  // as a broadcast to everybody would
         }},
        {"abort", 1, [](Counter& c, RespArgs, RespWriter& r) { r.simple("lost"), c.abort(); }},
        {"throw", 1, [](Counter&, RespArgs, RespWriter&) { throw std::logic_error("a bug"); }},
        {"half", 1,
         [](Counter& c, RespArgs, RespWriter& r) { r.simple("OK"), c.shutdown_write(); }},
        {"shutdown", 1,
         [](Counter& c, RespArgs, RespWriter& r) {
           r.simple(std::string(10'000, 'x'));
           c.seen_.server->abort_connections();
           r.simple(std::string(10'000, 'y'));
         }},
        {"quit", 1, [](Counter& c, RespArgs, RespWriter& r) { c.close(), r.simple("OK"); }},
    };
    return table;
  }

  void on_command(RespArgs command, RespWriter& reply) override {
    commands().find(command).run(*this, command, reply);
  }
  void on_close(const CloseReason& reason) override { seen_.closes.push_back(reason); }

  Seen& seen_;
};

TEST(RespProtocol, MayEndEveryConnectionInsideACommand) {
  Seen seen;
  ManualClock clock;
  IOLoop loop(clock);
  TcpServer server(loop, "", [&] { return std::make_unique<Counter>(seen); });
  seen.server = &server;
  MemoryPeer peer(server);
  peer.send("count\r\nshutdown\r\ncount\r\n");
  EXPECT_TRUE(peer.was_reset());
  EXPECT_EQ(seen.count, 1);
  ASSERT_THAT(seen.closes, SizeIs(1));
}

class RespConversation : public ::testing::Test {
 protected:
  std::string answer(std::string_view commands) {
    peer.send(commands);
    return peer.take();
  }

  Seen seen;
  ManualClock clock;
  IOLoop loop{clock};
  MemoryPeer peer{loop, std::make_unique<Counter>(seen)};
};

TEST_F(RespConversation, AnswersCommandsInOrder) {
  EXPECT_EQ(answer("*1\r\n$5\r\ncount\r\nadd 40\r\n*1\r\n$5\r\ncount\r\n"), ":1\r\n:41\r\n:42\r\n");
}

TEST_F(RespConversation, TakesNamesInAnyCase) {
  EXPECT_EQ(answer("COUNT\r\nCount\r\n"), ":1\r\n:2\r\n");
}

TEST_F(RespConversation, MayLeaveACommandUnanswered) {
  EXPECT_EQ(answer("silence\r\ncount\r\n"), ":1\r\n");
}

TEST_F(RespConversation, SaysWhatItDoesNotKnow) {
  EXPECT_EQ(answer("sing a 'long song'\r\n"),
            "-ERR unknown command 'sing', with args beginning with: 'a' 'long song' \r\n");
  EXPECT_EQ(answer("*1\r\n$4\r\na\r\nb\r\n"),
            "-ERR unknown command 'a  b', with args beginning with: \r\n");
  EXPECT_EQ(answer("count\r\n"), ":1\r\n");
}

TEST_F(RespConversation, RepeatsNoMoreOfAMistakeThanIsOfUse) {
  const std::string name(200, 'n');
  const std::string arg(100, 'a');
  EXPECT_EQ(answer(name + " " + arg + " " + arg + " " + arg + "\r\n"),
            "-ERR unknown command '" + name.substr(72) + "', with args beginning with: '" + arg +
                "' '" + arg.substr(75) + "' \r\n");
}

TEST_F(RespConversation, CountsArguments) {
  EXPECT_EQ(answer("COUNT 1\r\n"), "-ERR wrong number of arguments for 'count' command\r\n");
  EXPECT_EQ(answer("add\r\n"), "-ERR wrong number of arguments for 'add' command\r\n");
  EXPECT_EQ(answer("each\r\n"), "-ERR wrong number of arguments for 'each' command\r\n");
  EXPECT_EQ(answer("each 1 2 3\r\n"), "*3\r\n:1\r\n:2\r\n:3\r\n");
}

TEST_F(RespConversation, PutsAnErrorInThePlaceOfWhatWasWritten) {
  EXPECT_EQ(answer("count\r\neach 1 two 3\r\ncount\r\n"),
            ":1\r\n-ERR value is not an integer or out of range\r\n:2\r\n");
}

TEST_F(RespConversation, MayEndInsideACommand) {
  EXPECT_EQ(answer("quit\r\ncount\r\n"), "+OK\r\n");
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(seen.count, 0);
}

TEST_F(RespConversation, MayWriteToItselfInsideACommand) {
  EXPECT_EQ(answer("say 'hello '\r\ncount\r\n"), "hello +said\r\n:1\r\n");
}

TEST_F(RespConversation, MayBeAbortedInsideACommand) {
  EXPECT_EQ(answer("count\r\nabort\r\ncount\r\n"), "");
  ASSERT_THAT(seen.closes, SizeIs(1));
  EXPECT_EQ(seen.closes[0].code, Errc::aborted_here);
  EXPECT_EQ(seen.count, 1);
}

TEST_F(RespConversation, AnswersAtAnyLength) {
  std::string command = "each";
  std::string expected = "*50000\r\n";
  for (int i = 0; i < 50'000; ++i) {
    command += " 1";
    expected += ":1\r\n";
  }
  MemoryPeer roomy(loop, std::make_unique<Counter>(seen, RespOptions{.max_line_bytes = 200'000}));
  roomy.send(command + "\r\ncount\r\n");
  std::string answers;
  for (std::string more = roomy.take(); !more.empty(); more = roomy.take()) answers += more;
  EXPECT_TRUE(answers == expected + ":1\r\n");
}

TEST_F(RespConversation, NamesAMistakeInTheProtocolBeforeItEnds) {
  EXPECT_EQ(answer("count\r\n*1\r\n$x\r\n"), ":1\r\n-ERR Protocol error: invalid bulk length\r\n");
  EXPECT_TRUE(peer.ended());
  peer.end();
  ASSERT_THAT(seen.closes, SizeIs(1));
  EXPECT_EQ(seen.closes[0].code, CodecErrc::malformed_resp);
}

TEST_F(RespConversation, NamesAByteThatWouldEndItsAnswer) {
  EXPECT_EQ(answer("*1\r\n\r\r\n"), "-ERR Protocol error: expected '$', got ' '\r\n");
}

TEST_F(RespConversation, EndsNoAnswerAtANul) {
  using namespace std::string_literals;
  EXPECT_EQ(answer("*2\r\n$6\r\nsing\0x\r\n$3\r\na\0b\r\n"s),
            "-ERR unknown command 'sing', with args beginning with: 'a' \r\n");
  EXPECT_STREQ(RespError("ERR no \0 here"s).what(), "ERR no   here");
}

TEST_F(RespConversation, LosesItsConnectionWithAnExceptionThatIsNoAnswer) {
  EXPECT_EQ(answer("throw\r\ncount\r\n"), "");
  EXPECT_THAT(seen.closes, SizeIs(1));
  EXPECT_EQ(seen.count, 0);
}

TEST_F(RespConversation, HoldsItsLimits) {
  MemoryPeer small(loop, std::make_unique<Counter>(seen, RespOptions{.max_frame_bytes = 5}));
  small.send("*1\r\n$5\r\ncount\r\n*1\r\n$6\r\n");
  EXPECT_EQ(small.take(), ":1\r\n-ERR Protocol error: invalid bulk length\r\n");
  EXPECT_TRUE(small.ended());
}

TEST(RespCommandTable, RefusesANameThatIsThereTwice) {
  using Table = RespCommandTable<int>;
  const auto nothing = [](int&, RespArgs, RespWriter&) {};
  EXPECT_THROW(Table({{"a", 1, nothing}, {"a", 2, nothing}}), std::invalid_argument);
  EXPECT_THROW(Table({{std::string_view("123456789012345678901234567890123"), 1, nothing}}),
               std::invalid_argument);
}

TEST(RespCommandTable, FindsEveryNameAmongMany) {
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("command" + std::to_string(i));
  detail::RespNames table;
  for (const std::string& name : names) table.add(name);
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(table.find(names[i]), i);
  EXPECT_EQ(table.find("COMMAND7"), 7u);
  EXPECT_EQ(table.find("command300"), 300u);
  EXPECT_EQ(table.find(""), 300u);
  EXPECT_EQ(table.find(std::string(1'000'000, 'x')), 300u);
}

TEST_F(RespConversation, DoesWhatIsAskedAfterTheAnswersHaveEnded) {
  EXPECT_EQ(answer("half\r\ncount\r\ncount\r\n"), "");
  EXPECT_EQ(seen.count, 2);
}

}  // namespace
}  // namespace twister::testing
