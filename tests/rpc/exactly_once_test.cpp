// Every call ends exactly once: on a transport that has a bad day, with replies, cancellations, deadlines and the
// end of the connection at random moments, the same ones for the same seed.
#include <map>
#include <random>
#include <stdexcept>

#include <twister/rpc/stream.hpp>
#include <twister/testing/faulty_transport.hpp>

#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;

struct Chaos;

// Throws now and then, on either side, and refuses; counts what it sees.
struct Meddler : RpcCallerInterceptor, RpcInterceptor {
  explicit Meddler(Chaos& its) : chaos(its) {}
  RpcStatus before_call(std::string_view method, RpcMetadata& metadata) override;
  void after_call(std::string_view method, const RpcStatus& status, Duration time) override;
  RpcStatus before_call(RpcContext& context) override;
  void after_call(RpcContext& context, const RpcStatus& status) override;

  Chaos& chaos;
  int made = 0;  // less those that have ended
  int answered = 0;
};

struct Chaos {
  explicit Chaos(std::uint32_t seed) : random(seed) {
    for (auto* each : {&services, &client_services}) {
      each->intercept(meddler);
      each->on<Int32Value, Int32Value>(
          "AtOnce", [](RpcContext&, const Int32Value& request, Int32Value& reply) -> RpcStatus {
            reply = request;
            return {};
          });
      each->on<Int32Value, Int32Value>(
          "Later", [this](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) {
            replies.push_back(std::move(reply));
          });
      each->on_stream<Int32Value, Int32Value>(
          "Stream", [this](RpcContext&, RpcReader<Int32Value> in, RpcWriter<Int32Value> out) {
            in.receive([out](Int32Value& message) { out.send(message); },
                       [out](const RpcStatus& status) { out.finish(status); });
            (void)this;
          });
      each->on<StringValue, StringValue>(
          "Large", [](RpcContext&, const StringValue&, StringValue&) -> RpcStatus { return {}; });
    }
    auto [near, far] = memory_transport_pair(loop, {.capacity_bytes = 300});
    client = &add(std::move(near), client_services, seed);
    server = &add(std::move(far), services, seed + 1);
    for (unsigned i = any(8); i > 0; --i) call();  // before the preface
  }

  RpcConnection& add(std::unique_ptr<Transport> transport, const RpcServices& its,
                     std::uint32_t seed) {
    FaultPlan plan{
        .seed = seed, .max_receive_bytes = 40, .max_send_bytes = 40, .would_block_percent = 20};
    if (any(2) == 0) plan.fail_send_at = 20 + any(200);
    RpcOptions options;
    options.interceptors = {meddler};
    auto made = std::make_unique<RpcConnection>(loop, &its, options);
    RpcConnection& connection = *made;
    make_connection(loop, std::make_unique<FaultyTransport>(loop, std::move(transport), plan),
                    std::move(made), client_stream_options());
    connection.set_close_callback([this, &connection](const CloseReason&) {
      (&connection == client ? client : server) = nullptr;
    });
    return connection;
  }

  unsigned any(unsigned below) { return static_cast<unsigned>(random() % below); }

  // What a callback may do.
  void meddle() {
    switch (any(20)) {
      case 0:
        throw std::runtime_error("chaos");
      case 1:
        for (const RpcCallHandle& each : std::vector(handles)) each.cancel();
        return;
      case 2:
        if (!handles.empty()) handles[any(static_cast<unsigned>(handles.size()))].cancel();
        return;
      case 3:
        if (ends.size() < 400) call();
        return;
      default:
        return;
    }
  }

  void call() {
    RpcConnection* const by = any(2) == 0 ? client : server;
    if (by == nullptr) return;
    const std::size_t number_of_call = ends.size();
    ends.push_back(0);
    const auto count = [this, number_of_call](const RpcStatus&, auto&&...) {
      ++ends[number_of_call];
      meddle();
    };
    const RpcCallOptions options{.timeout = std::chrono::milliseconds(1 + any(500))};
    switch (any(3)) {
      case 0:
        if (any(10) == 0) {  // which waits for the preface
          const StringValue large = text(std::string(9000, 'x'));
          handles.push_back(by->call<StringValue>("Large", large, options, count));
        } else {
          handles.push_back(by->call<Int32Value>("AtOnce", number(1), options, count));
        }
        return;
      case 1:
        handles.push_back(by->call<Int32Value>("Later", number(1), options, count));
        return;
      default: {
        const auto stream = open_stream<Int32Value, Int32Value>(*by, "Stream", options);
        stream.reader.receive([this](Int32Value&) { meddle(); }, count);
        for (unsigned i = any(5); i > 0; --i) stream.writer.send(number(7));
        if (any(2) == 0) stream.writer.end();
      }
    }
  }

  void step() {
    switch (any(6)) {
      case 0:
        if (!replies.empty()) {
          replies[any(static_cast<unsigned>(replies.size()))](number(1));
        }
        return;
      case 1:
        if (!handles.empty()) handles[any(static_cast<unsigned>(handles.size()))].cancel();
        return;
      case 2:
        return clock.advance(std::chrono::milliseconds(any(50)));
      case 3:
        if (!replies.empty()) replies.pop_back();
        return;
      default:
        return call();
    }
  }

  // Before the loop, whose end is told to callbacks and handlers.
  std::minstd_rand random;
  std::shared_ptr<Meddler> meddler = std::make_shared<Meddler>(*this);
  RpcServices services;
  RpcServices client_services;
  RpcConnection* client = nullptr;
  RpcConnection* server = nullptr;
  std::vector<int> ends;
  ManualClock clock;
  IOLoop loop{clock};
  std::vector<RpcReply<Int32Value>> replies;
  std::vector<RpcCallHandle> handles;
};

RpcStatus Meddler::before_call(std::string_view, RpcMetadata& metadata) {
  ++made;
  if (chaos.any(40) == 0) throw std::runtime_error("chaos");
  if (chaos.any(40) == 0) return RpcCode::permission_denied;
  metadata.add("key", "value");
  return {};
}
void Meddler::after_call(std::string_view, const RpcStatus&, Duration) {
  --made;
  chaos.meddle();
}
RpcStatus Meddler::before_call(RpcContext&) {
  ++answered;
  if (chaos.any(40) == 0) throw std::runtime_error("chaos");
  return {};
}
void Meddler::after_call(RpcContext&, const RpcStatus&) {
  --answered;
  if (chaos.any(40) == 0) throw std::runtime_error("chaos");
}

TEST(RpcCall, EndsExactlyOnceWhateverHappens) {
  std::size_t calls = 0;
  for (std::uint32_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    Chaos chaos(seed);
    for (int i = 0; i < 200; ++i) chaos.step();
    if (seed % 3 == 0 && chaos.client != nullptr) chaos.client->close();
    if (seed % 3 == 1 && chaos.server != nullptr) chaos.server->go_away();
    chaos.clock.advance(1s);  // every deadline has passed
    for (std::size_t i = 0; i < chaos.ends.size(); ++i) EXPECT_EQ(chaos.ends[i], 1) << i;
    EXPECT_EQ(chaos.meddler->made, 0) << "interceptors are told once, too";
    calls += chaos.ends.size();
    chaos.replies.clear();
    if (chaos.server != nullptr) {
      chaos.loop.run_until_idle();
    }
    if (chaos.server != nullptr) {
      EXPECT_EQ(chaos.server->calls_made(), 0u);
      EXPECT_EQ(chaos.server->counters().malformed, 0u);
    }
  }
  EXPECT_GT(calls, 3000u);
}

// Makes calls of all kinds whose functions throw, and counts what they are told.
struct Throwing : RpcPair {
  Throwing() {
    for (auto* each : {&services, &client_services}) {
      each->on_stream<Int32Value, Int32Value>(
          "Stream",
          [this](RpcContext& context, RpcReader<Int32Value> in, RpcWriter<Int32Value> out) {
            context.on_cancel([this] { tell("cancel"); });
            in.receive([this](Int32Value&) { tell("message"); },
                       [this](const RpcStatus&) { tell("end"); });
            while (out.send(number(1)) == WriteStatus::queued) continue;
            out.when_ready([this] { tell("ready"); });
            writers.push_back(out);
          });
    }
  }
  ~Throwing() { writers.clear(); }

  void tell(const std::string& what) {
    ++told[what];
    throw std::runtime_error(what);
  }
  void call(RpcConnection& by) {
    by.call<Int32Value>("Later", number(1), {.timeout = 5s},
                        [this](const RpcStatus&, Int32Value&) { tell("reply"); });
    const auto stream = open_stream<Int32Value, Int32Value>(by, "Stream", {.timeout = 5s});
    stream.reader.receive([](Int32Value&) {}, [this](const RpcStatus&) { tell("own end"); });
    stream.reader.pause();
    readers.push_back(stream.reader);
    while (stream.writer.send(number(1)) == WriteStatus::queued) continue;
    stream.writer.when_ready([this] { tell("own ready"); });
  }

  std::map<std::string, int> told;
  std::vector<RpcWriter<Int32Value>> writers;
  std::vector<RpcReader<Int32Value>> readers;  // which pause, so that answers wait
};

TEST(RpcCall, EndsExactlyOnceAlthoughItsFunctionsThrow) {
  Throwing pair;
  pair.connect();
  for (int i = 0; i < 3; ++i) {
    pair.call(*pair.client);
    pair.call(*pair.server);
  }
  pair.loop.run_until_idle();
  ASSERT_NE(pair.client, nullptr) << "what a callback throws is no fault of the connection";
  pair.client->abort();
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.client, nullptr);
  EXPECT_EQ(pair.server, nullptr);
  pair.clock.advance(10s);
  for (const auto& reader : pair.readers) reader.resume();
  for (const auto& reply : pair.replies) reply(number(1));
  pair.clock.advance(10s);
  for (const char* what : {"reply", "end", "own end", "ready", "own ready"}) {
    EXPECT_EQ(pair.told[what], 6) << what;
  }
}

TEST(RpcCall, EndsExactlyOnceWhenItsConnectionNeverCameAbout) {
  Throwing pair;
  auto [near, far] = memory_transport_pair(pair.loop);
  auto made = std::make_unique<RpcConnection>(pair.loop, nullptr);
  RpcConnection& early = *made;
  make_connection(pair.loop, std::move(near), std::move(made));
  for (int i = 0; i < 3; ++i) pair.call(early);
  far.reset();
  pair.clock.advance(10s);
  EXPECT_EQ(pair.told,
            (std::map<std::string, int>{{"reply", 3}, {"own end", 3}, {"own ready", 3}}));
}

TEST(RpcCall, EndsExactlyOnceWhenTheEndOfAnotherCancelsIt) {
  RpcPair pair;
  pair.connect();
  std::vector<RpcCallHandle> calls;
  int ends = 0;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(
        pair.client->call<Int32Value>("Later", number(0), [&](const RpcStatus&, Int32Value&) {
          ++ends;
          for (const RpcCallHandle& each : std::exchange(calls, {})) each.cancel();
        }));
  }
  pair.loop.run_until_idle();
  pair.client->abort();
  pair.clock.advance(1min);
  EXPECT_EQ(ends, 8);
}

TEST(RpcCall, EndsExactlyOnceAmongTenThousandWhenTheConnectionIsLost) {
  constexpr std::size_t calls = 10'000;
  const RpcOptions many{.max_calls_in_flight = calls};
  RpcPair pair(many, many);
  std::vector<RpcReply<Int32Value>> hung;
  pair.client_services.on<Int32Value, Int32Value>(
      "Later",
      [&](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) { hung.push_back(reply); });
  pair.connect();
  std::vector<int> ends(2 * calls);
  for (std::size_t i = 0; i < 2 * calls; ++i) {
    (i % 2 == 0 ? pair.client : pair.server)
        ->call<Int32Value>("Later", number(1), {.timeout = 1min},
                           [&ends, i](const RpcStatus& status, Int32Value&) {
                             ends[i] += status == RpcCode::unavailable ? 1 : 100;
                           });
  }
  pair.loop.run_until_idle();
  ASSERT_EQ(pair.replies.size(), calls);
  ASSERT_EQ(hung.size(), calls);
  std::size_t cancelled = 0;
  for (const auto& reply : pair.replies) {
    reply.context().on_cancel([&] { ++cancelled; });
  }
  pair.client->abort();
  pair.clock.advance(2min);
  EXPECT_EQ(ends, std::vector<int>(2 * calls, 1));
  EXPECT_EQ(cancelled, calls);
  for (const auto& reply : hung) reply(number(1));
  hung.clear();
}

}  // namespace
}  // namespace twister
