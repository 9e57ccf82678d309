// twister/rpc/torpc_peer.hpp - the other side of a torpc connection: call it, and serve it.
//
//   peer->call("add", {1, 2}, [](const TorpcResult& result) {
//     if (result.ok()) std::cout << result.value << '\n';       // 3
//   });
//   peer->notice("log", {"hello"});
//
// Servers and clients in torpc.hpp have one for each connection. By itself it does neither input nor
// output: messages go in and out.
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
#include <utility>

#include <nlohmann/json.hpp>

#include <twister/memory_budget.hpp>
#include <twister/protocol.hpp>
#include <twister/rpc/detail/call_table.hpp>
#include <twister/rpc/status.hpp>
#include <twister/rpc/torpc_codec.hpp>
#include <twister/rpc/torpc_services.hpp>

namespace twister {

struct TorpcOptions {
  std::size_t max_body_bytes = 1024 * 1024;  // of a message, both directions
  std::size_t max_depth = 64;                // of a body, both directions
  std::size_t max_items = 64 * 1024;         // of a body, both directions: see MsgpackOptions
  // Calls that wait for their answers, of each direction; of the peer's also those whose handlers still
  // have a reply, although they were answered or cancelled.
  std::size_t max_calls_in_flight = 1024;
  // Of calls that do not say otherwise; `never` for none.
  std::chrono::milliseconds call_timeout = std::chrono::seconds(30);
  // Names that one connection may register with a server.
  std::size_t max_names = 16;
  std::size_t max_name_bytes = 255;
};

// How a call ended.
struct TorpcResult {
  TorpcResult() = default;
  explicit TorpcResult(RpcStatus ended) : status(std::move(ended)) {}

  bool ok() const noexcept { return status.ok(); }
  // The value, or what went wrong as an RpcError.
  nlohmann::json value_or_throw() &&;

  nlohmann::json value = nullptr;
  // UNKNOWN with the text of the peer's error. DEADLINE_EXCEEDED, CANCELLED, UNAVAILABLE for a
  // connection that is lost or not there, RESOURCE_EXHAUSTED for too many calls, INVALID_ARGUMENT for
  // what cannot be sent.
  RpcStatus status{};
};

using TorpcCallback = std::function<void(TorpcResult result)>;

struct TorpcCallOptions {
  std::optional<std::chrono::milliseconds> timeout{};  // unset: TorpcOptions::call_timeout
};

struct TorpcCounters {
  std::uint64_t requests = 0;             // that came, notices included
  std::uint64_t malformed = 0;            // frames whose body was none
  std::uint64_t unknown_types = 0;        // frames of a type that there is not: stepped over
  std::uint64_t unmatched_responses = 0;  // to no call that waits: late, repeated, of a wrong id
};

// Both sides of torpc, one object for the two.
//
// Serving: an error is a text. What is no request is answered with one if it came as a request.
// Calling: ids go from 0 to 2^30 and around, past those in flight. A callback is called once, from the
//   loop, never inside call(): when the answer comes, at the deadline, when the connection is lost.
//   `arguments` is an array, or null for none.
// Ownership: shared by its connection and those who keep it; the loop outlives it.
// Threads: the loop's.
// Limits: TorpcOptions. Too many calls here end with RESOURCE_EXHAUSTED, those of the peer are answered
//   with an error at once, as are all of them while the memory budget is used up.
class TorpcPeer : public std::enable_shared_from_this<TorpcPeer> {
 public:
  using json = nlohmann::json;
  using CallOptions = TorpcCallOptions;

  // `services` outlives it. Nothing is sent before attach().
  static std::shared_ptr<TorpcPeer> make(IOLoop& loop, const TorpcServices& services,
                                         const TorpcOptions& options = {});
  TorpcPeer(const TorpcPeer&) = delete;
  TorpcPeer& operator=(const TorpcPeer&) = delete;
  ~TorpcPeer() = default;

  // ---- calling ----

  // The function that is returned cancels the call, which ends with CANCELLED; the peer is not told.
  std::function<void()> call(std::string_view method, json arguments, TorpcCallback done,
                             const TorpcCallOptions& options = {});
  WriteStatus notice(std::string_view method, json arguments = nullptr);
  // Asks the other side, which has to be a server, for a name: true when it is now this one's.
  // Never waits for a connection.
  void register_name(std::string_view name, TorpcCallback done);

  bool is_open() const noexcept { return static_cast<bool>(send_); }
  std::size_t calls_in_flight() const noexcept { return calls_.size(); }
  // Calls of the peer that are being answered.
  std::size_t calls_served() const noexcept { return serving_; }
  const TorpcCounters& counters() const noexcept { return counters_; }
  IOLoop& loop() const noexcept { return loop_; }
  // The connection while there is one, and it is one.
  Protocol* connection() const noexcept { return connection_; }
  MemoryBudget& memory_budget() const noexcept {
    return budget_ != nullptr ? *budget_ : MemoryBudget::of_process();
  }

  // ---- for those who carry the messages ----

  using Send = std::function<WriteStatus(const TorpcMessage& message)>;
  // There is a connection: from now on `send` is called. It must not call back. When `budget` is used up,
  // requests are refused; null: MemoryBudget::of_process().
  void attach(Send send, Protocol* connection = nullptr, MemoryBudget* budget = nullptr);
  // What waits is sent, in order, and what comes is sent at once.
  void start_calls();
  // A message has come. What is in it may be moved from.
  void receive(TorpcMessage& message);
  // A frame has come whose body is none.
  void receive_malformed(const TorpcPayload::Header& header, const CodecError& error);
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
  // Decides about names. Without it none is taken.
  void take_names(std::function<bool(const std::string& name)> take) {
    take_name_ = std::move(take);
  }
  // Something that belongs to the connection, by a key of its own; null at first, and destroyed with the
  // connection.
  std::shared_ptr<void>& part(const void* key) { return parts_[key]; }

 private:
  friend class detail::TorpcAnswer;

  TorpcPeer(IOLoop& loop, const TorpcServices& services, const TorpcOptions& options);

  bool waits() const noexcept { return wanted_ && !(send_ && started_); }
  WriteStatus transmit(TorpcMessage message);
  void serve(TorpcMessage& request);
  void run(TorpcMessage& request, bool is_notice);
  void answer(std::int32_t id, json error, json result);
  void answer_late(std::int32_t id, json error, json result, bool is_notice, std::uint64_t epoch);
  void tell_idle();

  IOLoop& loop_;
  const TorpcServices& services_;
  TorpcOptions options_;
  Send send_;
  Protocol* connection_ = nullptr;
  MemoryBudget* budget_ = nullptr;  // null: the process's
  bool started_ = false;
  detail::CallTable<TorpcResult> calls_;
  std::deque<TorpcMessage> waiting_;
  std::function<void()> wanted_;
  std::function<void()> idle_;
  std::function<bool(const std::string&)> take_name_;
  std::size_t serving_ = 0;
  std::size_t replies_ = 0;  // that handlers have, answered or not
  std::uint64_t epoch_ = 0;  // of connections: answers to an earlier one are dropped
  TorpcCounters counters_;
  std::map<const void*, std::shared_ptr<void>> parts_;
};

}  // namespace twister
