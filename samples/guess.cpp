// guess: a game over protobuf. Two players of a room take turns to guess a number from 1 to 100.
//   ./dev run guess         messages: samples/guess.proto, each behind a 4-byte big-endian length
#include <functional>
#include <memory>
#include <random>
#include <string>

#include <twister/codecs/framed.hpp>
#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/protobuf.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/protocols/protobuf_log.hpp>
#include <twister/serve.hpp>

#include "guess.pb.h"

using Moves =
    twister::Framed<twister::LengthPrefixed, twister::Protobuf<guess::Move, guess::Event>>;

class Player;

struct Room {
  Player* players[2] = {nullptr, nullptr};
  int turn = 0;
  unsigned secret = 0;
};

// Where the next player goes, and what the numbers come from.
struct Lobby {
  std::shared_ptr<Room> waiting;
  std::mt19937 random{std::random_device{}()};
};

class Player : public twister::MessageProtocol<Moves> {
 public:
  explicit Player(Lobby& lobby) : lobby_(lobby) {}

 private:
  void on_message(guess::Move& move) override {
    if (move.has_join() && room_ == nullptr && !move.join().empty() && move.join().size() <= 32) {
      name_ = move.join();
      enter();
    } else if (move.has_guess() && room_ != nullptr && room_->players[room_->turn] == this) {
      play(move.guess());
    } else {
      tell(guess::Event::REFUSED, name_, move.guess());
    }
  }

  void on_close(const twister::CloseReason&) override {
    if (room_ == nullptr) return;
    if (lobby_.waiting == room_) lobby_.waiting = nullptr;
    for (Player* player : room_->players) {
      if (player == nullptr || player == this) continue;
      player->tell(guess::Event::LEFT, name_, 0);
      player->leave();
    }
  }

  void enter() {
    if (lobby_.waiting == nullptr) {
      room_ = lobby_.waiting = std::make_shared<Room>();
      room_->players[0] = this;
      return tell(guess::Event::WAITING, name_, 0);
    }
    room_ = std::exchange(lobby_.waiting, nullptr);
    room_->players[1] = this;
    room_->secret = std::uniform_int_distribution<unsigned>(1, 100)(lobby_.random);
    room_->players[0]->tell(guess::Event::YOUR_TURN, name_, 0);
  }

  void play(unsigned number) {
    if (lobby_.waiting == room_) return tell(guess::Event::REFUSED, name_, number);
    const auto room = room_;
    const auto result = number < room->secret   ? guess::Event::TOO_LOW
                        : number > room->secret ? guess::Event::TOO_HIGH
                                                : guess::Event::WON;
    for (Player* player : room->players) player->tell(result, name_, number);
    if (result == guess::Event::WON) {
      for (Player* player : room->players) player->leave();
      return;
    }
    room->turn = 1 - room->turn;
    room->players[room->turn]->tell(guess::Event::YOUR_TURN, name_, number);
  }

  void leave() {
    room_ = nullptr;
    close();
  }

  void tell(guess::Event::Kind kind, const std::string& player, unsigned number) {
    guess::Event event;
    event.set_kind(kind);
    event.set_player(player);
    event.set_number(number);
    send(event);
  }

  Lobby& lobby_;
  std::shared_ptr<Room> room_;
  std::string name_;
};

int main(int argc, char** argv) {
  twister::log_protobuf();
  Lobby lobby;  // shared by all connections: hence one thread
  return twister::serve_main(argc, argv, twister::build<Player>(std::ref(lobby)),
                             {.max_threads = 1});
}
