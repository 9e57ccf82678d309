// Calls and handlers for Asio's coroutines.
#include <algorithm>
#include <stdexcept>

#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <twister/rpc/asio.hpp>
#include <twister/rpc/stream.hpp>

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
  pair.services.on<Int32Value, Int32Value>("Triple", tripled);
  pair.connect();
  spawn(pair.loop, ask, std::ref(pair), "Triple", 4);
  spawn(pair.loop, ask, std::ref(pair), "Triple", -1);
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"OK 12", "OUT_OF_RANGE: negative"}));
}

TEST(RpcAsio, CancelsWhatAHandlerAwaits) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("Hang", hang);
  pair.connect();
  const auto call = pair.client->call<Int32Value>("Hang", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.server->calls_answered(), 1u);
  call.cancel();
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.server->calls_answered(), 0u);
}

asio::awaitable<void> count(RpcContext&, const Int32Value& request, RpcWriter<Int32Value> out) {
  for (int i = 0; i < request.value(); ++i) out.send(number(i));
  co_return;
}

TEST(RpcAsio, AnswersStreamsByAwaitables) {
  RpcPair pair;
  pair.services.on_server_stream<Int32Value, Int32Value>("Count", count);
  pair.connect();
  open_server_stream<Int32Value>(*pair.client, "Count", number(2))
      .receive([&](Int32Value& each) { pair.outcomes.add()(RpcStatus(), each); },
               [&](const RpcStatus& status) { pair.outcomes.lines.push_back(status.message()); });
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"OK 0", "OK 1", "OK"}));
}

// ---- what tasks await of Asio's ----

asio::awaitable<Int32Value> next_number(int value) {
  if (value < 0) throw RpcError(RpcCode::out_of_range, "negative");
  co_return number(value + 1);
}

asio::awaitable<void> wait_long(IOLoop& loop, Lines& ends) {
  asio::steady_timer timer(executor(loop), std::chrono::hours(1));
  asio::error_code error;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  ends.push_back(error == asio::error::operation_aborted ? "aborted" : "over");
  if (error) throw std::system_error(error);
}

RpcTask<Int32Value> twice_next(RpcContext& context, const Int32Value& request) {
  const Int32Value one = co_await by_asio(context, next_number(request.value()));
  co_return co_await by_asio(context.loop(), next_number(one.value()));
}

TEST(RpcByAsio, GivesATaskWhatAnAwaitableReturnsOrThrows) {
  RpcPair pair;
  pair.services.on<Int32Value, Int32Value>("Next", twice_next);
  pair.connect();
  pair.client->call<Int32Value>("Next", number(4), pair.outcomes.add());
  pair.client->call<Int32Value>("Next", number(-1), pair.outcomes.add());
  pair.client->call<Int32Value>("Next", number(-9), pair.outcomes.add());
  pair.loop.run_until_idle();
  std::sort(pair.outcomes.lines.begin(), pair.outcomes.lines.end());
  EXPECT_EQ(pair.outcomes.lines,
            (Lines{"OK 6", "OUT_OF_RANGE: negative", "OUT_OF_RANGE: negative"}));
}

// Waits by Asio, and once more after its call was cancelled.
struct Waiting {
  Waiting() {
    pair.services.on<Int32Value, Int32Value>(
        "Wait",
        [this](RpcContext& context, const Int32Value& request) { return wait(context, request); });
    pair.connect();
  }
  RpcTask<Int32Value> wait(RpcContext& context, const Int32Value& request) {
    for (int i = 0; i < 2; ++i) {
      try {
        co_await by_asio(context, wait_long(context.loop(), ends));
      } catch (const RpcError& error) {
        ends.push_back(error.what());
      }
    }
    co_return request;
  }
  Lines ends;
  RpcPair pair;
};

TEST(RpcByAsio, IsCancelledWithTheCallAlsoWhenThatWasBefore) {
  Waiting waiting;
  RpcPair& pair = waiting.pair;
  const auto call = pair.client->call<Int32Value>("Wait", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.server->calls_answered(), 1u);
  call.cancel();
  pair.loop.run_until_idle();
  EXPECT_EQ(waiting.ends, (Lines{"aborted", "CANCELLED: the call was cancelled", "aborted",
                                 "CANCELLED: the call was cancelled"}));
  EXPECT_EQ(pair.server->calls_answered(), 0u) << "the coroutine has ended";
}

RpcTask<> wait_by_asio(IOLoop& loop, Lines& ends) {
  co_await by_asio(loop, wait_long(loop, ends));
  ends.push_back("woken");
}

TEST(RpcByAsio, CancelsWhatADestroyedTaskHasAwaited) {
  Lines ends;
  IOLoop loop;
  {
    RpcTask<> task = wait_by_asio(loop, ends);
    task.await_suspend(std::noop_coroutine()).resume();
    loop.run_until_idle();
  }
  loop.run_until_idle();
  EXPECT_EQ(ends, Lines{"aborted"});
}

// ---- tasks that Asio's coroutines await ----

RpcTask<Int32Value> add1(RpcCaller& caller, int value) {
  const Int32Value request = number(value);
  co_return co_await call<Int32Value>(caller, "Add1", request);
}

RpcTask<> nothing(bool fails) {
  if (fails) throw std::runtime_error("nothing came of it");
  co_return;
}

asio::awaitable<void> run_tasks(RpcPair& pair, Lines& ends) {
  const Int32Value sum = co_await async_run(pair.loop, add1(*pair.client, 4), asio::use_awaitable);
  ends.push_back(std::to_string(sum.value()));
  co_await async_run(pair.loop, nothing(false), asio::use_awaitable);
  try {
    co_await async_run(pair.loop, nothing(true), asio::use_awaitable);
  } catch (const std::runtime_error& error) {
    ends.push_back(error.what());
  }
}

TEST(RpcAsyncRun, GivesAnAwaitableWhatATaskReturnsOrThrows) {
  RpcPair pair;
  pair.connect();
  Lines ends;
  spawn(pair.loop, run_tasks, std::ref(pair), std::ref(ends));
  pair.loop.run_until_idle();
  EXPECT_EQ(ends, (Lines{"5", "nothing came of it"}));
}

RpcTask<> read_one(RpcReader<Int32Value> reader) {
  const auto message = co_await reader.read();
  static_cast<void>(message);
}

RpcTask<> ask_later(RpcPair& pair) {
  const Int32Value request = number(1);
  co_await call<Int32Value>(*pair.client, "Later", request);
}

// How a task ended that is run with a slot of its own.
struct Slotted {
  Slotted(IOLoop& loop, RpcTask<> task) {
    async_run(loop, std::move(task),
              asio::bind_cancellation_slot(signal.slot(), [this](const std::exception_ptr& error) {
                try {
                  std::rethrow_exception(error);
                } catch (const std::exception& thrown) {
                  end = thrown.what();
                }
              }));
  }
  asio::cancellation_signal signal;
  std::string end;
};

TEST(RpcAsyncRun, DestroysTheTaskWhenItIsCancelled) {
  RpcPair pair;
  pair.connect();
  Slotted run(pair.loop, ask_later(pair));
  pair.loop.run_until_idle();
  ASSERT_EQ(pair.replies.size(), 1u);
  run.signal.emit(asio::cancellation_type::terminal);
  pair.loop.run_until_idle();
  EXPECT_EQ(run.end, std::system_error(asio::error::operation_aborted).what());
  EXPECT_TRUE(pair.replies[0].context().cancelled()) << "so is the call that it awaited";
}

TEST(RpcAsyncRun, DestroysATaskThatReadsAStream) {
  RpcPair pair;
  std::vector<RpcWriter<Int32Value>> writers;
  pair.services.on_server_stream<Int32Value, Int32Value>(
      "Silent", [&](RpcContext&, const Int32Value&, RpcWriter<Int32Value> out) {
        writers.push_back(std::move(out));
      });
  pair.connect();
  const auto reader = open_server_stream<Int32Value>(*pair.client, "Silent", number(1));
  Slotted run(pair.loop, read_one(reader));
  pair.loop.run_until_idle();
  ASSERT_EQ(writers.size(), 1u);
  run.signal.emit(asio::cancellation_type::terminal);
  pair.loop.run_until_idle();
  writers[0].send(number(1));  // which wakes nobody
  writers.clear();
  pair.loop.run_until_idle();
  EXPECT_EQ(run.end, std::system_error(asio::error::operation_aborted).what());
  EXPECT_EQ(pair.client->calls_made(), 0u);
}

// ---- handlers that are no coroutines ----

TEST(RpcCancellation, CancelsTheOperationsOfAHandlerWithItsCall) {
  RpcPair pair;
  Lines ends;
  pair.services.on<Int32Value, Int32Value>(
      "Time", [&](RpcContext& context, Int32Value&, RpcReply<Int32Value> reply) {
        auto timer =
            std::make_shared<asio::steady_timer>(executor(context.loop()), std::chrono::hours(1));
        const RpcCancellation cancellation(context);
        timer->async_wait(asio::bind_cancellation_slot(
            cancellation.slot(), [&ends, timer, reply, cancellation](std::error_code error) {
              ends.push_back(error == asio::error::operation_aborted ? "aborted" : "over");
            }));
      });
  pair.connect();
  const auto call = pair.client->call<Int32Value>("Time", number(1), pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(ends, Lines{});
  call.cancel();
  pair.loop.run_until_idle();
  EXPECT_EQ(ends, Lines{"aborted"});
  EXPECT_EQ(pair.server->calls_answered(), 0u);
}

}  // namespace
}  // namespace twister
