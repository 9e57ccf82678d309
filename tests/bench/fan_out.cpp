// fan_out: sends what one connection says to all of them, encoded once. The benchmark's other half
// is raw_epoll fan-out.
#include <functional>
#include <unordered_set>

#include <twister/protocol.hpp>
#include <twister/serve.hpp>
#include <twister/shared_bytes.hpp>

class Member;
using Room = std::unordered_set<Member*>;

class Member : public twister::Protocol {
 public:
  explicit Member(Room& room) : room_(room) {}

 private:
  void on_connect() override { room_.insert(this); }
  void on_close(const twister::CloseReason&) override { room_.erase(this); }
  void on_data(twister::ByteView data) override {
    const twister::SharedBytes message(data);
    for (Member* member : room_) member->write(message);
  }

  Room& room_;
};

int main(int argc, char** argv) {
  Room room;
  return twister::serve_main(argc, argv, twister::build<Member>(std::ref(room)),
                             {.max_threads = 1});
}
