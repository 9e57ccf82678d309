// arena_world.hpp - the rules of the arena sample and nothing else: no network, no clock, and no chance
// that the seed does not give. The same seed and the same calls make the same game.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

enum class Heading : std::uint8_t { stay, north, east, south, west };

struct WorldOptions {
  // In cells. A terminal of 80 by 24 shows the field and some figures.
  unsigned width = 64;
  unsigned height = 16;
  unsigned dots = 40;
  std::size_t max_players = 50;
  std::uint32_t seed = 1;
};

// A field of cells. Players walk, a cell a tick, and collect dots, a point each; for every dot that is
// gone there is a new one elsewhere. A cell holds one player: who walks into another takes a point from
// them, if they have one, and stops there, as at the edge of the field.
class World {
 public:
  struct Player {
    std::uint32_t id = 0;
    unsigned x = 0;
    unsigned y = 0;
    std::uint32_t score = 0;
    Heading heading = Heading::stay;
  };

  // Throws std::invalid_argument for a field that would be more than half full.
  explicit World(const WorldOptions& options)
      : options_(options), random_(options.seed), cells_(cells_of(options)) {
    players_.reserve(options.max_players);
    for (unsigned dot = 0; dot < options.dots; ++dot) dots_.push_back(new_dot(dot));
  }

  bool full() const noexcept { return players_.size() >= options_.max_players; }

  // Places a player on a free cell. Returns its id, which no other player of this world ever has; 0 when
  // the world is full.
  std::uint32_t join() {
    if (full()) return 0;
    const std::uint32_t cell = free_cell();
    const std::uint32_t id = ++last_id_;
    cells_[cell].player = id;
    players_.push_back({.id = id, .x = cell % options_.width, .y = cell / options_.width});
    return id;
  }

  void leave(std::uint32_t id) {
    const auto player = find(id);
    if (player == players_.end()) return;
    cells_[cell_of(player->x, player->y)].player = 0;
    players_.erase(player);
  }

  // Where the player goes from the next tick on, until told otherwise.
  void steer(std::uint32_t id, Heading heading) {
    if (const auto player = find(id); player != players_.end()) player->heading = heading;
  }

  // One tick. Where two want the same cell the first one has it, so everybody is first in turn.
  void step() {
    ++tick_;
    for (std::size_t i = 0; i < players_.size(); ++i) move(players_[(tick_ + i) % players_.size()]);
  }

  std::uint64_t tick() const noexcept { return tick_; }
  // By rising id.
  const std::vector<Player>& players() const noexcept { return players_; }
  // Their cells, y * width + x; always as many.
  const std::vector<std::uint32_t>& dots() const noexcept { return dots_; }
  const WorldOptions& options() const noexcept { return options_; }

 private:
  struct Cell {
    std::uint32_t player = 0;  // its id
    std::uint32_t dot = 0;     // its place in dots_, plus one
  };

  static std::size_t cells_of(const WorldOptions& options) {
    const std::size_t cells = std::size_t{options.width} * options.height;
    if (cells / 2 < options.dots + options.max_players) {  // a free cell is found by trying
      throw std::invalid_argument("World: the field is too small for its dots and players");
    }
    return cells;
  }

  std::uint32_t cell_of(unsigned x, unsigned y) const noexcept { return y * options_.width + x; }

  // The standard says what numbers the engine gives, but not what its distributions make of them.
  std::uint32_t free_cell() {
    for (;;) {
      const auto cell = static_cast<std::uint32_t>(random_() % cells_.size());
      if (cells_[cell].player == 0 && cells_[cell].dot == 0) return cell;
    }
  }

  std::uint32_t new_dot(std::uint32_t place) {
    const std::uint32_t cell = free_cell();
    cells_[cell].dot = place + 1;
    return cell;
  }

  std::vector<Player>::iterator find(std::uint32_t id) {
    const auto found = std::lower_bound(
        players_.begin(), players_.end(), id,
        [](const Player& player, std::uint32_t wanted) { return player.id < wanted; });
    return found != players_.end() && found->id == id ? found : players_.end();
  }

  void move(Player& player) {
    static constexpr std::array<int, 5> right{0, 0, 1, 0, -1};
    static constexpr std::array<int, 5> down{0, -1, 0, 1, 0};
    if (player.heading == Heading::stay) return;
    const auto heading = static_cast<std::size_t>(player.heading);
    // Less than 0 is more than anything, as these have no sign.
    const unsigned x = player.x + static_cast<unsigned>(right[heading]);
    const unsigned y = player.y + static_cast<unsigned>(down[heading]);
    if (x >= options_.width || y >= options_.height) {
      player.heading = Heading::stay;
      return;
    }
    Cell& to = cells_[cell_of(x, y)];
    if (to.player != 0) return bump(player, *find(to.player));
    cells_[cell_of(player.x, player.y)].player = 0;
    to.player = player.id;
    player.x = x;
    player.y = y;
    if (to.dot == 0) return;
    ++player.score;
    const std::uint32_t place = std::exchange(to.dot, 0) - 1;
    dots_[place] = new_dot(place);
  }

  static void bump(Player& player, Player& other) {
    player.heading = Heading::stay;
    if (other.score == 0) return;
    --other.score;
    ++player.score;
  }

  WorldOptions options_;
  std::mt19937 random_;
  std::vector<Cell> cells_;
  std::vector<Player> players_;
  std::vector<std::uint32_t> dots_;
  std::uint32_t last_id_ = 0;
  std::uint64_t tick_ = 0;
};
