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
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <twister/codecs/error.hpp>
#include <twister/rpc/detail/duplex_peer.hpp>
#include <twister/rpc/json_rpc_error.hpp>
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
  std::uint64_t refused = 0;              // requests over a limit
  std::uint64_t unmatched_responses = 0;  // to no call that waits: late, repeated, of a wrong id
};

class TorpcPeer;

namespace detail {

struct TorpcWire {
  using Peer = TorpcPeer;
  using Methods = TorpcServices;
  using Context = TorpcContext;
  using Reply = TorpcReply;
  using Options = TorpcOptions;
  using CallOptions = TorpcCallOptions;
  using Result = TorpcResult;
  using Counters = TorpcCounters;
  using Message = TorpcMessage;
  struct Ticket {
    std::int32_t id;
    bool is_notice;
  };

  static constexpr std::uint64_t call_ids = (std::uint64_t{1} << 30) + 1;  // 0 to 2^30
  static constexpr std::uint64_t first_call_id = 0;
  static constexpr const char* name = "TorpcPeer";
  static constexpr const char* unsendable =
      "the call cannot be sent: no array, too deep or too long";

  static RpcStatus check_params(const nlohmann::json& arguments);
  static TorpcMessage request(std::uint64_t id, std::string_view method, nlohmann::json arguments);
  static DuplexFailure failure(const RpcStatus& status);
  static DuplexFailure failure(const JsonRpcError& error, const std::string& method);
  static DuplexFailure internal_error(const std::string& reference, const std::string& method);
  static RpcStatus unknown_method(const std::string& method);
};

}  // namespace detail

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
// What both wires have is in detail/duplex_peer.hpp: call(), observers, and how messages are carried.
class TorpcPeer : public detail::DuplexPeer<detail::TorpcWire> {
 public:
  // `services` outlives it. Nothing is sent before attach().
  static std::shared_ptr<TorpcPeer> make(IOLoop& loop, const TorpcServices& services,
                                         const TorpcOptions& options = {});

  WriteStatus notice(std::string_view method, json arguments = nullptr);
  // Asks the other side, which has to be a server, for a name: true when it is now this one's.
  // Never waits for a connection.
  void register_name(std::string_view name, TorpcCallback done);

  // ---- for those who carry the messages ----

  // A message has come. What is in it may be moved from.
  void receive(TorpcMessage& message);
  // A frame has come whose body is none.
  void receive_malformed(const TorpcPayload::Header& header, const CodecError& error);
  // Decides about names. Without it none is taken.
  void take_names(std::function<bool(const std::string& name)> take) {
    take_name_ = std::move(take);
  }

 private:
  using DuplexPeer::DuplexPeer;

  void take_request(TorpcMessage& request);
  void answer(const Ticket& ticket, json error, json result) override;
  void respond(std::int32_t id, json error, json result);

  std::function<bool(const std::string&)> take_name_;
};

}  // namespace twister
