// twister/rpc/detail/duplex_peer.hpp - what JsonRpcPeer and TorpcPeer have in common: values as arguments and
// results, calls both ways over one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/memory_budget.hpp>
#include <twister/protocol.hpp>
#include <twister/rpc/detail/call_table.hpp>
#include <twister/rpc/status.hpp>

namespace twister {
class MetricsRegistry;
}

namespace twister::detail {

template <class Wire>
class DuplexAnswer;

// A call that has failed, here and as its caller is told.
struct DuplexFailure {
  RpcStatus status;
  nlohmann::json error;  // not null
};

// Both sides, one object for the two. A `Wire` has
//   Peer        what is made of this
//   Methods, Context, Reply, Options, CallOptions, Result, Counters
//   Message     what is sent and received
//   Ticket      what a call of the peer needs to be answered, with a member is_notice
//   call_ids, first_call_id            how many ids there are, for CallTable
//   name        of the peer, for the texts of errors
//   check_params(params)               the status of a call that cannot be made with them
//   unsendable                         the text of one whose message was refused
//   request(id, method, params)        a Message
//   failure(status), failure(error, method)   a DuplexFailure; the error is a JsonRpcError
//   internal_error(reference, method)
//   unknown_method(method)             an RpcStatus
template <class Wire>
class DuplexPeer : public std::enable_shared_from_this<typename Wire::Peer> {
 public:
  using json = nlohmann::json;
  using Methods = typename Wire::Methods;
  using Options = typename Wire::Options;
  using CallOptions = typename Wire::CallOptions;
  using Message = typename Wire::Message;
  using Result = typename Wire::Result;
  using Callback = std::function<void(Result result)>;

  DuplexPeer(const DuplexPeer&) = delete;
  DuplexPeer& operator=(const DuplexPeer&) = delete;
  virtual ~DuplexPeer() = default;

  // ---- calling ----

  // The function that is returned cancels the call, which ends with CANCELLED; the peer is not told.
  std::function<void()> call(std::string_view method, json params, Callback done,
                             const CallOptions& options = {});

  bool is_open() const noexcept { return static_cast<bool>(send_); }
  std::size_t calls_in_flight() const noexcept { return calls_.size(); }
  // Calls of the peer that are being answered.
  std::size_t calls_served() const noexcept { return serving_; }
  const typename Wire::Counters& counters() const noexcept { return counters_; }
  IOLoop& loop() const noexcept { return loop_; }
  // The connection while there is one, and it is one.
  Protocol* connection() const noexcept { return connection_; }
  MemoryBudget& memory_budget() const noexcept {
    return budget_ != nullptr ? *budget_ : MemoryBudget::of_process();
  }

  // ---- for those who carry the messages ----

  using Send = std::function<WriteStatus(const Message& message)>;
  // There is a connection: from now on `send` is called. It must not call back. When `budget` is used up,
  // requests are refused; null: MemoryBudget::of_process().
  void attach(Send send, Protocol* connection = nullptr, MemoryBudget* budget = nullptr);
  // What waits is sent, in order, and what comes is sent at once.
  void start_calls();
  // There is no connection any more: calls end, late answers go nowhere.
  void detach(const RpcStatus& why);
  // Calls that are made while there is no connection wait for one; `wanted` is told of each.
  void queue_calls(std::function<void()> wanted) { wanted_ = std::move(wanted); }
  // Ends all calls, sent or not; and the same from the loop, not inside this call.
  void end_calls(const RpcStatus& why);
  void end_calls_soon(const RpcStatus& why);
  // Requests are refused from now on; `idle` is called when all that came before are answered, and all calls
  // made, which may be on behalf of other peers; perhaps at once.
  void drain(std::function<void()> idle);
  // Where calls are counted of methods that do not say so themselves, until detach(), which it outlives. Null:
  // nowhere.
  void count_in(MetricsRegistry* metrics) noexcept { metrics_ = metrics; }
  MetricsRegistry* metrics() const noexcept { return metrics_; }
  // Something that belongs to the connection, by a key of its own; null at first, and destroyed with the
  // connection.
  std::shared_ptr<void>& part(const void* key) { return parts_[key]; }

 protected:
  using Ticket = typename Wire::Ticket;
  // Of the calls in a message.
  using Ids = std::span<const std::uint64_t>;

  DuplexPeer(IOLoop& loop, const Methods& methods, const Options& options);

  // Calling.
  static RpcStatus unsent(WriteStatus status);
  // Ends the call instead if it cannot be made.
  std::optional<std::uint64_t> begin_call(const json& params, Callback done,
                                          const CallOptions& options);
  // Sends a message, or keeps it until there is a connection. Its calls end if it cannot be sent. One that is no
  // more than calls is not sent when all of these are over.
  WriteStatus transmit(Message message, Ids calls, bool has_notices);
  WriteStatus send_now(const Message& message, Ids calls);
  void end_unsent(Ids calls, WriteStatus status);

  // Serving.
  void serve(const std::string& method, json& params, Ticket ticket);
  // Tells the caller what became of a call, unless that was a notice. `error` is null for success.
  virtual void answer(const Ticket& ticket, json error, json result) = 0;

  const Options options_;
  Send send_;
  CallTable<Result> calls_;
  std::uint64_t epoch_ = 0;  // of connections: answers to an earlier one are dropped
  typename Wire::Counters counters_;

 private:
  friend class DuplexAnswer<Wire>;
  // A message that waits for a connection.
  struct Waiting {
    Message message;
    std::vector<std::uint64_t> calls;
    bool has_notices;
  };

  bool waits() const noexcept { return wanted_ && !(send_ && started_); }
  void forget_served();
  void answer_late(const Ticket& ticket, json error, json result);
  void tell_if_idle();

  IOLoop& loop_;
  const Methods& methods_;
  Protocol* connection_ = nullptr;
  MemoryBudget* budget_ = nullptr;  // null: the process's
  MetricsRegistry* metrics_ = nullptr;
  bool started_ = false;
  std::deque<Waiting> waiting_;
  std::function<void()> wanted_;
  std::function<void()> idle_;
  std::size_t serving_ = 0;
  std::size_t replies_ = 0;  // that handlers have, answered or not
  std::map<const void*, std::shared_ptr<void>> parts_;
};

}  // namespace twister::detail
