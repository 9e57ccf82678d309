// A server that has more to do than it can: what it refuses, and what not. Handlers take 100 ms of a clock
// that only they move, so the tests say exactly how many are served in the second that requests may wait.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include <twister/rpc/frames.hpp>
#include <twister/testing/memory_transport.hpp>

#include "decode_all.hpp"
#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using testing_codecs::hex;

class BusyClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return now_; }
  bool real() const noexcept override { return false; }
  void burn(Duration time) { now_ += time; }

 private:
  TimePoint now_{std::chrono::hours(1)};
};

// How many responses there are among what a server has sent, by status.
struct Responses {
  int ok = 0;
  int exhausted = 0;
  int safe_to_retry = 0;

  explicit Responses(std::string_view sent) {
    RpcFrames codec;
    for (DecodeResult result; !sent.empty(); sent.remove_prefix(result.consumed)) {
      result = codec.decode(as_bytes(sent));
      if (result.status != DecodeResult::Status::message) break;
      const RpcFrame& frame = codec.message();
      if (frame.kind != RpcFrameKind::response) continue;
      ++(frame.number == 0 ? ok : exhausted);
      const std::uint8_t safely = RpcFrameFlag::not_started | RpcFrameFlag::retryable;
      if (frame.flags == safely) ++safe_to_retry;
    }
  }
};

const std::string preface = "twister\x01" + hex("00000000");

// Requests to a method that the first of them names; each has so many bytes, which no message has.
std::string requests(int count, std::size_t size = 0) {
  const std::string id = hex("01000000");
  std::string all;
  for (int i = 0; i < count; ++i) {
    const std::string name = i == 0 ? "\x04"
                                      "Burn"
                                    : "";
    const std::size_t length = name.size() + size;
    all += std::string{static_cast<char>(length & 0xff), static_cast<char>(length >> 8), 0, 0};
    all += hex("01") + (i == 0 ? hex("01") : hex("00")) + hex("0100") + id;
    all += name;
    // Of a field that is not known: passed over.
    if (size > 0) {
      all += hex("7a") + std::string{static_cast<char>(((size - 3) & 0x7f) | 0x80),
                                     static_cast<char>((size - 3) >> 7)};
      all.append(size - 3, 'x');
    }
  }
  return all;
}

struct Overloaded : ::testing::Test {
  Overloaded() {
    services.on<Int32Value, Int32Value>(
        "Burn", [this](RpcContext&, const Int32Value&, Int32Value&) -> RpcStatus {
          clock.burn(cost);
          return {};
        });
  }
  // One of a server.
  std::unique_ptr<RpcConnection> connection() {
    if (host == nullptr) {
      host =
          std::make_shared<twister::detail::RpcHost>(loop, &services, RpcOptions{.max_wait = 1s});
    }
    return std::make_unique<RpcConnection>(host);
  }

  Duration cost = 100ms;
  RpcServices services;
  BusyClock clock;
  IOLoop loop{clock};
  std::shared_ptr<twister::detail::RpcHost> host;
};

TEST_F(Overloaded, ServesOfWhatCameAtOnceAsMuchAsItCanInTime) {
  MemoryPeer peer(loop, connection());
  peer.send(preface + requests(20));
  const Responses responses(peer.take());
  EXPECT_EQ(responses.ok, 11);
  EXPECT_EQ(responses.exhausted, 9);
  EXPECT_EQ(responses.safe_to_retry, 9);
}

TEST_F(Overloaded, ServesAgainAsSoonAsNothingWaits) {
  MemoryPeer peer(loop, connection());
  peer.send(preface + requests(20));
  peer.take();
  peer.send(requests(10));
  EXPECT_EQ(Responses(preface + peer.take()).ok, 10);
}

TEST_F(Overloaded, CountsTheTimeThatRequestsWaitBehindOthersInTheKernel) {
  cost = 10ms;
  MemoryPeer peer(loop, connection(), {}, {.capacity_bytes = 1'000'000});
  peer.send(preface + requests(500, 1000));  // seven receives
  const Responses responses(peer.take());
  EXPECT_EQ(responses.ok, 101);
  EXPECT_EQ(responses.exhausted, 399);
}

TEST_F(Overloaded, RefusesNothingOfALongBurstThatItKeepsUpWith) {
  cost = 5ms;
  MemoryPeer peer(loop, connection(), {}, {.capacity_bytes = 100'000});
  peer.send(preface + requests(3000, 1000));  // 15 s of work, of which half a second waits
  const Responses responses(peer.take());
  EXPECT_EQ(responses.ok, 3000);
}

// A socket whose other end is served.
struct Client {
  explicit Client(Overloaded& server) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    make_connection(server.loop, make_socket_transport(server.loop, ends[0]), server.connection());
    end = ends[1];
  }
  ~Client() { ::close(end); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  void send(const std::string& bytes) const {
    EXPECT_EQ(::send(end, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  std::string take() const {
    std::string got(65'536, '\0');
    const ssize_t size = ::recv(end, got.data(), got.size(), MSG_DONTWAIT);
    got.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return got;
  }
  int end = -1;
};

TEST_F(Overloaded, CountsTheTimeThatRequestsWaitBehindOtherConnections) {
  const Client first(*this);
  const Client second(*this);
  loop.run_until_idle();
  first.send(preface + requests(8));
  second.send(preface + requests(8));
  loop.run_until_idle();
  const Responses one(first.take());
  const Responses other(second.take());
  EXPECT_EQ(one.ok + other.ok, 11);
  EXPECT_EQ(one.exhausted + other.exhausted, 5);
}

}  // namespace
}  // namespace twister
