// arena_bot: many players of the arena at once, for load; what they see is checked, and measured.
//   ./dev run arena         then, in another terminal:  ./dev run arena_bot 127.0.0.1:8888 --bots 100
// On a terminal: one of the rooms as it is now, with figures (--plain: a line a second). The last line is
// JSON. Ends with status 1 if anything was wrong.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <getopt.h>

#include <twister/codecs/framed.hpp>
#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/protobuf.hpp>
#include <twister/io_loop.hpp>
#include <twister/log.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/tcp_client.hpp>

#include "arena.pb.h"

using Messages = twister::Framed<twister::LengthPrefixed,
                                 twister::Protobuf<arena::ServerMessage, arena::ClientMessage>>;

// Times, each to 10 us, what is over a second as one second; and the longest.
class Spread {
 public:
  void add(twister::Duration time) {
    const double ms = std::chrono::duration<double, std::milli>(time).count();
    max_ = std::max(max_, ms);
    ++total_;
    ++counts_[std::min(static_cast<std::size_t>(ms * 100), counts_.size() - 1)];
  }
  // In milliseconds: what `share` of all are not above.
  double quantile(double share) const {
    auto rank = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    for (std::size_t i = 0; i < counts_.size(); rank -= counts_[i++])
      if (rank < counts_[i]) return std::min(static_cast<double>(i + 1) / 100, max_);
    return max_;
  }
  double max() const noexcept { return max_; }

 private:
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(100'000);
  std::uint64_t total_ = 0;
  double max_ = 0;
};

struct Counts {
  std::uint64_t snapshots = 0;
  std::uint64_t bytes = 0;
  std::uint64_t inputs = 0;
};

// What all bots share.
struct Swarm {
  std::mt19937 random;
  std::vector<class Bot*> bots;  // by number; null while there is no connection
  std::size_t waiting = 0;       // for their connection
  std::size_t connected = 0;
  std::size_t open = 0;
  std::size_t joined = 0;
  std::size_t playing = 0;  // of those who joined
  std::size_t failed = 0;
  std::uint64_t gaps = 0;  // snapshots that were left out
  Counts counts;
  Spread jitter;  // how far from the tick's interval the time between two snapshots was
  bool ending = false;
  arena::Welcome room;  // as the first bot sees it
  arena::Snapshot field;

  bool over() const noexcept { return open == 0 && (ending || waiting == 0); }
};

class Bot : public twister::MessageProtocol<Messages> {
 public:
  Bot(Swarm& swarm, std::size_t number) : swarm_(swarm), number_(number) {}

  void on_data(twister::ByteView data) override {
    swarm_.counts.bytes += data.size();
    MessageProtocol::on_data(data);
  }

 private:
  void on_connect() override {
    --swarm_.waiting;
    ++swarm_.connected;
    ++swarm_.open;
    swarm_.bots[number_] = this;
    arena::ClientMessage message;
    message.mutable_join()->set_name("bot " + std::to_string(number_));
    send(message);
  }

  void on_message(arena::ServerMessage& message) override {
    if (message.has_refused()) return fail("refused: " + message.refused());
    if (message.has_welcome()) return enter(message.welcome());
    if (id_ == 0) return fail("something came before the welcome");
    if (message.has_snapshot()) look(message.snapshot());
  }

  void on_close(const twister::CloseReason& reason) override {
    --swarm_.open;
    if (id_ != 0) --swarm_.playing;
    swarm_.bots[number_] = nullptr;
    if (!swarm_.ending) fail(reason.message());
    if (swarm_.over()) loop().stop();
  }

  void enter(const arena::Welcome& welcome) {
    const auto sensible = [](unsigned number) { return number > 0 && number <= 1000; };
    if (id_ != 0 || welcome.id() == 0 || !sensible(welcome.width()) ||
        !sensible(welcome.height()) || !sensible(welcome.ticks_per_second()))
      return fail("a welcome that makes no sense");
    id_ = welcome.id();
    width_ = welcome.width();
    interval_ = twister::Duration(std::chrono::seconds(1)) / welcome.ticks_per_second();
    ++swarm_.joined;
    ++swarm_.playing;
    if (number_ == 0) swarm_.room = welcome;
  }

  void look(const arena::Snapshot& snapshot) {
    const twister::TimePoint now = loop().now();
    if (tick_ != 0) {
      if (snapshot.tick() <= tick_) return fail("the tick did not rise");
      const std::uint64_t ticks = snapshot.tick() - tick_;
      const twister::Duration off = now - seen_ - interval_ * static_cast<int>(ticks);
      swarm_.jitter.add(off < twister::Duration::zero() ? -off : off);
      swarm_.gaps += ticks - 1;
    }
    ++swarm_.counts.snapshots;
    tick_ = snapshot.tick();
    seen_ = now;
    const auto me =
        std::find_if(snapshot.players().begin(), snapshot.players().end(),
                     [this](const arena::Player& player) { return player.id() == id_; });
    if (me == snapshot.players().end()) return fail("not in the snapshot");
    if (swarm_.random() % 5 == 0) steer(*me, snapshot);  // four times a second
    if (number_ == 0) swarm_.field = snapshot;
  }

  // Towards the nearest dot, or anywhere: who always knows best runs into the same player for ever.
  void steer(const arena::Player& me, const arena::Snapshot& snapshot) {
    int x = 0, y = 0;
    for (const std::uint32_t dot : snapshot.dots()) {
      const int right = static_cast<int>(dot % width_) - static_cast<int>(me.x());
      const int down = static_cast<int>(dot / width_) - static_cast<int>(me.y());
      const int far = std::abs(right) + std::abs(down);
      if (const int nearest = std::abs(x) + std::abs(y); nearest == 0 || far < nearest)
        x = right, y = down;
    }
    arena::Direction to = std::abs(x) > std::abs(y) ? (x > 0 ? arena::EAST : arena::WEST)
                                                    : (y > 0 ? arena::SOUTH : arena::NORTH);
    if (swarm_.random() % 8 == 0) to = static_cast<arena::Direction>(swarm_.random() % 5);
    arena::ClientMessage message;
    message.set_steer(to);
    send(message);
    ++swarm_.counts.inputs;
  }

  void fail(const std::string& why) {
    if (failed_) return;
    failed_ = true;
    ++swarm_.failed;
    twister::log(twister::LogLevel::warning, "bot_failed",
                 {{"bot", std::to_string(number_)}, {"why", why}});
    close();
  }

  Swarm& swarm_;
  std::size_t number_;
  bool failed_ = false;
  std::uint32_t id_ = 0;
  unsigned width_ = 1;
  twister::Duration interval_{};
  std::uint64_t tick_ = 0;
  twister::TimePoint seen_{};
};

std::string format(const char* form, auto... values) {
  std::array<char, 600> text;
  std::snprintf(text.data(), text.size(), form, values...);
  return text.data();
}

std::string figures_of(const Swarm& swarm, const Counts& a_second) {
  return format(
      "%zu of %zu bots play, %zu failed\n"
      "%lu snapshots a second, %.2f MB a second, %lu left out in all\n"
      "%lu inputs a second\n"
      "jitter (ms): p50 %.2f  p99 %.2f  max %.2f",
      swarm.playing, swarm.bots.size(), swarm.failed, a_second.snapshots,
      static_cast<double>(a_second.bytes) / 1e6, swarm.gaps, a_second.inputs,
      swarm.jitter.quantile(0.5), swarm.jitter.quantile(0.99), swarm.jitter.max());
}

// The room of the first bot, drawn over what was there before; gives the terminal back at its end.
class Screen {
 public:
  Screen() {
    twister::set_log_sink([this](const twister::LogRecord& record) {
      const std::lock_guard lock(mutex_);  // a sink is called by any thread
      last_log_ = record.line();
    });
    print("\x1b[?1049h\x1b[?25l");
  }
  ~Screen() {
    twister::set_log_sink({});
    print("\x1b[?25h\x1b[?1049l");
    if (!last_log_.empty()) std::fprintf(stderr, "%s\n", last_log_.c_str());
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void draw(const Swarm& swarm, const std::string& figures) {
    const unsigned width = swarm.room.width(), height = swarm.room.height();
    std::vector<std::string> rows(height, std::string(width, ' '));
    const auto put = [&](unsigned x, unsigned y, char what) {
      if (x < width && y < height) rows[y][x] = what;
    };
    if (width > 0)
      for (const std::uint32_t dot : swarm.field.dots()) put(dot % width, dot / width, '.');
    for (const arena::Player& player : swarm.field.players()) {
      const char letter = static_cast<char>('a' + player.id() % 26);
      put(player.x(), player.y(), player.id() == swarm.room.id() ? '@' : letter);
    }
    const std::string edge = "+" + std::string(width, '-') + "+\n";
    std::string text =
        "\x1b[H" + format("tick %lu; @ is the first bot, Ctrl-C ends\n", swarm.field.tick());
    text += edge;
    for (const std::string& row : rows) text += "|" + row + "|\n";
    text += edge + figures + "\n" + last_log().substr(0, width + 2);
    for (std::size_t at = 0; (at = text.find('\n', at)) != text.npos; at += 4)
      text.insert(at, "\x1b[K");  // what was longer before ends here
    print(text + "\x1b[J");
  }

 private:
  std::string last_log() {
    const std::lock_guard lock(mutex_);
    return last_log_;
  }
  static void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  std::mutex mutex_;
  std::string last_log_;
};

struct Options {
  std::string to;
  unsigned bots = 100;
  unsigned seconds = 30;
  unsigned seed = 1;
  bool plain = false;
};

Options parse(int argc, char** argv) {
  static constexpr std::array<option, 5> known{{{"bots", required_argument, nullptr, 'b'},
                                                {"seconds", required_argument, nullptr, 's'},
                                                {"seed", required_argument, nullptr, 'r'},
                                                {"plain", no_argument, nullptr, 'p'},
                                                {}}};
  const auto number = [](std::string_view text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || value == 0 || value > 1'000'000) {
      throw std::invalid_argument("\"" + std::string(text) +
                                  "\" is not a number from 1 to 1000000");
    }
    return value;
  };
  Options options;
  opterr = 0;
  for (int found = 0; (found = getopt_long(argc, argv, "", known.data(), nullptr)) != -1;) {
    if (found == 'b') options.bots = number(optarg);
    if (found == 's') options.seconds = number(optarg);
    if (found == 'r') options.seed = number(optarg);
    if (found == 'p') options.plain = true;
    if (found == '?') throw std::invalid_argument("unknown option, or one without its value");
  }
  if (optind + 1 != argc)
    throw std::invalid_argument("HOST:PORT [--bots N] [--seconds N] [--seed N] [--plain]");
  options.to = argv[optind];
  return options;
}

int play(const Options& options) {
  const twister::Destination to = options.to;
  Swarm swarm;  // outlives the loop, and with it the bots
  swarm.random.seed(options.seed);
  swarm.bots.resize(options.bots);
  swarm.waiting = options.bots;
  std::optional<Screen> screen;
  if (!options.plain && ::isatty(STDOUT_FILENO) == 1) screen.emplace();

  twister::IOLoop loop;
  twister::TcpClient client(loop);
  std::size_t begun = 0;
  // Two thousand a second: what is measured is the game, not the listener's queue.
  twister::PeriodicCallback connect(loop, std::chrono::milliseconds(10), [&] {
    for (int i = 0; i < 20 && begun < swarm.bots.size(); ++i) {
      client.connect(
          to, std::make_unique<Bot>(swarm, begun++),
          [&](const twister::ConnectError& error, twister::Protocol*) {
            if (!error) return;
            ++swarm.failed;
            twister::log(twister::LogLevel::warning, "bot_failed", {{"why", error.message()}});
          });
    }
    if (begun == swarm.bots.size()) connect.stop();
  });
  connect.start();

  const twister::TimePoint start = loop.now();
  Counts before, a_second;
  twister::PeriodicCallback every_second(loop, std::chrono::seconds(1), [&] {
    a_second = {swarm.counts.snapshots - before.snapshots, swarm.counts.bytes - before.bytes,
                swarm.counts.inputs - before.inputs};
    before = swarm.counts;
    if (screen) return;
    std::string line = figures_of(swarm, a_second);
    for (std::size_t at = 0; (at = line.find('\n', at)) != line.npos;) line.replace(at, 1, "; ");
    std::puts(line.c_str());
    std::fflush(stdout);
  });
  every_second.start();
  twister::PeriodicCallback redraw(loop, std::chrono::milliseconds(100),
                                   [&] { screen->draw(swarm, figures_of(swarm, a_second)); });
  if (screen) redraw.start();

  twister::TimePoint end = twister::TimePoint::max();
  loop.call_later(std::chrono::seconds(options.seconds), [&] {
    end = loop.now();
    swarm.ending = true;
    for (Bot* bot : swarm.bots)
      if (bot != nullptr) bot->close();
    if (swarm.over()) loop.stop();
    loop.call_later(std::chrono::seconds(3), [&loop] { loop.stop(); });  // they need not answer
  });
  loop.run_until_signal();
  swarm.ending = true;
  screen.reset();

  const double seconds = std::chrono::duration<double>(std::min(end, loop.now()) - start).count();
  std::puts(format("{\"bots\": %zu, \"connected\": %zu, \"joined\": %zu, \"failed\": %zu, "
                   "\"seconds\": %.2f, "
                   "\"snapshots\": %lu, \"gaps\": %lu, \"inputs\": %lu, \"bytes\": %lu, "
                   "\"bytes_per_second\": %.0f, \"jitter_ms\": {\"p50\": %.2f, \"p99\": %.2f, "
                   "\"max\": %.2f}}",
                   swarm.bots.size(), swarm.connected, swarm.joined, swarm.failed, seconds,
                   swarm.counts.snapshots, swarm.gaps, swarm.counts.inputs, swarm.counts.bytes,
                   static_cast<double>(swarm.counts.bytes) / seconds, swarm.jitter.quantile(0.5),
                   swarm.jitter.quantile(0.99), swarm.jitter.max())
                .c_str());
  return swarm.failed > 0 || swarm.joined == 0 ? 1 : 0;
}

int main(int argc, char** argv) {
  Options options;
  try {
    options = parse(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "usage: %s: %s\n", argv[0], error.what());
    return 2;
  }
  try {
    return play(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
