#include <stdexcept>

#include <asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/rpc/json_rpc_coroutines.hpp>
#include <twister/rpc/torpc_coroutines.hpp>
#include <twister/testing/manual_clock.hpp>

namespace twister::testing {
namespace {

using nlohmann::json;

class TorpcCoroutines : public ::testing::Test {
 protected:
  TorpcCoroutines() {
    peer = TorpcPeer::make(loop, services);
    peer->attach([this](const TorpcMessage& message) {
      sent.push_back(message.body);
      return WriteStatus::queued;
    });
    peer->start_calls();
  }
  void receive(TorpcType type, std::int32_t id, json body) {
    TorpcMessage message{type, id, std::move(body)};
    peer->receive(message);
    loop.run_until_idle();
  }
  json take() { return std::exchange(sent, json::array()); }

  ManualClock clock;
  IOLoop loop{clock};
  TorpcServices services;
  std::shared_ptr<TorpcPeer> peer;
  json sent = json::array();
};

asio::awaitable<std::string> ask_back(std::shared_ptr<TorpcPeer> caller, const std::string& what,
                                      std::optional<int> times) {
  json arguments = json::array({what});
  json result = co_await async_call(*caller, "back", arguments, asio::use_awaitable);
  co_return what + result.get<std::string>() + std::to_string(times.value_or(0));
}

asio::awaitable<void> refuse(int) {
  throw RpcError(RpcCode::not_found, "nothing");
  co_return;
}

TEST_F(TorpcCoroutines, AreFunctionsThatMayCallBack) {
  services.on("ask", torpc_coroutine(ask_back));
  receive(TorpcType::request, 7, {"ask", {"a", 2}});
  EXPECT_EQ(take(), json::parse(R"([["back",["a"]]])"));
  receive(TorpcType::response, 0, {nullptr, "b"});
  EXPECT_EQ(take(), json::parse(R"([[null,"ab2"]])"));
}

TEST_F(TorpcCoroutines, HandOnWhatWasThrown) {
  services.on("ask", torpc_coroutine(ask_back));
  services.on("refuse", torpc_coroutine(refuse));
  receive(TorpcType::request, 7, {"refuse", json::array({1})});
  receive(TorpcType::request, 8, {"refuse", {"1"}});
  receive(TorpcType::request, 9, {"ask", json::array({"a"})});
  receive(TorpcType::response, 0, {"no room", nullptr});
  EXPECT_EQ(take(), json::parse(R"([["nothing",null],
                                    ["refuse: argument 1 is not an integer",null],
                                    ["back",["a"]],["no room",null]])"));
}

TEST_F(TorpcCoroutines, AreCancelledWhenTheirTimeIsOver) {
  std::string ended;
  const auto ask = [&](json) -> asio::awaitable<void> {
    try {
      co_await async_call(*peer, "back", json(), asio::use_awaitable, {.timeout = never});
    } catch (const RpcError& error) {
      ended = error.what();
    }
  };
  services.on("ask", torpc_coroutine(ask), {.timeout = std::chrono::seconds(1)});
  receive(TorpcType::request, 7, {"ask", json::array({1})});
  take();
  clock.advance(std::chrono::seconds(1));
  loop.run_until_idle();
  EXPECT_EQ(ended, "CANCELLED: cancelled by the caller");
  EXPECT_EQ(take(), json::parse(R"([["the deadline passed while it was answered",null]])"));
}

TEST(TorpcResult, IsItsValueOrThrows) {
  TorpcResult fine;
  fine.value = 5;
  EXPECT_EQ(std::move(fine).value_or_throw(), 5);
  EXPECT_THROW(TorpcResult(RpcStatus(RpcCode::unknown, "no")).value_or_throw(), RpcError);
}

}  // namespace
}  // namespace twister::testing
