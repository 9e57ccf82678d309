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
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/codecs/error.hpp>
#include <twister/memory_budget.hpp>
#include <twister/protocol.hpp>
#include <twister/rpc/detail/call_table.hpp>
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

// Knows who has which name: a JsonRpcServer.
class JsonRpcNames {
 public:
  virtual bool take_name(JsonRpcPeer& peer, const std::string& name) = 0;
  virtual std::shared_ptr<JsonRpcPeer> node(std::string_view name) const = 0;

 protected:
  ~JsonRpcNames() = default;
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
class JsonRpcPeer : public std::enable_shared_from_this<JsonRpcPeer> {
 public:
  using json = nlohmann::json;
  using CallOptions = JsonRpcCallOptions;

  // `methods` outlives it. Nothing is sent before attach().
  static std::shared_ptr<JsonRpcPeer> make(IOLoop& loop, const JsonRpcMethods& methods,
                                           const JsonRpcOptions& options = {});
  JsonRpcPeer(const JsonRpcPeer&) = delete;
  JsonRpcPeer& operator=(const JsonRpcPeer&) = delete;
  ~JsonRpcPeer() = default;

  // ---- calling ----

  // The function that is returned cancels the call, which ends with CANCELLED; the peer is not told.
  std::function<void()> call(std::string_view method, json params, JsonRpcCallback done,
                             const JsonRpcCallOptions& options = {});
  WriteStatus notify(std::string_view method, json params = nullptr);
  // An empty batch sends nothing.
  WriteStatus send(JsonRpcBatch batch);

  bool is_open() const noexcept { return static_cast<bool>(send_); }
  std::size_t calls_in_flight() const noexcept { return calls_.size(); }
  // Calls of the peer that are being answered.
  std::size_t calls_served() const noexcept { return serving_; }
  const JsonRpcCounters& counters() const noexcept { return counters_; }
  IOLoop& loop() const noexcept { return loop_; }
  // The connection while there is one, and it is one.
  Protocol* connection() const noexcept { return connection_; }
  MemoryBudget& memory_budget() const noexcept {
    return budget_ != nullptr ? *budget_ : MemoryBudget::of_process();
  }

  // ---- for those who carry the messages ----

  using Send = std::function<WriteStatus(const json& message)>;
  // There is a connection: what waits is sent, in order, and from now on `send` is called. It must not
  // call back. When `budget` is used up, requests are refused; null: MemoryBudget::of_process().
  void attach(Send send, Protocol* connection = nullptr, MemoryBudget* budget = nullptr);
  // A message has come. What is in it may be moved from.
  void receive(json& message);
  // What has come was no message.
  void receive_malformed(const CodecError& error);
  // There is no connection any more: calls end, late answers go nowhere.
  void detach(const RpcStatus& why);
  // Calls that are made while there is no connection wait for one; `wanted` is told of each.
  void queue_calls(std::function<void()> wanted) { wanted_ = std::move(wanted); }
  // Ends all calls, sent or not; and the same from the loop, not inside this call.
  void end_calls(const RpcStatus& why);
  void end_calls_soon(const RpcStatus& why);
  // Requests are refused from now on; `idle` is called when all that came before are answered, perhaps
  // at once.
  void drain(std::function<void()> idle);
  // Something that belongs to the connection, by a key of its own; null at first, and destroyed with the
  // connection.
  std::shared_ptr<void>& part(const void* key) { return parts_[key]; }
  // Whose names the methods of add_names() are about, as long as the connection lasts; null: there are none.
  void use_names(detail::JsonRpcNames* names) noexcept { names_ = names; }
  detail::JsonRpcNames* names() const noexcept { return names_; }

 private:
  friend class detail::JsonRpcAnswer;
  struct ServedBatch;
  // A message that waits for a connection, and the calls in it.
  struct Waiting {
    json message;
    std::vector<std::uint64_t> calls;
    bool notifies;
  };

  JsonRpcPeer(IOLoop& loop, const JsonRpcMethods& methods, const JsonRpcOptions& options);

  // Calling.
  json request(std::string_view method, json& params) const;
  std::optional<std::uint64_t> begin_call(json& request, const JsonRpcCallback& done,
                                          const JsonRpcCallOptions& options);
  WriteStatus transmit(Waiting message);
  void end_unsent(const std::vector<std::uint64_t>& calls, WriteStatus status);
  void take_response(json& response);

  // Serving.
  void serve(json& request, const std::shared_ptr<ServedBatch>& batch);
  void run(json& request, json id, bool is_notification, const std::shared_ptr<ServedBatch>& batch);
  void serve_batch(json& items);
  void answer(json response, ServedBatch* batch);
  void answer_late(json response, const std::shared_ptr<ServedBatch>& batch, std::uint64_t epoch);
  void finish(ServedBatch& batch);
  void send_response(const json& response);
  void tell_idle();

  IOLoop& loop_;
  const JsonRpcMethods& methods_;
  JsonRpcOptions options_;
  Send send_;
  Protocol* connection_ = nullptr;
  MemoryBudget* budget_ = nullptr;  // null: the process's
  detail::CallTable<JsonRpcResult> calls_;
  std::deque<Waiting> waiting_;
  std::function<void()> wanted_;
  std::function<void()> idle_;
  detail::JsonRpcNames* names_ = nullptr;
  std::size_t serving_ = 0;
  std::size_t replies_ = 0;  // that handlers have, answered or not
  std::uint64_t epoch_ = 0;  // of connections: answers to an earlier one are dropped
  JsonRpcCounters counters_;
  std::map<const void*, std::shared_ptr<void>> parts_;
};

}  // namespace twister
