// The rules of the arena sample: no network, no clock, and the same every time.
#include "arena_world.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

// Four cells in a row, or in a column: all that two players who meet need.
constexpr WorldOptions row{.width = 4, .height = 1, .dots = 0, .max_players = 2};

const World::Player& player(const World& world, std::uint32_t id) {
  for (const World::Player& player : world.players())
    if (player.id == id) return player;
  throw std::out_of_range("no player " + std::to_string(id));
}

// Steers a player, who is alone, to a cell.
void walk(World& world, std::uint32_t id, unsigned x, unsigned y) {
  for (int steps = 0; steps < 1000; ++steps) {
    const World::Player& at = player(world, id);
    if (at.x == x && at.y == y) return world.steer(id, Heading::stay);
    world.steer(id, at.x < x   ? Heading::east
                    : at.x > x ? Heading::west
                    : at.y < y ? Heading::south
                               : Heading::north);
    world.step();
  }
  ADD_FAILURE() << "did not arrive at " << x << ", " << y;
}

TEST(ArenaWorld, PlacesPlayersAndDotsOnCellsOfTheirOwn) {
  World world({.width = 10, .height = 10, .dots = 30, .max_players = 20});
  std::set<std::uint32_t> cells(world.dots().begin(), world.dots().end());
  EXPECT_EQ(cells.size(), 30U);
  for (int i = 0; i < 20; ++i) world.join();
  for (const World::Player& player : world.players()) {
    EXPECT_LT(player.x, 10U);
    EXPECT_LT(player.y, 10U);
    EXPECT_TRUE(cells.insert(player.y * 10 + player.x).second);
  }
  EXPECT_EQ(cells.size(), 50U);
}

TEST(ArenaWorld, HasRoomForSoManyPlayersAndNoMore) {
  World world(row);
  const std::uint32_t first = world.join();
  const std::uint32_t second = world.join();
  EXPECT_TRUE(world.full());
  EXPECT_EQ(world.join(), 0U);
  world.leave(first);
  EXPECT_FALSE(world.full());
  const std::uint32_t third = world.join();
  EXPECT_EQ((std::set<std::uint32_t>{0, first, second, third}).size(), 4U) << "an id came twice";
}

TEST(ArenaWorld, RefusesAFieldThatWouldBeMoreThanHalfFull) {
  EXPECT_NO_THROW(World({.width = 10, .height = 2, .dots = 5, .max_players = 5}));
  EXPECT_THROW(World({.width = 10, .height = 2, .dots = 6, .max_players = 5}),
               std::invalid_argument);
  EXPECT_THROW(World({.width = 0, .height = 9, .dots = 1}), std::invalid_argument);
}

TEST(ArenaWorld, APlayerWalksACellATickUntilToldOtherwise) {
  World world({.width = 9, .height = 9, .dots = 0, .max_players = 1});
  const std::uint32_t id = world.join();
  walk(world, id, 4, 4);
  using At = std::pair<unsigned, unsigned>;
  const std::map<Heading, At> steps{{Heading::north, {4, 3}},
                                    {Heading::east, {5, 3}},
                                    {Heading::south, {5, 4}},
                                    {Heading::west, {4, 4}},
                                    {Heading::stay, {4, 4}}};
  for (const Heading heading :
       {Heading::north, Heading::east, Heading::south, Heading::west, Heading::stay}) {
    world.steer(id, heading);
    world.step();
    EXPECT_EQ(At(player(world, id).x, player(world, id).y), steps.at(heading));
  }
  world.steer(id, Heading::east);
  world.step();
  world.step();
  EXPECT_EQ(player(world, id).x, 6U);
}

TEST(ArenaWorld, TheLastSteeringBeforeATickCounts) {
  World world({.width = 9, .height = 1, .dots = 0, .max_players = 1});
  const std::uint32_t id = world.join();
  walk(world, id, 4, 0);
  world.steer(id, Heading::west);
  world.steer(id, Heading::east);
  world.step();
  EXPECT_EQ(player(world, id).x, 5U);
}

TEST(ArenaWorld, NobodyLeavesTheField) {
  for (const Heading heading : {Heading::north, Heading::east, Heading::south, Heading::west}) {
    World world({.width = 5, .height = 5, .dots = 0, .max_players = 1});
    const std::uint32_t id = world.join();
    world.steer(id, heading);
    for (int i = 0; i < 10; ++i) world.step();
    EXPECT_EQ(player(world, id).x, heading == Heading::east   ? 4U
                                   : heading == Heading::west ? 0U
                                                              : player(world, id).x);
    EXPECT_EQ(player(world, id).y, heading == Heading::south   ? 4U
                                   : heading == Heading::north ? 0U
                                                               : player(world, id).y);
    EXPECT_EQ(player(world, id).heading, Heading::stay);
  }
}

TEST(ArenaWorld, ADotIsAPointAndComesBackElsewhere) {
  World world({.width = 8, .height = 8, .dots = 1, .max_players = 1});
  const std::uint32_t id = world.join();
  for (std::uint32_t score = 1; score <= 20; ++score) {
    const std::uint32_t dot = world.dots().at(0);
    walk(world, id, dot % 8, dot / 8);
    EXPECT_EQ(player(world, id).score, score);
    EXPECT_EQ(world.dots().size(), 1U);
    EXPECT_NE(world.dots().at(0), dot);
  }
}

TEST(ArenaWorld, WhoWalksIntoAnotherStopsThere) {
  World world(row);
  const std::uint32_t first = world.join();
  walk(world, first, 0, 0);
  const std::uint32_t second = world.join();
  world.steer(second, Heading::west);
  for (int i = 0; i < 4; ++i) world.step();
  EXPECT_EQ(player(world, first).x, 0U);
  EXPECT_EQ(player(world, second).x, 1U);
  EXPECT_EQ(player(world, second).heading, Heading::stay);
}

TEST(ArenaWorld, WhoWalksIntoAnotherTakesAPointIfThereIsOne) {
  World world({.width = 8, .height = 1, .dots = 1, .max_players = 2});
  const std::uint32_t rich = world.join();
  walk(world, rich, world.dots().at(0), 0);
  walk(world, rich, 0, 0);
  const std::uint32_t had = player(world, rich).score;
  const std::uint32_t thief = world.join();
  walk(world, thief, 1, 0);
  const std::uint32_t found = player(world, thief).score;
  for (std::uint32_t taken = 1; taken <= had + 2; ++taken) {
    world.steer(thief, Heading::west);
    world.step();
    world.step();  // has stopped: one blow for each time it was steered
    EXPECT_EQ(player(world, rich).score, had - std::min(taken, had));
    EXPECT_EQ(player(world, thief).score, found + std::min(taken, had));
  }
}

TEST(ArenaWorld, TwoWhoWantOneCellAreFirstInTurn) {
  std::set<std::uint32_t> winners;
  for (int wait = 0; wait < 2; ++wait) {
    World world({.width = 7, .height = 1, .dots = 0, .max_players = 2});
    const std::uint32_t left = world.join();
    walk(world, left, 0, 0);
    const std::uint32_t right = world.join();
    walk(world, right, 2, 0);
    while (world.tick() % 2 != static_cast<unsigned>(wait)) world.step();
    world.steer(left, Heading::east);
    world.steer(right, Heading::west);
    world.step();
    winners.insert(player(world, left).x == 1 ? left : right);
  }
  EXPECT_EQ(winners.size(), 2U);
}

TEST(ArenaWorld, WhoHasLeftIsInNobodysWay) {
  World world(row);
  const std::uint32_t first = world.join();
  walk(world, first, 0, 0);
  const std::uint32_t second = world.join();
  world.leave(first);
  world.leave(first);                 // once is enough
  world.steer(first, Heading::east);  // and what still comes from them is nothing
  walk(world, second, 0, 0);
  EXPECT_EQ(world.players().size(), 1U);
}

// Everything there is to see of a world.
std::string picture(const World& world) {
  std::string text = std::to_string(world.tick());
  for (const World::Player& player : world.players()) {
    for (const std::uint32_t number : {player.id, player.x, player.y, player.score})
      text += ' ' + std::to_string(number);
  }
  for (const std::uint32_t dot : world.dots()) text += ' ' + std::to_string(dot);
  return text;
}

// A game of random players, who come and go.
std::string play(std::uint32_t seed, std::uint32_t inputs, int ticks) {
  World world({.seed = seed});
  std::mt19937 random(inputs);
  const auto id = [&random] { return static_cast<std::uint32_t>(random() % 100); };
  std::string seen;
  for (int i = 0; i < ticks; ++i) {
    if (random() % 4 == 0) world.join();
    if (random() % 20 == 0) world.leave(id());
    for (int j = 0; j < 20; ++j) world.steer(id(), static_cast<Heading>(random() % 5));
    world.step();
    seen += picture(world);
  }
  return seen;
}

TEST(ArenaWorld, IsTheSameForTheSameSeedAndInputs) {
  EXPECT_EQ(play(7, 1, 500), play(7, 1, 500));
  EXPECT_NE(play(7, 1, 500), play(8, 1, 500));
  EXPECT_NE(play(7, 1, 500), play(7, 2, 500));
}

TEST(ArenaWorld, KeepsItsOwnRulesInALongGame) {
  World world({.width = 20, .height = 12, .dots = 30, .max_players = 60});
  std::mt19937 random(3);
  for (int i = 0; i < 5000; ++i) {
    if (random() % 3 == 0) world.join();
    if (random() % 8 == 0 && !world.players().empty())
      world.leave(world.players()[random() % world.players().size()].id);
    for (const World::Player& player : world.players())
      if (random() % 4 == 0) world.steer(player.id, static_cast<Heading>(random() % 5));
    world.step();
    std::set<std::uint32_t> cells(world.dots().begin(), world.dots().end());
    for (const World::Player& player : world.players()) {
      ASSERT_TRUE(player.x < 20 && player.y < 12);
      cells.insert(player.y * 20 + player.x);
    }
    ASSERT_EQ(cells.size(), 30 + world.players().size()) << "two things on one cell";
    ASSERT_LE(world.players().size(), 60U);
  }
}

}  // namespace
