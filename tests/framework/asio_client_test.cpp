// Connecting for any completion token. Coroutines take arguments and capture nothing: see <twister/asio.hpp>.
#include <functional>
#include <string>
#include <system_error>
#include <utility>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <twister/asio.hpp>

#include "memory/client_parts.hpp"
#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using namespace asio::experimental::awaitable_operators;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

asio::awaitable<void> say_hello(TcpClient& client, std::string server, std::string& reply) {
  IOStream stream = co_await async_connect(client, server, asio::use_awaitable);
  stream.write("hello");
  const auto got = co_await async_read_bytes(stream, 5, asio::use_awaitable);
  reply = got.value_or("nothing");
}

asio::awaitable<void> catch_failure(TcpClient& client, Destination server, std::error_code& code,
                                    std::string& what) {
  try {
    co_await async_connect(client, server, asio::use_awaitable);
  } catch (const std::system_error& error) {
    code = error.code();
    what = error.what();
  }
}

asio::awaitable<void> connect_or_post(TcpClient& client, Destination server, std::size_t& winner) {
  auto result = co_await (async_connect(client, server, asio::use_awaitable) ||
                          asio::post(executor(client.loop()), asio::use_awaitable));
  winner = result.index();
}

// The client lives as long as the coroutine does.
asio::awaitable<void> own_a_client(std::unique_ptr<TcpClient> client, Destination server,
                                   std::shared_ptr<int> kept) {
  co_await async_connect(*client, server, asio::use_awaitable);
  ++*kept;
}

class AsyncConnect : public ClientTest {
 protected:
  TcpClient client{loop, options()};
};

TEST_F(AsyncConnect, GivesAStream) {
  IOLoop own;
  TcpServer server(own, "127.0.0.1:0", build<EchoBack>());
  server.start();
  TcpClient over_sockets(own);
  std::string reply;
  spawn(own, say_hello, std::ref(over_sockets), server.local_addresses()[0].to_string(),
        std::ref(reply));
  run_until(own, [&] { return !reply.empty(); });
  EXPECT_EQ(reply, "hello");
}

TEST_F(AsyncConnect, ThrowsWhatNamesTheServer) {
  std::error_code code;
  std::string what;
  spawn(loop, catch_failure, std::ref(client), Destination("example.com:80"), std::ref(code),
        std::ref(what));
  loop.run_until_idle();
  resolver.answer(0, {"192.0.2.1:80"});
  dialer.fail(0);
  EXPECT_EQ(code, std::errc::connection_refused);
  EXPECT_EQ(what, "cannot connect to example.com:80 (192.0.2.1:80): Connection refused");
}

TEST_F(AsyncConnect, AFailureThatNobodyCatchesIsLoggedWithItsServer) {
  std::string reply;
  spawn(loop, say_hello, std::ref(client), std::string("example.com:80"), std::ref(reply));
  loop.run_until_idle();
  resolver.answer(0, {});
  EXPECT_THAT(log.lines(), ElementsAre(HasSubstr("cannot connect to example.com:80")));
}

TEST_F(AsyncConnect, IsCancelledByItsSlot) {
  asio::cancellation_signal signal;
  std::error_code code;
  const auto note = [&](std::exception_ptr error, IOStream stream) {
    EXPECT_FALSE(stream.is_open());
    try {
      std::rethrow_exception(error);
    } catch (const std::system_error& why) {
      code = why.code();
    }
  };
  async_connect(client, "example.com:80", asio::bind_cancellation_slot(signal.slot(), note));
  signal.emit(asio::cancellation_type::terminal);
  EXPECT_FALSE(code);
  loop.run_until_idle();
  EXPECT_EQ(code, asio::error::operation_aborted);
  EXPECT_TRUE(resolver.questions()[0].ended);
  signal.emit(asio::cancellation_type::terminal);  // late
}

TEST_F(AsyncConnect, LosesAgainstWhatIsFaster) {
  std::size_t winner = 7;
  spawn(loop, connect_or_post, std::ref(client), Destination("example.com:80"), std::ref(winner));
  loop.run_until_idle();
  EXPECT_EQ(winner, 1U);
  EXPECT_TRUE(resolver.questions()[0].ended);
  EXPECT_FALSE(loop.next_timer());
}

TEST_F(AsyncConnect, ACoroutineThatOwnsItsClientEndsWithTheLoop) {
  for (const char* server : {"192.0.2.1:80", "example.com:80"}) {
    auto own = std::make_unique<IOLoop>(clock);
    ManualDialer its_dialer(*own);
    TcpClientOptions with = options();
    with.dialer = &its_dialer;
    const auto kept = std::make_shared<int>(0);
    spawn(*own, own_a_client, std::make_unique<TcpClient>(*own, with), Destination(server), kept);
    own->run_until_idle();
    EXPECT_EQ(kept.use_count(), 2);
    own.reset();
    EXPECT_EQ(kept.use_count(), 1) << server;
    EXPECT_EQ(its_dialer.pending(), 0U);
  }
  EXPECT_TRUE(resolver.questions()[0].ended);
}

TEST_F(AsyncConnect, ThrowsWhenTheClientIsDestroyed) {
  std::optional<TcpClient> other(std::in_place, loop, options());
  std::error_code code;
  std::string what;
  spawn(loop, catch_failure, std::ref(*other), Destination("example.com:80"), std::ref(code),
        std::ref(what));
  loop.run_until_idle();
  other.reset();
  loop.run_until_idle();
  EXPECT_EQ(code, asio::error::operation_aborted);
}

}  // namespace
}  // namespace twister::testing
