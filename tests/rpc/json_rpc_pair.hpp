// Two peers joined by nothing but a loop, and one alone whose messages are kept.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/rpc/json_rpc_peer.hpp>
#include <twister/testing/manual_clock.hpp>

namespace twister::testing {

using nlohmann::json;

// A peer whose carrier is a list.
class LonePeer : public ::testing::Test {
 protected:
  void start(const JsonRpcOptions& options = {}) {
    peer = JsonRpcPeer::make(loop, methods, options);
    peer->attach([this](const json& message) {
      if (when_sent != WriteStatus::refused) sent.push_back(message);
      return when_sent;
    });
  }
  void receive(const std::string& text) {
    json message = json::parse(text);
    peer->receive(message);
  }
  // What was sent since the last call, as an array.
  json take() { return std::exchange(sent, json::array()); }
  // The one answer to a message, or null.
  json answer_to(const std::string& text) {
    receive(text);
    const json all = take();
    EXPECT_LE(all.size(), 1u) << all;
    return all.empty() ? json() : all[0];
  }
  static JsonRpcCallback keep(std::vector<JsonRpcResult>& kept) {
    return [&kept](JsonRpcResult result) { kept.push_back(std::move(result)); };
  }

  ManualClock clock;
  IOLoop loop{clock};
  JsonRpcMethods methods;
  std::shared_ptr<JsonRpcPeer> peer;
  json sent = json::array();
  WriteStatus when_sent = WriteStatus::queued;
  std::vector<JsonRpcResult> results;
};

// `code` of an error response; 0 for none.
inline std::int64_t error_code(const json& response) {
  return response.is_object() && response.contains("error")
             ? response["error"]["code"].get<std::int64_t>()
             : 0;
}

}  // namespace twister::testing
