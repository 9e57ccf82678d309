// chat: a room of lines. The first line is your name; what you type then goes to everybody else.
//   ./dev run chat          then, in two other terminals:  nc 127.0.0.1 8888
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include <twister/protocols/line_protocol.hpp>
#include <twister/serve.hpp>
#include <twister/shared_bytes.hpp>

class Chatter;
using Room = std::set<Chatter*>;

class Chatter : public twister::LineProtocol {
 public:
  explicit Chatter(Room& room) : LineProtocol({.max_line_bytes = 1024}), room_(room) {}

 private:
  void on_connect() override { send_line("What is your name?"); }

  void on_line(std::string_view line) override {
    if (!name_.empty()) return tell_others(name_ + ": " + std::string(line));
    if (line.empty()) return on_connect();
    name_ = line;
    send_line("Welcome, " + name_ + ". Others here: " + std::to_string(room_.size()));
    tell_others(name_ + " has joined");
    room_.insert(this);
  }

  void on_close(const twister::CloseReason&) override {
    if (room_.erase(this) > 0) tell_others(name_ + " has left");
  }

  void tell_others(const std::string& text) {
    const twister::SharedBytes line(text + "\n");  // encoded once, for everybody
    for (Chatter* other : room_) {
      if (other != this) other->write(line);
    }
  }

  Room& room_;
  std::string name_;
};

int main(int argc, char** argv) {
  Room room;  // shared by all connections: hence one thread
  return twister::serve_main(argc, argv, twister::build<Chatter>(std::ref(room)),
                             {.max_threads = 1});
}
