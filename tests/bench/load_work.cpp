#include "load_work.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>

#include "load_tls.hpp"

namespace twister::bench {
namespace {

constexpr int patience_ms = 5000;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}
[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "load: %s\n", what);
  std::exit(1);
}

std::uint64_t nanoseconds(Clock::duration time) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
}

// A socket that does not block, connecting to the server from one of the source addresses.
int start_connect(const LoadOptions& options, std::size_t number) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (options.sources > 1) {
    // The port is chosen by connect(), with the destination in view.
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    address.sin_addr.s_addr =
        htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(number % options.sources));
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
  }
  inet_pton(AF_INET, options.host.c_str(), &address.sin_addr);
  address.sin_port = htons(options.port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    die("connect");
  }
  return fd;
}

class Epoll {
 public:
  Epoll() : set_(epoll_create1(EPOLL_CLOEXEC)) {
    if (set_ < 0) die("epoll_create1");
  }
  ~Epoll() { close(set_); }
  Epoll(const Epoll&) = delete;
  Epoll& operator=(const Epoll&) = delete;

  void add(int fd, std::size_t index) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = index;
    if (epoll_ctl(set_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }
  // Calls back with the index of each that is ready. Waits for `wait_ms`; 0 looks and goes on.
  template <class F>
  int poll(int wait_ms, F&& ready) {
    const int count = epoll_wait(set_, events_.data(), static_cast<int>(events_.size()), wait_ms);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; ++i) ready(events_[static_cast<std::size_t>(i)].data.u64);
    return count;
  }

 private:
  int set_;
  std::array<epoll_event, 256> events_;
};

// A connection that sends from one endless repetition of a text, and counts what comes back.
class Peer {
 public:
  void connected(int fd, bool tls = false) {
    fd_ = fd;
    if (tls) tls_ = start_tls(fd);
  }
  int fd() const noexcept { return fd_; }

  void send(std::size_t bytes) { to_send_ += bytes; }
  // Goes on where the socket was full.
  void push(const std::string& text) {
    while (to_send_ > 0) {
      const std::size_t piece = std::min(to_send_, text.size() - at_);
      const char* from = text.data() + at_;
      const ssize_t sent =
          tls_ != nullptr ? send_tls(tls_, from, piece) : ::send(fd_, from, piece, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) die("send");
      to_send_ -= static_cast<std::size_t>(sent);
      at_ = (at_ + static_cast<std::size_t>(sent)) % text.size();
    }
  }
  // Receives until nothing is there, but not beyond `most`: says how much.
  std::size_t pull(std::size_t most) {
    static std::array<char, 256 * 1024> room;
    std::size_t all = 0;
    while (all < most) {
      const std::size_t piece = std::min(room.size(), most - all);
      const ssize_t got = tls_ != nullptr ? receive_tls(tls_, room.data(), piece)
                                          : recv(fd_, room.data(), piece, 0);
      if (got < 0 && errno == EAGAIN) break;
      if (got < 0) die("recv");
      if (got == 0) give_up("the server has closed a connection");
      all += static_cast<std::size_t>(got);
    }
    return all;
  }

 private:
  int fd_ = -1;
  void* tls_ = nullptr;  // lives as long as the program
  std::size_t to_send_ = 0;
  std::size_t at_ = 0;
};

// Connections that stay, each known to be accepted by the server before the work begins.
class Standing : public Work {
 public:
  explicit Standing(const LoadOptions& options)
      : options_(options),
        message_(make_message(options.framing, options.size)),
        peers_(options.connections) {
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      peers_[i].connected(start_connect(options, i), options.tls);
      epoll_.add(peers_[i].fd(), i);
      // The kernel's queue of connections that nobody has accepted yet is not endless.
      if (i % 256 == 255) usleep(2000);
    }
  }
  ~Standing() override {
    for (const Peer& peer : peers_) close(peer.fd());
  }

 protected:
  void require_progress(int ready) {
    if (ready == 0) give_up("the server does not answer");
  }

  const LoadOptions options_;
  const std::string message_;
  std::vector<Peer> peers_;
  Epoll epoll_;
};

// Every connection sends a burst and, when all of it is back, the next one. Its latencies leave out
// what a slow server kept from being sent: for those see OpenLoop.
class ClosedLoop final : public Standing {
 public:
  explicit ClosedLoop(const LoadOptions& options)
      : Standing(options), burst_(peers_.size(), Burst{}) {
    for (std::size_t i = 0; i < options.depth; ++i) text_ += message_;
  }

  Result run(Clock::duration duration) override {
    Result result;
    const auto started = Clock::now();
    const auto until = started + duration;
    for (std::size_t i = 0; i < peers_.size(); ++i) begin(i, started);
    std::size_t busy = peers_.size();
    auto now = started;
    while (busy > 0) {
      require_progress(epoll_.poll(patience_ms, [&](std::size_t index) {
        Burst& burst = burst_[index];
        if (burst.missing == 0) return;
        peers_[index].push(text_);
        burst.missing -= peers_[index].pull(burst.missing);
        if (burst.missing > 0) return;
        now = Clock::now();
        result.messages += options_.depth;
        result.latency.record(nanoseconds(now - burst.started), options_.depth);
        if (now < until) {
          begin(index, now);
        } else {
          --busy;
        }
      }));
    }
    result.seconds = std::chrono::duration<double>(Clock::now() - started).count();
    return result;
  }

 private:
  struct Burst {
    Clock::time_point started;
    std::size_t missing = 0;  // bytes
  };

  void begin(std::size_t index, Clock::time_point now) {
    burst_[index] = {.started = now, .missing = text_.size()};
    peers_[index].send(text_.size());
    peers_[index].push(text_);
  }

  std::string text_;
  std::vector<Burst> burst_;
};

// Messages leave by the clock, whether replies come or not, and a latency counts from the moment
// that the message was due: a server that stands still shows in all that it delays.
class OpenLoop final : public Standing {
 public:
  explicit OpenLoop(const LoadOptions& options)
      : Standing(options), due_(peers_.size()), back_(peers_.size()) {}

  Result run(Clock::duration duration) override {
    Result result;
    const auto started = Clock::now();
    const auto until = started + duration;
    std::uint64_t sent = 0;
    auto answered = started;
    for (;;) {
      const auto now = Clock::now();
      for (; due_at(started, sent) <= now && due_at(started, sent) < until; ++sent) {
        const std::size_t index = sent % peers_.size();
        due_[index].push_back(due_at(started, sent));
        peers_[index].send(message_.size());
        peers_[index].push(message_);
      }
      if (now >= until && result.messages == sent) break;
      if (now - answered > std::chrono::milliseconds(patience_ms) && result.messages < sent)
        give_up("the server does not answer");
      epoll_.poll(0, [&](std::size_t index) {
        peers_[index].push(message_);
        if (take(index, result)) answered = now;
      });
    }
    result.seconds = std::chrono::duration<double>(Clock::now() - started).count();
    return result;
  }

 private:
  Clock::time_point due_at(Clock::time_point started, std::uint64_t number) const {
    return started + std::chrono::nanoseconds(static_cast<std::int64_t>(
                         1e9 * static_cast<double>(number) / options_.rate));
  }

  bool take(std::size_t index, Result& result) {
    std::deque<Clock::time_point>& due = due_[index];
    if (due.empty()) return false;
    back_[index] += peers_[index].pull(due.size() * message_.size() - back_[index]);
    const auto now = Clock::now();
    const bool any = back_[index] >= message_.size();
    for (; back_[index] >= message_.size(); back_[index] -= message_.size()) {
      result.latency.record(nanoseconds(now - due.front()));
      due.pop_front();
      ++result.messages;
    }
    return any;
  }

  std::vector<std::deque<Clock::time_point>> due_;  // of what is on its way
  std::vector<std::size_t> back_;                   // bytes of a reply that is not whole
};

// One connection speaks, all of them hear it; then the next message. Counts what is heard.
class FanOut final : public Standing {
 public:
  explicit FanOut(const LoadOptions& options) : Standing(options), missing_(peers_.size()) {}

  Result run(Clock::duration duration) override {
    Result result;
    const auto started = Clock::now();
    auto now = started;
    while (now - started < duration) {
      std::fill(missing_.begin(), missing_.end(), message_.size());
      peers_[0].send(message_.size());
      peers_[0].push(message_);
      for (std::size_t left = peers_.size(); left > 0;) {
        require_progress(epoll_.poll(patience_ms, [&](std::size_t index) {
          if (missing_[index] == 0) return;
          missing_[index] -= peers_[index].pull(missing_[index]);
          if (missing_[index] == 0) --left;
        }));
      }
      const auto heard = Clock::now();
      result.messages += peers_.size();
      result.latency.record(nanoseconds(heard - now));
      now = heard;
    }
    result.seconds = std::chrono::duration<double>(now - started).count();
    return result;
  }

 private:
  std::vector<std::size_t> missing_;
};

// Connects, exchanges one message, resets, and again; `connections` of them at a time.
class Reconnect final : public Work {
 public:
  explicit Reconnect(const LoadOptions& options)
      : options_(options), message_(make_message(options.framing, options.size)) {}

  Result run(Clock::duration duration) override {
    Result result;
    Epoll epoll;
    std::vector<Attempt> attempts(options_.connections);
    const auto started = Clock::now();
    const auto until = started + duration;
    for (std::size_t i = 0; i < attempts.size(); ++i) begin(attempts[i], epoll, i);
    std::size_t busy = attempts.size();
    while (busy > 0) {
      const int ready = epoll.poll(patience_ms, [&](std::size_t index) {
        Attempt& attempt = attempts[index];
        attempt.peer.push(message_);
        attempt.missing -= attempt.peer.pull(attempt.missing);
        if (attempt.missing > 0) return;
        const auto now = Clock::now();
        ++result.messages;
        result.latency.record(nanoseconds(now - attempt.started));
        reset(attempt.peer.fd());
        if (now < until) {
          begin(attempt, epoll, index);
        } else {
          attempt.peer.connected(-1);
          --busy;
        }
      });
      if (ready == 0) give_up("the server does not answer");
    }
    result.seconds = std::chrono::duration<double>(Clock::now() - started).count();
    return result;
  }

 private:
  struct Attempt {
    Peer peer;
    Clock::time_point started;
    std::size_t missing = 0;
  };

  void begin(Attempt& attempt, Epoll& epoll, std::size_t index) {
    attempt = {.peer = {}, .started = Clock::now(), .missing = message_.size()};
    attempt.peer.connected(start_connect(options_, number_++));
    attempt.peer.send(message_.size());
    epoll.add(attempt.peer.fd(), index);
  }

  // So that the port is free again at once.
  static void reset(int fd) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
  }

  const LoadOptions options_;
  const std::string message_;
  std::size_t number_ = 0;
};

}  // namespace

std::string make_message(const std::string& framing, std::size_t size) {
  const auto fill = [size](std::string before, std::string_view after) {
    if (before.size() + after.size() > size) give_up("--size is too small for --framing");
    before.append(size - before.size() - after.size(), 'x');
    return before.append(after);
  };
  const auto header = [size](std::size_t own) {
    const std::uint32_t length = htonl(static_cast<std::uint32_t>(size - own));
    return std::string(reinterpret_cast<const char*>(&length), sizeof length);
  };
  if (framing == "raw") return fill("", "");
  if (framing == "lp32") return fill(header(4), "");
  if (framing == "lines") return fill("", "\n");
  if (framing == "jsonl") return fill("{\"text\":\"", "\"}\n");
  if (framing == "protobuf") {  // field 1, a string
    if (size > 4 + 2 + 127) give_up("--framing protobuf: --size is 133 at most");
    return fill(header(4) + '\x0a' + static_cast<char>(size - 6), "");
  }
  give_up("--framing is raw, lp32, lines, jsonl or protobuf");
}

std::unique_ptr<Work> make_work(const LoadOptions& options) {
  if (options.work == "echo" && options.rate > 0) return std::make_unique<OpenLoop>(options);
  if (options.work == "echo") return std::make_unique<ClosedLoop>(options);
  if (options.work == "fan-out") return std::make_unique<FanOut>(options);
  if (options.work == "connect") return std::make_unique<Reconnect>(options);
  give_up("--work is echo, fan-out, connect or idle");
}

}  // namespace twister::bench
