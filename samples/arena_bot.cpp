// arena_bot: many players of the arena at once, for load; what they see is checked, and measured.
//   ./dev run arena         then, in another terminal:  ./dev run arena_bot 127.0.0.1:8888 --bots 100
// On a terminal with room for it: one of the rooms as it is now, with figures (--plain: a line a second). The
// last line is JSON. Ends with status 1 if anything was wrong, for any bot, up to not having seen a snapshot.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <getopt.h>

#include <twister/codecs/framed.hpp>
#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/protobuf.hpp>
#include <twister/io_loop.hpp>
#include <twister/log.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/protocols/protobuf_log.hpp>
#include <twister/signal_watch.hpp>
#include <twister/tcp_client.hpp>

#include "arena.pb.h"
#include "arena_screen.hpp"

using Messages = twister::Framed<twister::LengthPrefixed,
                                 twister::Protobuf<arena::ServerMessage, arena::ClientMessage>>;

// Snapshots left out between two. No game stands still for so long, and what is computed stays in range.
constexpr std::uint64_t max_gap = 1'000'000;
// A game without a snapshot for so many ticks at the end has stopped.
constexpr int max_silent_ticks = 100;

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
  std::vector<bool> arrived;     // there was one
  std::size_t waiting = 0;       // for their connection
  std::size_t connected = 0;
  std::size_t open = 0;
  std::size_t joined = 0;
  std::size_t playing = 0;  // who have joined, and see the game
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

  // The end of the game: what has not come by now is missing.
  void leave() {
    if (id_ == 0) return fail("was not welcomed");
    if (tick_ == 0) return fail("saw no snapshot");
    if (loop().now() - seen_ > max_silent_ticks * interval_)
      return fail("the snapshots have stopped");
    close();
  }

 private:
  void on_connect() override {
    swarm_.arrived[number_] = true;
    --swarm_.waiting;
    ++swarm_.connected;
    ++swarm_.open;
    if (swarm_.ending) return abort();  // too late: it was counted as missing
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
    if (tick_ != 0) --swarm_.playing;
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
    height_ = welcome.height();
    interval_ = twister::Duration(std::chrono::seconds(1)) / welcome.ticks_per_second();
    ++swarm_.joined;
    if (number_ == 0) swarm_.room = welcome;
  }

  void look(const arena::Snapshot& snapshot) {
    const twister::TimePoint now = loop().now();
    if (snapshot.tick() <= tick_) return fail("the tick did not rise");  // from 0
    if (!is_inside(snapshot)) return fail("something is outside of the field");
    if (tick_ == 0) {
      ++swarm_.playing;
    } else {
      const std::uint64_t ticks = snapshot.tick() - tick_;
      if (ticks > max_gap) return fail("the tick rose by " + std::to_string(ticks));
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

  bool is_inside(const arena::Snapshot& snapshot) const {
    return std::all_of(snapshot.players().begin(), snapshot.players().end(),
                       [this](const arena::Player& player) {
                         return player.x() < width_ && player.y() < height_;
                       }) &&
           std::all_of(snapshot.dots().begin(), snapshot.dots().end(),
                       [this](std::uint32_t dot) { return dot < width_ * height_; });
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
  unsigned width_ = 1;  // with the height, up to 1000: see enter()
  unsigned height_ = 1;
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

// The room of the first bot, and the figures below.
std::vector<std::string> picture_of(const Swarm& swarm, const std::string& figures) {
  const unsigned width = swarm.room.width(), height = swarm.room.height();
  std::vector<std::string> rows(height, std::string(width, ' '));
  if (width > 0)
    for (const std::uint32_t dot : swarm.field.dots()) rows[dot / width][dot % width] = '.';
  for (const arena::Player& player : swarm.field.players()) {
    const char letter = static_cast<char>('a' + player.id() % 26);
    rows[player.y()][player.x()] = player.id() == swarm.room.id() ? '@' : letter;
  }
  const std::string edge = "+" + std::string(width, '-') + "+";
  std::vector<std::string> lines{
      format("tick %lu; @ is the first bot, Ctrl-C ends", swarm.field.tick()), edge};
  for (const std::string& row : rows) lines.push_back("|" + row + "|");
  lines.push_back(edge);
  for (std::size_t at = 0, end = 0; end != figures.npos; at = end + 1) {
    end = figures.find('\n', at);
    lines.push_back(figures.substr(at, end - at));
  }
  return lines;
}

struct Options {
  std::string to;
  unsigned bots = 100;
  unsigned seconds = 30;
  unsigned seed = 1;
  bool plain = false;
};

constexpr auto help_text =
    "usage: %s HOST:PORT [--bots N] [--seconds N] [--seed N] [--plain]\n"
    "  --bots N      that many players (100)\n"
    "  --seconds N   end after that time (30)\n"
    "  --seed N      of what they choose by chance (1)\n"
    "  --plain       a line a second, also on a terminal\n"
    "  --help        this list\n"
    "N is a number from 1 to 1000000.\n";

unsigned parse_number(const char* option, std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (whole && value > 0 && value <= 1'000'000) return value;
  throw std::invalid_argument(std::string(option) + ": \"" + std::string(text) +
                              "\" is not a number from 1 to 1000000");
}

// Empty after --help.
std::optional<Options> parse(int argc, char** argv) {
  static constexpr std::array<option, 6> known{{{"bots", required_argument, nullptr, 'b'},
                                                {"seconds", required_argument, nullptr, 's'},
                                                {"seed", required_argument, nullptr, 'r'},
                                                {"plain", no_argument, nullptr, 'p'},
                                                {"help", no_argument, nullptr, 'h'},
                                                {}}};
  Options options;
  std::vector<std::string> addresses;
  opterr = 0;
  for (bool more = true; more;) {
    const int at = optind;  // `-`: in the order of the command line, so that this is the culprit
    switch (const int found = getopt_long(argc, argv, "-:h", known.data(), nullptr)) {
      case -1:
        more = false;
        break;
      case 1:
        addresses.emplace_back(optarg);
        break;
      case 'b':
        options.bots = parse_number("--bots", optarg);
        break;
      case 's':
        options.seconds = parse_number("--seconds", optarg);
        break;
      case 'r':
        options.seed = parse_number("--seed", optarg);
        break;
      case 'p':
        options.plain = true;
        break;
      case 'h':
        return std::nullopt;
      default:
        throw std::invalid_argument((found == ':' ? "missing value after " : "unknown option ") +
                                    std::string(argv[at]));
    }
  }
  addresses.insert(addresses.end(), argv + optind, argv + argc);  // behind `--`
  if (addresses.empty()) throw std::invalid_argument("HOST:PORT is missing");
  if (addresses.size() > 1)
    throw std::invalid_argument("unexpected argument \"" + addresses[1] + "\"");
  options.to = addresses[0];
  return options;
}

int play(const Options& options) {
  const twister::Destination to = options.to;
  Swarm swarm;  // outlives the loop, and with it the bots
  swarm.random.seed(options.seed);
  swarm.bots.resize(options.bots);
  swarm.arrived.resize(options.bots);
  swarm.waiting = options.bots;
  Output output;
  std::optional<Screen> screen;
  if (!options.plain && Screen::is_possible()) screen.emplace(output);

  twister::IOLoop loop;
  twister::TcpClient client(loop);
  std::size_t begun = 0;
  // Two thousand a second: what is measured is the game, not the listener's queue.
  twister::PeriodicCallback connect(loop, std::chrono::milliseconds(10), [&] {
    for (int i = 0; i < 20 && begun < swarm.bots.size(); ++i) {
      const std::size_t number = begun++;
      client.connect(
          to, std::make_unique<Bot>(swarm, number),
          [&, number](const twister::ConnectError& error, twister::Protocol*) {
            // Lost in the moment in which it was made: on_close has counted it.
            if (!error || swarm.arrived[number]) return;
            --swarm.waiting;
            if (!swarm.ending) {
              ++swarm.failed;
              twister::log(twister::LogLevel::warning, "bot_failed", {{"why", error.message()}});
            }
            if (swarm.over()) loop.stop();
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
    if (screen && screen->entered()) return;
    std::string line = figures_of(swarm, a_second) + "\n";
    for (std::size_t at = 0; (at = line.find('\n', at)) < line.size() - 1;)
      line.replace(at, 1, "; ");
    output.write(line);
    if (output.error()) loop.stop();
  });
  every_second.start();
  twister::PeriodicCallback redraw(loop, std::chrono::milliseconds(100), [&] {
    const std::size_t least_columns = 40;  // of the figures, more or less
    if (screen->enter(std::max<std::size_t>(least_columns, swarm.room.width() + 2),
                      swarm.room.height() + 7))
      screen->draw(picture_of(swarm, figures_of(swarm, a_second)));
    if (output.error()) loop.stop();
  });
  // SIGINT and SIGTERM are heeded below. Not without the screen: nohup has SIGHUP ignored.
  std::optional<twister::SignalWatch> hangup, quit, suspend;
  if (screen) {
    redraw.start();
    hangup.emplace(loop, SIGHUP, [&] { loop.stop(); });
    quit.emplace(loop, SIGQUIT, [&] { loop.stop(); });
    suspend.emplace(loop, SIGTSTP, [&] {
      screen->leave();
      std::raise(SIGSTOP);  // the next picture comes after SIGCONT
    });
  }

  twister::TimePoint end{};
  const auto leave = [&] {
    if (swarm.ending) return;
    swarm.ending = true;
    end = loop.now();
    connect.stop();
    if (swarm.waiting > 0) {
      swarm.failed += swarm.waiting;
      twister::log(twister::LogLevel::warning, "bots_without_connection",
                   {{"bots", std::to_string(swarm.waiting)}});
    }
    for (Bot* bot : swarm.bots)
      if (bot != nullptr) bot->leave();
  };
  loop.call_later(std::chrono::seconds(options.seconds), [&] {
    leave();
    if (swarm.over()) loop.stop();
    loop.call_later(std::chrono::seconds(3), [&loop] { loop.stop(); });  // they need not answer
  });
  loop.run_until_signal();
  leave();
  screen.reset();

  const double seconds = std::chrono::duration<double>(end - start).count();
  output.write(
      format("{\"bots\": %zu, \"connected\": %zu, \"joined\": %zu, \"failed\": %zu, "
             "\"seconds\": %.2f, "
             "\"snapshots\": %lu, \"gaps\": %lu, \"inputs\": %lu, \"bytes\": %lu, "
             "\"bytes_per_second\": %.0f, \"jitter_ms\": {\"p50\": %.2f, \"p99\": %.2f, "
             "\"max\": %.2f}}\n",
             swarm.bots.size(), swarm.connected, swarm.joined, swarm.failed, seconds,
             swarm.counts.snapshots, swarm.gaps, swarm.counts.inputs, swarm.counts.bytes,
             static_cast<double>(swarm.counts.bytes) / seconds, swarm.jitter.quantile(0.5),
             swarm.jitter.quantile(0.99), swarm.jitter.max()));
  if (output.error()) throw std::system_error(output.error(), "standard output");
  return swarm.failed > 0 ? 1 : 0;
}

int main(int argc, char** argv) {
  open_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // output says so itself when nobody reads it
  twister::log_protobuf();
  std::optional<Options> options;
  try {
    options = parse(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s; --help lists the options\n", argv[0], error.what());
    return 2;
  }
  if (!options) return std::printf(help_text, argv[0]) > 0 && std::fflush(stdout) == 0 ? 0 : 1;
  try {
    return play(*options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
