// arena_server.hpp - what the arena sample makes of its rules on a network: rooms, and a session for each
// connection.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <twister/codecs/framed.hpp>
#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/protobuf.hpp>
#include <twister/io_loop.hpp>
#include <twister/metrics.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/tcp_server.hpp>

#include "arena.pb.h"
#include "arena_ticks.hpp"
#include "arena_world.hpp"

using Messages = twister::Framed<twister::LengthPrefixed,
                                 twister::Protobuf<arena::ClientMessage, arena::ServerMessage>>;

inline constexpr unsigned ticks_per_second = 20;
// Output that has waited so long without once being taken whole: the player sees the past.
inline constexpr unsigned max_ticks_behind = 5 * ticks_per_second;
inline constexpr std::size_t max_rooms = 200;
inline constexpr std::size_t max_name_bytes = 16;

inline twister::ServerOptions arena_options() {
  using namespace std::chrono_literals;
  twister::ServerOptions options;
  options.max_connections = max_rooms * WorldOptions().max_players;
  // Some ten snapshots of a full room, half a second: a newer one then takes the place of the oldest.
  options.stream.max_write_buffer_size = 8 * 1024;
  options.stream.slow_consumer = twister::SlowConsumer::drop_oldest;
  options.stream.message_rate = {.per_second = 2 * ticks_per_second};  // later ones wait, unread
  options.stream.message_timeout = 5s;
  options.stream.idle_timeout = 30s;  // of those who do not join: who has joined is sent something
  return options;
}

class Session;

struct Room {
  std::string name;
  World world;
  std::vector<Session*> members{};
};

// The rooms, all on one clock.
//
// Ownership: outlives the loop, whose timer refers to it, and the sessions.
class Arena {
 public:
  Arena(twister::MetricsRegistry& metrics, std::uint32_t seed)
      : seed_(seed),
        ticks_(metrics, std::chrono::milliseconds(1000 / ticks_per_second), [this] { tick(); }),
        snapshots_(metrics.counter("arena_snapshots_total", "Snapshots that were encoded.")),
        slow_(metrics.counter("arena_slow_players_total", "Players aborted for being behind.")),
        players_(metrics.gauge("arena_players", "Players in all rooms.")) {}

  void start(twister::IOLoop& loop) { ticks_.start(loop); }
  const Ticks& ticks() const noexcept { return ticks_; }

  // The room of that name, made if there is none; for an empty name, any with a free place. Null: full.
  Room* find_room(const std::string& name);
  // Members are told of one another, and get the room's snapshots.
  void enter(Room& room, Session& session);
  void leave(Room& room, Session& session);
  void count_slow_player() { slow_.add(); }

 private:
  void tick();
  void show(Room& room);
  // Encoded once, for as many as it is then written to.
  twister::SharedBytes encode(const arena::ServerMessage& message);
  void tell(Room& room, const arena::ServerMessage& message);

  std::uint32_t seed_;
  std::map<std::string, Room> rooms_;
  std::uint32_t rooms_made_ = 0;
  Messages codec_;
  twister::ByteBuffer encoded_;
  std::vector<Session*> leaving_;  // of a tick: its memory is used again
  arena::ServerMessage snapshot_;  // of every room in turn: its memory is used again
  Ticks ticks_;
  twister::Counter snapshots_, slow_;
  twister::Gauge players_;
};

// One connection.
class Session : public twister::MessageProtocol<Messages> {
 public:
  explicit Session(Arena& arena)
      : MessageProtocol(Messages(twister::LengthPrefixed({.max_frame_bytes = 4096}))),
        arena_(arena) {}

  std::uint32_t id() const noexcept { return id_; }
  const std::string& name() const noexcept { return name_; }

  // False when the connection is about to end.
  bool show(const twister::SharedBytes& snapshot) {
    behind_ = queued_bytes() == 0 ? 0 : behind_ + 1;
    if (behind_ <= max_ticks_behind)
      return write_droppable(snapshot) != twister::WriteStatus::closed;
    arena_.count_slow_player();
    abort();
    return false;
  }

  void leave() {
    if (room_ != nullptr) arena_.leave(*std::exchange(room_, nullptr), *this);
  }

 private:
  void on_connect() override {
    // What the kernel holds and has not sent cannot be dropped any more, and it would hold megabytes.
    const int unsent_bytes = 4096;
    ::setsockopt(native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes,
                 sizeof unsent_bytes);
  }

  void on_message(arena::ClientMessage& message) override {
    if (message.has_join()) return join(message.join());
    if (room_ == nullptr) return refuse("join first");
    if (message.kind_case() != arena::ClientMessage::kSteer ||
        !arena::Direction_IsValid(message.steer())) {
      return refuse("no such message");
    }
    static_assert(static_cast<int>(Heading::west) == arena::WEST &&
                  arena::Direction_ARRAYSIZE == 5);
    room_->world.steer(id_, static_cast<Heading>(message.steer()));
  }

  void on_close(const twister::CloseReason&) override { leave(); }

  void join(const arena::Join& wish) {
    if (room_ != nullptr) return refuse("you have joined already");
    if (!is_name(wish.name()) || !(wish.room().empty() || is_name(wish.room())))
      return refuse("a name has 1 to 16 bytes, and no control characters");
    room_ = arena_.find_room(wish.room());
    if (room_ == nullptr) return refuse("no free place");
    id_ = room_->world.join();
    name_ = wish.name();
    welcome();
    arena_.enter(*room_, *this);
  }

  void welcome() {
    arena::ServerMessage message;
    arena::Welcome& welcome = *message.mutable_welcome();
    welcome.set_id(id_);
    welcome.set_room(room_->name);
    welcome.set_width(room_->world.options().width);
    welcome.set_height(room_->world.options().height);
    welcome.set_ticks_per_second(ticks_per_second);
    for (const Session* member : room_->members) {
      arena::Member& other = *welcome.add_members();
      other.set_id(member->id());
      other.set_name(member->name());
    }
    send(message);
  }

  void refuse(const char* why) {
    arena::ServerMessage message;
    message.set_refused(why);
    send(message);
  }

  static bool is_name(const std::string& text) {
    const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    return !text.empty() && text.size() <= max_name_bytes &&
           std::none_of(text.begin(), text.end(), control);
  }

  Arena& arena_;
  Room* room_ = nullptr;
  std::uint32_t id_ = 0;
  std::string name_;
  unsigned behind_ = 0;  // ticks in a row that found output of the last one
};

inline Room* Arena::find_room(const std::string& name) {
  if (const auto found = rooms_.find(name); found != rooms_.end())
    return found->second.world.full() ? nullptr : &found->second;
  if (name.empty()) {
    for (auto& [_, room] : rooms_)
      if (!room.world.full()) return &room;
  }
  if (rooms_.size() >= max_rooms) return nullptr;
  ++rooms_made_;
  std::string own = name;
  for (std::uint32_t number = rooms_made_; own.empty() || rooms_.contains(own); ++number)
    own = "room " + std::to_string(number);
  return &rooms_.try_emplace(own, Room{own, World({.seed = seed_ + rooms_made_})}).first->second;
}

inline void Arena::enter(Room& room, Session& session) {
  arena::ServerMessage message;
  message.mutable_joined()->set_id(session.id());
  message.mutable_joined()->set_name(session.name());
  tell(room, message);
  room.members.push_back(&session);
  players_.add(1);
}

inline void Arena::leave(Room& room, Session& session) {
  players_.add(-1);
  room.world.leave(session.id());
  std::erase(room.members, &session);
  if (room.members.empty()) {
    rooms_.erase(std::string(room.name));  // a copy: the room takes its own name along
    return;
  }
  arena::ServerMessage message;
  message.set_left(session.id());
  tell(room, message);
}

inline void Arena::tick() {
  for (auto& [_, room] : rooms_) {
    room.world.step();
    show(room);
  }
  // Who is cut stays for a while, to hear why, but not on the field. Rooms go with their last player,
  // hence not above.
  for (Session* session : leaving_) session->leave();
  leaving_.clear();
}

inline void Arena::show(Room& room) {
  arena::Snapshot& snapshot = *snapshot_.mutable_snapshot();
  snapshot.Clear();
  snapshot.set_tick(room.world.tick());
  for (const World::Player& player : room.world.players()) {
    arena::Player& shown = *snapshot.add_players();
    shown.set_id(player.id);
    shown.set_x(player.x);
    shown.set_y(player.y);
    shown.set_score(player.score);
  }
  snapshot.mutable_dots()->Add(room.world.dots().begin(), room.world.dots().end());
  snapshots_.add();
  const twister::SharedBytes bytes = encode(snapshot_);
  for (Session* member : room.members)
    if (!member->show(bytes)) leaving_.push_back(member);
}

inline twister::SharedBytes Arena::encode(const arena::ServerMessage& message) {
  encoded_.clear();
  codec_.encode(message, encoded_);
  return twister::SharedBytes(encoded_.view());
}

inline void Arena::tell(Room& room, const arena::ServerMessage& message) {
  const twister::SharedBytes bytes = encode(message);
  for (Session* member : room.members) member->write(bytes);
}
