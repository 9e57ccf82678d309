// Calls and handlers for Asio's coroutines.
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <twister/rpc/asio.hpp>

#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;

asio::awaitable<Int32Value> tripled(RpcContext&, const Int32Value& request) {
  if (request.value() < 0) throw RpcError(RpcCode::out_of_range, "negative");
  co_return number(3 * request.value());
}

asio::awaitable<Int32Value> hang(RpcContext& context, const Int32Value& request) {
  asio::steady_timer timer(executor(context.loop()), std::chrono::hours(1));
  co_await timer.async_wait(asio::use_awaitable);
  co_return request;
}

asio::awaitable<void> ask(RpcPair& pair, const char* method, int value) {
  const Int32Value request = number(value);
  const RpcCallOptions options;
  try {
    const Int32Value reply = co_await async_call<Int32Value>(*pair.client, pair.loop, method,
                                                             request, options, asio::use_awaitable);
    pair.outcomes.lines.push_back("OK " + std::to_string(reply.value()));
  } catch (const RpcError& error) {
    pair.outcomes.lines.push_back(error.what());
  }
}

TEST(RpcAsio, CallsAndAnswersByAwaitables) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("Triple", answer_by<Int32Value, Int32Value>(tripled));
  pair.connect();
  spawn(pair.loop, ask, std::ref(pair), "Triple", 4);
  spawn(pair.loop, ask, std::ref(pair), "Triple", -1);
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"OK 12", "OUT_OF_RANGE: negative"}));
}

TEST(RpcAsio, CancelsWhatAHandlerAwaits) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("Hang", answer_by<Int32Value, Int32Value>(hang));
  pair.connect();
  const auto call = pair.client->call<Int32Value>("Hang", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.server->calls_answered(), 1u);
  call.cancel();
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.server->calls_answered(), 0u);
}

}  // namespace
}  // namespace twister
