// twister/rpc/json_rpc_peer.hpp - the other side of a JSON-RPC connection: call it, and serve it.
//
//   peer->call("subtract", {42, 23}, [](const JsonRpcResult& result) {
//     if (result.ok()) std::cout << result.value << '\n';       // 19
//   });
//   peer->notify("update", {1, 2, 3});
//
// JsonRpcConnection, JsonRpcServer and JsonRpcClient in json_rpc.hpp have one each and carry its
// messages. By itself it does neither input nor output: values go in and out, so that other carriers
// than streams will do, and tests need none.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/codecs/error.hpp>
#include <twister/rpc/detail/duplex_peer.hpp>
#include <twister/rpc/json_rpc_error.hpp>
#include <twister/rpc/json_rpc_methods.hpp>
#include <twister/rpc/status.hpp>

namespace twister {

struct JsonRpcOptions {
  // By the names of AnyFraming: "lines", "length-prefixed", "content-length", "json-texts".
  std::string framing = "lines";
  std::size_t max_message_bytes = 1024 * 1024;  // both directions
  std::size_t max_depth = 64;                   // of a message, both directions
  // Calls that wait for their answers, of each direction; of the peer's also those whose handlers still
  // have a reply, although they were answered or cancelled.
  std::size_t max_calls_in_flight = 1024;
  // A short item can cost an answer of a hundred bytes.
  std::size_t max_batch_items = 256;
  // Of calls that do not say otherwise; `never` for none.
  std::chrono::milliseconds call_timeout = std::chrono::seconds(30);
  // Names that one connection may register with a server.
  std::size_t max_names = 16;
  std::size_t max_name_bytes = 255;
};

// How a call ended.
struct JsonRpcResult {
  JsonRpcResult() = default;
  explicit JsonRpcResult(RpcStatus ended) : status(std::move(ended)) {}

  bool ok() const noexcept { return status.ok(); }
  // The value, or what went wrong as an exception: JsonRpcError when the peer said so, RpcError
  // otherwise.
  nlohmann::json value_or_throw() &&;

  nlohmann::json value = nullptr;
  // What became of it, the peer's error included: DEADLINE_EXCEEDED, CANCELLED, UNAVAILABLE for a
  // connection that is lost or not there, RESOURCE_EXHAUSTED for too many calls, INVALID_ARGUMENT
  // for what cannot be sent, DATA_LOSS for an answer that is none.
  RpcStatus status{};
  std::optional<JsonRpcError> error{};  // as the peer sent it
};

using JsonRpcCallback = std::function<void(JsonRpcResult result)>;

struct JsonRpcCallOptions {
  std::optional<std::chrono::milliseconds> timeout{};  // unset: JsonRpcOptions::call_timeout
};

// Several calls and notifications that travel in one message. Each call ends by itself.
class JsonRpcBatch {
 public:
  void call(std::string_view method, nlohmann::json params, JsonRpcCallback done,
            const JsonRpcCallOptions& options = {});
  void notify(std::string_view method, nlohmann::json params = nullptr);

 private:
  friend class JsonRpcPeer;
  struct Item {
    std::string method;
    nlohmann::json params;
    JsonRpcCallback done;  // none: a notification
    JsonRpcCallOptions options;
  };
  std::vector<Item> items_;
};

struct JsonRpcCounters {
  std::uint64_t requests = 0;             // that came, notifications included
  std::uint64_t invalid = 0;              // messages that were no requests and no responses
  std::uint64_t refused = 0;              // requests and batches over a limit
  std::uint64_t unmatched_responses = 0;  // to no call that waits: late, repeated, of a wrong id
};

class JsonRpcPeer;

namespace detail {

template <class Peer>
class Nodes;
struct JsonRpcServedBatch;

struct JsonRpcWire {
  using Peer = JsonRpcPeer;
  using Methods = JsonRpcMethods;
  using Context = JsonRpcContext;
  using Reply = JsonRpcReply;
  using Options = JsonRpcOptions;
  using CallOptions = JsonRpcCallOptions;
  using Result = JsonRpcResult;
  using Counters = JsonRpcCounters;
  using Message = nlohmann::json;
  struct Ticket {
    nlohmann::json id{};
    bool is_notice = false;
    std::weak_ptr<JsonRpcServedBatch> batch{};  // none for a call by itself
  };

  // The largest integer that every peer's JSON holds exactly, and one more.
  static constexpr std::uint64_t call_ids = std::uint64_t{1} << 53;
  static constexpr std::uint64_t first_call_id = 1;
  static constexpr const char* name = "JsonRpcPeer";
  static constexpr const char* unsendable =
      "the call cannot be sent: not JSON, too deep or too long";

  static RpcStatus check_params(const nlohmann::json& params);
  static nlohmann::json request(std::uint64_t id, std::string_view method, nlohmann::json params);
  static DuplexFailure failure(const RpcStatus& status);
  static DuplexFailure failure(const JsonRpcError& error, const std::string& method = {});
  static DuplexFailure internal_error(const std::string& reference, const std::string& method);
  static RpcStatus unknown_method(const std::string& method);
};

}  // namespace detail

// Both sides of JSON-RPC 2.0 (jsonrpc.org/specification), one object for the two.
//
// Serving: an id that is absent makes a notification, which is never answered. An id comes back with
//   the type that it had. What is no request is answered with the id if it has a proper one, else
//   with null. What looks like a response is never answered, whatever is wrong with it.
// Calling: ids are numbers. A callback is called once, from the loop, never inside call(): when the
//   answer comes, at the deadline, when the connection is lost. `params` is an array, an object, or
//   null for none.
// Ownership: shared by its connection and those who keep it; the loop outlives it.
// Threads: the loop's.
// Limits: JsonRpcOptions. Too many calls here end with RESOURCE_EXHAUSTED, those of the peer are
//   answered with -32008, as are all of them while the memory budget is used up; a batch that is too long
//   with one -32600.
// Errors: a callback that throws is an event that threw: logged, and the connection is aborted where
//   the answer came by it.
// What both wires have is in detail/duplex_peer.hpp: call(), observers, and how messages are carried.
class JsonRpcPeer : public detail::DuplexPeer<detail::JsonRpcWire> {
 public:
  // `methods` outlives it. Nothing is sent before attach().
  static std::shared_ptr<JsonRpcPeer> make(IOLoop& loop, const JsonRpcMethods& methods,
                                           const JsonRpcOptions& options = {});

  WriteStatus notify(std::string_view method, json params = nullptr);
  // An empty batch sends nothing.
  WriteStatus send(JsonRpcBatch batch);

  // ---- for those who carry the messages ----

  // There is a connection: what waits is sent, in order, and from now on `send` is called. It must not
  // call back. When `budget` is used up, requests are refused; null: MemoryBudget::of_process().
  void attach(Send send, Protocol* connection = nullptr, MemoryBudget* budget = nullptr);
  void detach(const RpcStatus& why);
  // A message has come. What is in it may be moved from.
  void receive(json& message);
  // What has come was no message.
  void receive_malformed(const CodecError& error);
  // Whose names the methods of add_names() are about, as long as the connection lasts; null: there are none.
  void use_names(detail::Nodes<JsonRpcPeer>* names) noexcept { names_ = names; }
  detail::Nodes<JsonRpcPeer>* names() const noexcept { return names_; }

 private:
  using Batch = detail::JsonRpcServedBatch;
  using DuplexPeer::DuplexPeer;

  void take_response(json& response);
  void take_request(json& request, const std::shared_ptr<Batch>& batch);  // null for one by itself
  void serve_batch(json& items);
  void answer(const Ticket& ticket, json error, json result) override;
  void respond(json response, Batch* batch);
  void finish(const std::shared_ptr<Batch>& batch);
  void send_response(const json& response);

  detail::Nodes<JsonRpcPeer>* names_ = nullptr;
  std::unordered_set<std::shared_ptr<Batch>> batches_;  // of the peer's, not yet answered
};

}  // namespace twister
