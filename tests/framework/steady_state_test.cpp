// Once a connection has warmed up, a message costs no allocation on its whole way: reactor, stream,
// codec, Protocol, output and socket. Counted by the test program's operator new.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include <twister/codecs/length_prefixed.hpp>
#include <twister/io_loop.hpp>
#include <twister/make_connection.hpp>
#include <twister/protocols/line_protocol.hpp>
#include <twister/protocols/message_protocol.hpp>

#include "support/allocation_counter.hpp"

#ifdef TWISTER_TEST_PROTOBUF
#include <google/protobuf/wrappers.pb.h>

#include <twister/codecs/protobuf.hpp>
#endif

namespace twister::testing {
namespace {

struct Raw : Protocol {
  void on_data(ByteView data) override { write(data); }
};
struct Framed4 : MessageProtocol<LengthPrefixed> {
  void on_message(ByteView message) override { send(message); }
};
struct Lined : LineProtocol {
  void on_line(std::string_view line) override { send_line(line); }
};

// One end of a socket pair; the other end belongs to a Protocol.
class Remote {
 public:
  Remote(IOLoop& loop, std::unique_ptr<Protocol> protocol) : loop_(loop) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
      throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    fd_ = ends[0];
    make_connection(loop, make_socket_transport(loop, ends[1]), std::move(protocol));
    loop.run_until_idle();
  }
  ~Remote() { ::close(fd_); }
  Remote(Remote&& other) noexcept : loop_(other.loop_), fd_(std::exchange(other.fd_, -1)) {}
  Remote& operator=(Remote&&) = delete;

  void send(std::string_view bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  }
  // True when so many bytes have come.
  bool receive(std::size_t bytes) {
    static std::array<char, 256 * 1024> room;
    for (int idle = 0; bytes > 0 && idle < 1000; ++idle) {
      loop_.run_until_idle();
      const ssize_t got = ::recv(fd_, room.data(), room.size(), 0);
      if (got > 0) {
        bytes -= static_cast<std::size_t>(got);
        idle = 0;
      }
    }
    return bytes == 0;
  }
  bool echoes(std::string_view bytes) {
    send(bytes);
    return receive(bytes.size());
  }

 private:
  IOLoop& loop_;
  int fd_ = -1;
};

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

class SteadyState : public ::testing::TestWithParam<ReactorKind> {
 protected:
  // Of a thousand exchanges, after ten that warm up.
  template <class P>
  std::size_t allocations_with(const std::string& request) {
    IOLoop loop({.reactor = GetParam()});
    Remote remote(loop, std::make_unique<P>());
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(remote.echoes(request));
    const std::size_t before = allocations();
    for (int i = 0; i < 1000; ++i) {
      if (!remote.echoes(request)) ADD_FAILURE() << "no echo";
    }
    return allocations() - before;
  }

  const std::string frame_{"\0\0\0\x05hello", 9};
};

TEST_P(SteadyState, EchoAllocatesNothing) {
  EXPECT_EQ(allocations_with<Raw>("hello"), 0U);
  EXPECT_EQ(allocations_with<Raw>(std::string(100'000, 'x')), 0U);
}

TEST_P(SteadyState, FramesAllocateNothing) {
  EXPECT_EQ(allocations_with<Framed4>(frame_), 0U);
  EXPECT_EQ(allocations_with<Framed4>(repeated(frame_, 16)), 0U);
}

TEST_P(SteadyState, LinesAllocateNothing) {
  EXPECT_EQ(allocations_with<Lined>("hello\n"), 0U);
  EXPECT_EQ(allocations_with<Lined>(repeated("hello\n", 16)), 0U);
}

#ifdef TWISTER_TEST_PROTOBUF
using Text = google::protobuf::StringValue;
struct Typed : MessageProtocol<Framed<LengthPrefixed, Protobuf<Text>>> {
  void on_message(Text& message) override { send(message); }
};

TEST_P(SteadyState, ProtobufMessagesAllocateNothing) {
  const std::string frame("\0\0\0\x07\x0a\x05hello", 11);
  EXPECT_EQ(allocations_with<Typed>(frame), 0U);
  EXPECT_EQ(allocations_with<Typed>(repeated(frame, 16)), 0U);
}
#endif

class Member : public Protocol {
 public:
  explicit Member(std::unordered_set<Member*>& room) : room_(room) {}
  void on_connect() override { room_.insert(this); }
  void on_close(const CloseReason&) override { room_.erase(this); }
  void on_data(ByteView data) override {
    const SharedBytes message(data);
    for (Member* member : room_) member->write(message);
  }

 private:
  std::unordered_set<Member*>& room_;
};

TEST_P(SteadyState, AMessageToManyIsEncodedOnce) {
  std::unordered_set<Member*> room;
  IOLoop loop({.reactor = GetParam()});
  std::vector<Remote> remotes;
  remotes.reserve(100);
  for (int i = 0; i < 100; ++i) remotes.emplace_back(loop, std::make_unique<Member>(room));
  for (const std::size_t size : {std::size_t{64}, std::size_t{4096}}) {
    const std::string text(size, 'x');
    std::size_t before = 0;
    for (int i = 0; i < 11; ++i) {
      if (i == 10) before = allocations();
      remotes[0].send(text);
      for (Remote& remote : remotes) EXPECT_TRUE(remote.receive(size));
    }
    // The text, and the string that shares it.
    EXPECT_LE(allocations() - before, 2U) << size;
  }
}

TEST_P(SteadyState, TheCounterCounts) {
  const std::size_t before = allocations();
  EXPECT_EQ(std::make_unique<std::string>(100, 'x')->size(), 100U);
  EXPECT_EQ(allocations() - before, 2U);
}

INSTANTIATE_TEST_SUITE_P(Reactors, SteadyState,
                         ::testing::Values(ReactorKind::epoll, ReactorKind::asio_waits),
                         [](const auto& suite) {
                           return suite.param == ReactorKind::epoll ? "Epoll" : "AsioWaits";
                         });

}  // namespace
}  // namespace twister::testing
