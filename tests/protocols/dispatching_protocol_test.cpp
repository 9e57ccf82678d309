// A handler for each type of message, over memory transports.
#include <twister/codecs/named_protobuf.hpp>
#include <twister/codecs/protobuf_any.hpp>
#include <twister/codecs/tagged_protobuf.hpp>
#include <twister/protocols/dispatching_protocol.hpp>

#include "game.pb.h"
#include "pair.hpp"

namespace twister::testing {
namespace {

using game::Join;
using game::Leave;
using game::Map;
using game::Move;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::string_literals;

const ProtobufTypes& types() {
  static const auto table = ProtobufTypes().add<Join>(1).add<Move>(2).add<Leave>(3).add<Map>(4);
  return table;
}

using Messages = Framed<LengthPrefixed, TaggedProtobuf>;

// What a Player has seen. Outlives it.
struct Seen {
  std::vector<std::string> events;
  std::string reason;
};

// Answers a Join with a Map, and ends at a Leave.
class Player : public DispatchingProtocol<Player, Messages> {
 public:
  explicit Player(Seen& seen) : DispatchingProtocol(handlers()), seen_(seen) {}
  Player(Seen& seen, BadPayload on_bad_payload)
      : DispatchingProtocol(handlers(),
                            Messages(LengthPrefixed(), TaggedProtobuf(types()), on_bad_payload)),
        seen_(seen) {}

 protected:
  Seen& seen() { return seen_; }

 private:
  static const Handlers& handlers() {
    static const auto table = Handlers(types())
                                  .on<Join>(&Player::on_join)
                                  .on<Move>([](Player& player, const Move& move) {
                                    player.seen_.events.push_back("x " + std::to_string(move.x()));
                                  })
                                  .on<Leave>(&Player::on_leave);
    return table;
  }

  void on_join(Join& join) {
    seen_.events.push_back("join " + join.name());
    Map map;
    map.set_tiles("here");
    send(map);
  }
  void on_leave(const Leave&) { close(); }
  void on_message_skipped(const CodecError& error) override {
    seen_.events.push_back("skipped " + error.message());
  }
  void on_close(const CloseReason& reason) override { seen_.reason = reason.message(); }

  Seen& seen_;
};

class Dispatching : public ::testing::Test {
 protected:
  Seen seen;
  ManualClock clock;
  IOLoop loop{clock};
};

const std::string join_an = frame("\0\1\x0a\2An"s);
const std::string move_1 = frame("\0\2\x08\2"s);
const std::string leave = frame("\0\3"s);
const std::string map_here = frame("\0\4\x0a\4here"s);

TEST_F(Dispatching, CallsTheHandlerOfEachType) {
  MemoryPeer peer(loop, std::make_unique<Player>(seen));
  peer.send(join_an + move_1 + move_1);
  EXPECT_THAT(seen.events, ElementsAre("join An", "x 1", "x 1"));
  EXPECT_EQ(peer.take(), map_here);
}

TEST_F(Dispatching, DoesNotDependOnHowTheBytesWereCut) {
  const std::string input = join_an + move_1;
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    seen.events.clear();
    MemoryPeer peer(loop, std::make_unique<Player>(seen));
    peer.send(input.substr(0, cut));
    peer.send(input.substr(cut));
    EXPECT_THAT(seen.events, ElementsAre("join An", "x 1")) << cut;
  }
}

TEST_F(Dispatching, CallsNobodyAfterAHandlerHasClosed) {
  MemoryPeer peer(loop, std::make_unique<Player>(seen));
  peer.send(join_an + leave + move_1);
  EXPECT_THAT(seen.events, ElementsAre("join An"));
  EXPECT_EQ(peer.take(), map_here);
  EXPECT_TRUE(peer.ended());
}

TEST_F(Dispatching, AHandlerThatThrowsCostsTheConnection) {
  class Thrower : public DispatchingProtocol<Thrower, Messages> {
   public:
    explicit Thrower(std::string& reason) : DispatchingProtocol(handlers()), reason_(reason) {}
    static const Handlers& handlers() {
      static const auto table = Handlers(types()).on<Move>(
          [](Thrower&, Move& move) { throw std::runtime_error(std::to_string(move.x())); });
      return table;
    }
    void on_close(const CloseReason& reason) override { reason_ = reason.message(); }

   private:
    std::string& reason_;
  };
  MemoryPeer peer(loop, std::make_unique<Thrower>(seen.reason));
  peer.send(move_1);
  EXPECT_TRUE(peer.was_reset());
  EXPECT_THAT(seen.reason, ::testing::StartsWith("a callback threw: "));
}

// ---- what has no handler ----

TEST_F(Dispatching, ATypeWithoutAHandlerClosesAndEarlierRepliesLeave) {
  MemoryPeer peer(loop, std::make_unique<Player>(seen));
  peer.send(join_an + map_here + move_1);
  EXPECT_EQ(peer.take(), map_here);
  EXPECT_TRUE(peer.ended());
  peer.end();
  EXPECT_THAT(seen.events, ElementsAre("join An"));
  EXPECT_EQ(seen.reason, "no handler for game.Map");
}

TEST_F(Dispatching, ATypeWithoutAHandlerMayBeTakenOtherwise) {
  class Tolerant : public Player {
   public:
    using Player::Player;
    void on_unhandled(const ReceivedProtobuf& message) override {
      seen().events.push_back("unhandled " + message.type().name + " " +
                              message.get<Map>().tiles());
    }
  };
  MemoryPeer peer(loop, std::make_unique<Tolerant>(seen));
  peer.send(map_here + move_1);
  EXPECT_THAT(seen.events, ElementsAre("unhandled game.Map here", "x 1"));
}

TEST_F(Dispatching, ATypeThatIsNotInTheTableClosesWithTheCodecsError) {
  MemoryPeer peer(loop, std::make_unique<Player>(seen));
  peer.send(frame("\1\0"s) + move_1);
  peer.end();
  EXPECT_THAT(seen.events, IsEmpty());
  EXPECT_EQ(seen.reason, "unknown message type 256");
}

TEST_F(Dispatching, BadMessagesMayBeSkipped) {
  MemoryPeer peer(loop, std::make_unique<Player>(seen, BadPayload::skip));
  peer.send(frame("\1\0"s) + frame("\0\2\x08"s) + move_1);
  EXPECT_THAT(seen.events, ElementsAre("skipped unknown message type 256",
                                       "skipped malformed protobuf message of 1 bytes", "x 1"));
}

// ---- tables ----

TEST_F(Dispatching, HandlersMayChangeFromTheNextMessageOn) {
  class Login : public DispatchingProtocol<Login, Messages> {
   public:
    explicit Login(Seen& seen) : DispatchingProtocol(before()), seen_(seen) {}

   private:
    static const Handlers& before() {
      static const auto table = Handlers(types()).on<Join>(&Login::on_join);
      return table;
    }
    static const Handlers& after() {
      static const auto table = Handlers(types()).on<Move>(&Login::on_move);
      return table;
    }
    void on_join(Join& join) {
      seen_.events.push_back(join.name());
      set_handlers(after());
    }
    void on_move(Move&) { seen_.events.emplace_back("move"); }
    void on_close(const CloseReason& reason) override { seen_.reason = reason.message(); }
    Seen& seen_;
  };
  MemoryPeer peer(loop, std::make_unique<Login>(seen));
  peer.send(join_an + move_1 + join_an);
  peer.end();
  EXPECT_THAT(seen.events, ElementsAre("An", "move"));
  EXPECT_EQ(seen.reason, "no handler for game.Join");
}

TEST(HandlerTable, RefusesATypeThatIsNotAmongTheTypes) {
  const ProtobufTypes few = ProtobufTypes().add<Join>(1);
  using Handlers = HandlerTable<int, ReceivedProtobuf>;
  EXPECT_THROW(Handlers(few).on<Move>([](int&, Move&) {}), std::invalid_argument);
}

TEST(HandlerTable, RefusesASecondHandler) {
  using Handlers = HandlerTable<int, ReceivedProtobuf>;
  Handlers handlers(types());
  handlers.on<Move>([](int&, Move&) {});
  try {
    handlers.on<Move>([](int&, Move&) {});
    FAIL() << "was taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "HandlerTable: game.Move has a handler already");
  }
}

TEST(HandlerTable, TakesHandlersForTypesThatWereAddedLater) {
  ProtobufTypes growing = ProtobufTypes().add<Join>(1);
  HandlerTable<int, ReceivedProtobuf> handlers(growing);
  growing.add<Move>(2);
  handlers.on<Move>([](int& x, Move& move) { x = move.x(); });
  TaggedProtobuf payload(growing);
  ASSERT_FALSE(payload.decode(as_bytes("\0\2\x08\x0e"s)));
  int x = 0;
  EXPECT_TRUE(handlers.handle(x, payload.message()));
  EXPECT_EQ(x, 7);
}

// The same place in two tables is two types: found where it was mixed up, not at a peer's message.
TEST(DispatchingDeathTest, HandlersAreForTheTypesOfTheCodec) {
  static const auto others = ProtobufTypes().add<Move>(2);
  class Mixed : public DispatchingProtocol<Mixed, Messages> {
   public:
    explicit Mixed(const ProtobufTypes& table) : DispatchingProtocol(right(), Messages(table)) {}
    static const Handlers& right() {
      static const Handlers table(types());
      return table;
    }
    static const Handlers& wrong() {
      static const Handlers table(others);
      return table;
    }
    void change() { set_handlers(wrong()); }
  };
  EXPECT_DEATH(Mixed(types()).change(), "handlers and codec have different tables of types");
  EXPECT_DEATH(Mixed{others}, "handlers and codec have different tables of types");
}

TEST(HandlerTable, CostsAConnectionOnePointer) {
  // The player's own is a reference.
  EXPECT_LE(sizeof(Player), sizeof(MessageProtocol<Messages>) + 2 * sizeof(void*));
}

// ---- other payloads ----

template <class P>
class Echo : public DispatchingProtocol<Echo<P>, Framed<LengthPrefixed, P>> {
 public:
  using typename DispatchingProtocol<Echo<P>, Framed<LengthPrefixed, P>>::Handlers;
  Echo() : DispatchingProtocol<Echo<P>, Framed<LengthPrefixed, P>>(handlers()) {}

 private:
  static const Handlers& handlers() {
    static const auto table = Handlers(types()).template on<Move>(&Echo::on_move);
    return table;
  }
  void on_move(Move& move) { this->send(move); }
};

template <class P>
void expect_echo(IOLoop& loop) {
  Framed<LengthPrefixed, P> codec(types());
  Move move;
  move.set_y(-7);
  ByteBuffer wire;
  ASSERT_FALSE(codec.encode(move, wire));
  MemoryPeer peer(loop, std::make_unique<Echo<P>>());
  peer.send(wire.view());
  EXPECT_EQ(peer.take(), as_text(wire.view()));
}

TEST_F(Dispatching, WorksByNumberByNameAndByAny) {
  expect_echo<TaggedProtobuf>(loop);
  expect_echo<NamedProtobuf>(loop);
  expect_echo<ProtobufAny>(loop);
}

}  // namespace
}  // namespace twister::testing
