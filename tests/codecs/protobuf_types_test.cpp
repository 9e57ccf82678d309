#include "twister/codecs/protobuf_types.hpp"

#include <stdexcept>
#include <string>

#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include "game.pb.h"
#include "muduo.pb.h"
#include "ping.pb.h"
#include "strict.pb.h"

namespace twister {
namespace {

using game::Join;
using game::Leave;
using game::Map;
using game::Move;

static_assert(GeneratedProtobuf<Move>);
static_assert(GeneratedProtobuf<lite::Ping>);
static_assert(!GeneratedProtobuf<google::protobuf::Message>);
static_assert(!GeneratedProtobuf<google::protobuf::MessageLite>);
static_assert(std::is_convertible_v<const Move&, ProtobufRef>);
static_assert(!std::is_convertible_v<int, ProtobufRef>);

const std::string* name_of(const ProtobufType* type) {
  return type == nullptr ? nullptr : &type->name;
}

std::string what_is_thrown(void (*function)()) {
  try {
    function();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing";
}

TEST(ProtobufTypes, AreFoundByTheirNumber) {
  const ProtobufTypes types =
      ProtobufTypes().add<Move>(70000).add<Join>(0).add<Leave>(4294967295).add<Map>(7);
  EXPECT_EQ(*name_of(types.find_tag(70000)), "game.Move");
  EXPECT_EQ(*name_of(types.find_tag(0)), "game.Join");
  EXPECT_EQ(*name_of(types.find_tag(4294967295)), "game.Leave");
  EXPECT_EQ(*name_of(types.find_tag(7)), "game.Map");
  for (const std::uint32_t tag : {1u, 6u, 8u, 69999u, 70001u, 4294967294u}) {
    EXPECT_EQ(types.find_tag(tag), nullptr) << tag;
  }
}

TEST(ProtobufTypes, AreFoundByTheirName) {
  const ProtobufTypes types = ProtobufTypes().add<Move>(1).add<lite::Ping>().add<Join>(2);
  EXPECT_EQ(types.find_name("game.Move")->tag, 1u);
  EXPECT_EQ(types.find_name("lite.Ping")->tag, std::nullopt);
  EXPECT_EQ(types.find_name("game.Join")->tag, 2u);
  for (const char* const name : {"", "game", "game.", "game.Mov", "game.Moves", "Move", "lite"}) {
    EXPECT_EQ(types.find_name(name), nullptr) << name;
  }
}

TEST(ProtobufTypes, AreNotFoundThoughTheProgramHasThem) {
  const ProtobufTypes types = ProtobufTypes().add<Move>(1);
  EXPECT_NE(google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName("game.Join"),
            nullptr);
  EXPECT_EQ(types.find_name("game.Join"), nullptr);
  EXPECT_EQ(types.find<Join>(), nullptr);
  EXPECT_EQ(types.find(Join()), nullptr);
}

TEST(ProtobufTypes, AreFoundByTheClassOfAMessage) {
  const ProtobufTypes types = ProtobufTypes().add<Move>(1).add<Join>(2).add<lite::Ping>(3);
  EXPECT_EQ(types.find(Move())->tag, 1u);
  EXPECT_EQ(types.find(lite::Ping())->tag, 3u);
  EXPECT_EQ(types.find<Join>(), types.find_tag(2));
}

TEST(ProtobufTypes, AreFoundByAMessageWhoseClassTheCompilerDoesNotKnow) {
  const ProtobufTypes types = ProtobufTypes().add<Move>(1).add<Join>(2);
  const Join join;
  const google::protobuf::Message& message = join;
  const google::protobuf::MessageLite& lite = join;
  EXPECT_EQ(types.find(message)->tag, 2u);
  EXPECT_EQ(types.find(lite)->tag, 2u);
  const Leave leave;
  EXPECT_EQ(types.find(static_cast<const google::protobuf::Message&>(leave)), nullptr);
}

TEST(ProtobufTypes, HavePlacesInTheOrderInWhichTheyWereAdded) {
  const ProtobufTypes types = ProtobufTypes().add<Move>(9).add<Join>(3);
  ASSERT_EQ(types.size(), 2u);
  EXPECT_EQ(types[0].name, "game.Move");
  EXPECT_EQ(types[1].name, "game.Join");
  EXPECT_EQ(types[1].index, 1u);
  EXPECT_EQ(types.largest_tag(), 9u);
  EXPECT_EQ(types.longest_name(), 9u);
}

TEST(ProtobufTypes, RefuseANumberThatIsTaken) {
  EXPECT_EQ(what_is_thrown([] { ProtobufTypes().add<Move>(2).add<Join>(2); }),
            "ProtobufTypes: tag 2 of game.Join is that of game.Move already");
}

TEST(ProtobufTypes, RefuseATypeThatIsThere) {
  EXPECT_EQ(what_is_thrown([] { ProtobufTypes().add<Move>(1).add<Move>(2); }),
            "ProtobufTypes: game.Move is there already");
  EXPECT_EQ(what_is_thrown([] { ProtobufTypes().add<Move>().add<Move>(); }),
            "ProtobufTypes: game.Move is there already");
}

TEST(ProtobufTypes, AreAsTheyWereAfterARefusal) {
  ProtobufTypes types;
  types.add<Move>(1);
  EXPECT_THROW(types.add<Join>(1), std::invalid_argument);
  EXPECT_EQ(types.size(), 1u);
  EXPECT_EQ(types.find_name("game.Join"), nullptr);
  EXPECT_EQ(types.add<Join>(2).find_tag(2)->name, "game.Join");
}

TEST(ProtobufTypes, MayBeCopied) {
  ProtobufTypes first;
  first.add<Move>(1);
  const ProtobufTypes second = first;
  first = ProtobufTypes();
  EXPECT_EQ(second.find_tag(1)->name, "game.Move");
  EXPECT_EQ(second.find_tag(1), &second[0]);
  EXPECT_EQ(first.find_tag(1), nullptr);
  EXPECT_EQ(first.largest_tag(), 0u);
}

TEST(ReceivedProtobuf, KnowsItsType) {
  const ProtobufTypes types = ProtobufTypes().add<Move>(1).add<Join>(2);
  Join join;
  const ReceivedProtobuf received(*types.find<Join>(), join);
  EXPECT_TRUE(received.is<Join>());
  EXPECT_FALSE(received.is<Move>());
  EXPECT_EQ(received.get_if<Join>(), &join);
  EXPECT_EQ(received.get_if<Move>(), nullptr);
  EXPECT_EQ(&received.get<Join>(), &join);
  EXPECT_EQ(types.find(received)->tag, 2u);
}

TEST(ReceivedProtobufDeathTest, DoesNotGiveAMessageAsAnotherType) {
  const ProtobufTypes types = ProtobufTypes().add<Join>(2);
  Join join;
  const ReceivedProtobuf received(*types.find<Join>(), join);
  EXPECT_DEATH(received.get<Move>(), "ReceivedProtobuf::get: the message is of another type");
}

}  // namespace
}  // namespace twister
