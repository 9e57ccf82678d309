// Input: JSON texts, one a line. Each is given to a peer that has a call in flight; how many answers come
// is compared with a count so simple that it can be seen to be right, and each has to be one.
#include <twister/codecs/json.hpp>
#include <twister/io_loop.hpp>
#include <twister/log.hpp>
#include <twister/rpc/json_rpc_peer.hpp>
#include <twister/testing/manual_clock.hpp>

#include "cuts.hpp"

namespace {

using nlohmann::json;

bool is_id(const json& id) {
  return id.is_null() || id.is_string() || id.is_number();
}

// How many response objects one message leads to.
std::size_t answers_to(const json& message) {
  if (!message.is_object()) return 1;
  const bool has_method = message.contains("method");
  if (!has_method && (message.contains("result") || message.contains("error"))) return 0;
  const bool is_sound = message.contains("jsonrpc") && message.at("jsonrpc") == "2.0" &&
                        has_method && message.at("method").is_string() &&
                        (!message.contains("params") || message.at("params").is_structured());
  if (is_sound && !message.contains("id")) return 0;
  return 1;
}

void check_response(const json& response) {
  using twister::fuzz::expect;
  expect(response.is_object() && response.at("jsonrpc") == "2.0", "no response");
  expect(response.contains("id") && is_id(response.at("id")), "a response without an id");
  expect(response.contains("result") != response.contains("error"), "both or none");
  if (response.contains("error")) {
    expect(response.at("error").at("code").is_number_integer(), "an error without a code");
    expect(response.at("error").at("message").is_string(), "an error without a message");
  }
}

std::size_t count_responses(const json& sent) {
  if (!sent.is_array()) {
    check_response(sent);
    return 1;
  }
  twister::fuzz::expect(!sent.empty(), "an empty batch");
  for (const json& response : sent) check_response(response);
  return sent.size();
}

void add_methods(twister::JsonRpcMethods& methods, std::vector<twister::JsonRpcReply>& kept) {
  using namespace twister;
  methods.on("e", {"a", "b"}, [](json a, std::optional<int> b) { return b ? json(*b) : a; });
  methods.on("t", []() -> json { throw JsonRpcError(5, "thrown"); });
  methods.on("p", [](const json& params) { return params; });
  methods.on("l", [&](JsonRpcContext&, const json&, JsonRpcReply reply) {
    kept.push_back(std::move(reply));
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  static const bool is_quiet = [] {
    set_log_sink([](const LogRecord&) {});
    return true;
  }();
  fuzz::expect(is_quiet, "the log is quiet");
  testing::ManualClock clock;
  IOLoop loop(clock);
  JsonRpcMethods methods;
  std::vector<JsonRpcReply> kept;
  add_methods(methods, kept);
  JsonRpcOptions options;
  options.max_batch_items = 4;
  options.max_calls_in_flight = 64;
  const auto peer = JsonRpcPeer::make(loop, methods, options);
  std::size_t answered = 0;
  std::size_t ended = 0;
  std::size_t calls = 0;
  peer->attach([&](const json& message) {
    if (!message.is_object() || !message.contains("method")) answered += count_responses(message);
    return WriteStatus::queued;
  });

  std::string_view rest(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 4096));
  std::size_t expected = 0;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    Json payload(JsonOptions{.max_depth = 8});
    if (const CodecError error = payload.decode(as_bytes(line))) {
      peer->receive_malformed(error);
      ++expected;
      continue;
    }
    json message = payload.message();
    if (message.is_array() && !message.empty() && message.size() <= options.max_batch_items) {
      for (const json& item : message) expected += answers_to(item);
    } else {
      expected += message.is_array() ? 1 : answers_to(message);
    }
    ++calls;
    peer->call("c", nullptr, [&](const JsonRpcResult&) { ++ended; });
    peer->receive(message);
    if (kept.size() > 2) kept.erase(kept.begin());
  }
  kept.clear();
  fuzz::expect(answered == expected, "other answers than the simple count");
  peer->detach({RpcCode::unavailable, "over"});
  loop.run_until_idle();
  fuzz::expect(ended == calls, "a call did not end once");
  return 0;
}
