#include <stdexcept>

#include <asio/use_awaitable.hpp>

#include <twister/rpc/json_rpc_coroutines.hpp>

#include "json_rpc_pair.hpp"

namespace twister::testing {
namespace {

class JsonRpcCoroutines : public LonePeer {
 protected:
  JsonRpcCoroutines() { start(); }
};

asio::awaitable<json> ask_back(std::shared_ptr<JsonRpcPeer> caller, json params) {
  json result = co_await async_call(*caller, "back", params, asio::use_awaitable);
  co_return json::array({result, "thanks"});
}

asio::awaitable<void> fail(json) {
  throw RpcError(RpcCode::not_found, "nothing");
  co_return;
}

TEST_F(JsonRpcCoroutines, AreHandlersThatMayCallBack) {
  methods.on("ask", json_rpc_coroutine(ask_back));
  receive(R"({"jsonrpc":"2.0","id":"a","method":"ask","params":[1]})");
  loop.run_until_idle();
  EXPECT_EQ(take(), json::parse(R"([{"jsonrpc":"2.0","id":1,"method":"back","params":[1]}])"));
  receive(R"({"jsonrpc":"2.0","id":1,"result":5})");
  loop.run_until_idle();
  EXPECT_EQ(take(), json::parse(R"([{"jsonrpc":"2.0","id":"a","result":[5,"thanks"]}])"));
}

TEST_F(JsonRpcCoroutines, HandOnWhatWasThrown) {
  methods.on("ask", json_rpc_coroutine(ask_back));
  methods.on("fail", json_rpc_coroutine(fail));
  receive(R"({"jsonrpc":"2.0","id":"a","method":"ask","params":[1]})");
  loop.run_until_idle();
  take();
  receive(R"({"jsonrpc":"2.0","id":1,"error":{"code":17,"message":"no"}})");
  receive(R"({"jsonrpc":"2.0","id":"b","method":"fail"})");
  loop.run_until_idle();
  EXPECT_EQ(take(), json::parse(R"([
      {"jsonrpc":"2.0","id":"a","error":{"code":17,"message":"no"}},
      {"jsonrpc":"2.0","id":"b","error":{"code":-32005,"message":"nothing"}}])"));
}

asio::awaitable<void> call_once(std::shared_ptr<JsonRpcPeer> peer, std::string& told) {
  try {
    json result = co_await async_call(*peer, "m", json(), asio::use_awaitable);
    told = result.dump();
  } catch (const RpcError& error) {
    told = error.what();
  }
}

asio::awaitable<void> ask_for_long(std::shared_ptr<JsonRpcPeer> caller, json, std::string& ended) {
  try {
    co_await async_call(*caller, "back", json(), asio::use_awaitable, {.timeout = never});
  } catch (const RpcError& error) {
    ended = error.what();
  }
}

TEST_F(JsonRpcCoroutines, AreCancelledWhenTheirTimeIsOver) {
  std::string ended;
  methods.on("ask", json_rpc_coroutine([&](std::shared_ptr<JsonRpcPeer> caller, json params) {
               return ask_for_long(std::move(caller), std::move(params), ended);
             }),
             {.timeout = std::chrono::seconds(1)});
  receive(R"({"jsonrpc":"2.0","id":"a","method":"ask"})");
  loop.run_until_idle();
  clock.advance(std::chrono::seconds(1));
  loop.run_until_idle();
  EXPECT_EQ(ended, "CANCELLED: cancelled by the caller");
  const json all = take();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(error_code(all[1]), -32004);
}

TEST_F(JsonRpcCoroutines, EndWithTheConnection) {
  std::string told;
  spawn(loop, call_once, peer, std::ref(told));
  loop.run_until_idle();
  peer->detach({RpcCode::unavailable, "lost"});
  loop.run_until_idle();
  EXPECT_EQ(told, "UNAVAILABLE: lost");
}

}  // namespace
}  // namespace twister::testing
