// twister/rpc/detail/host.hpp - what the connections of one server, or one client, have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <twister/rpc/call.hpp>
#include <twister/rpc/detail/deadlines.hpp>
#include <twister/rpc/options.hpp>

namespace twister {

class IOLoop;
class RpcConnection;
class RpcNames;
class RpcServices;

// What was counted since the server or client was made.
struct RpcCounters {
  std::uint64_t calls = 0;          // dispatched: all but those that were refused before
  std::uint64_t refused = 0;        // not started: over a limit, too late, draining, malformed
  std::uint64_t unknown_ids = 0;    // frames about calls that are not, or no longer, in flight
  std::uint64_t duplicate_ids = 0;  // requests with an id in use
  std::uint64_t unknown_frames = 0;
  std::uint64_t malformed = 0;  // connections that were closed for breaking the protocol
};

namespace detail {

// Why a call is not started; `none` for one that is. What is not the fault of the request is a limit, by the
// name of its option.
enum class RpcRefusal : std::uint8_t {
  none,
  deadline,  // it had passed
  draining,
  malformed,  // what stands around the message, or a stream where there is none
  max_calls_in_flight,
  max_forwarded_calls,
  max_in_flight,
  max_message_bytes,
  max_metadata_bytes,
  max_request_bytes,
  max_wait,
  memory_budget,
  unknown_method,
};

// What a peer may do wrong beside that.
enum class RpcFault : std::uint8_t { duplicate_id, malformed, unknown_frame, unknown_id };

// Messages that have been used are kept for the next call of the same method. Of what is larger than
// kept_bytes on the wire nothing is kept, since its fields may take forty times as much.
class MessagePool {
 public:
  using MessageLite = google::protobuf::MessageLite;

  static constexpr std::size_t kept_bytes = 1024;
  static constexpr std::size_t max_kept = 64;

  MessagePool() = default;
  MessagePool(MessagePool&&) noexcept = default;
  MessagePool& operator=(MessagePool&&) noexcept = default;
  ~MessagePool() {
    for (MessageLite* message : messages_) delete message;
  }

  // Of `type`; what it holds is not cleared.
  MessageLite* take(const MessageLite& type) {
    if (messages_.empty()) return type.New();
    MessageLite* const message = messages_.back();
    messages_.pop_back();
    return message;
  }
  void give(MessageLite* message, std::size_t wire_bytes) noexcept {
    if (wire_bytes > kept_bytes || messages_.size() == max_kept) {
      delete message;
    } else {
      if (messages_.capacity() == 0) messages_.reserve(max_kept);
      messages_.push_back(message);
    }
  }

 private:
  std::vector<MessageLite*> messages_;
};

class RemoteCalls;
class RpcMetrics;
class RpcPending;

// Who is told of names; see RpcServer.
struct NameEvents {
  std::function<void(RpcConnection& peer, const std::string& name)> registered{};
  std::function<void(const std::string& name)> unregistered{};
};

// Stands for what other peers answer: see <twister/rpc/names.hpp>.
class ForwardMethod final : public RpcMethod {
 public:
  explicit ForwardMethod(std::size_t index);
  void start(RpcCall& call) const override;
};

// Ownership: shared by the server or client and its connections. Threads: the loop's.
class RpcHost : public std::enable_shared_from_this<RpcHost> {
 public:
  // `services` may be null: then nothing is answered. `shared`: names that other loops know, too; or null.
  RpcHost(IOLoop& loop, const RpcServices* services, const RpcOptions& options,
          std::shared_ptr<RpcNames> shared = nullptr);
  ~RpcHost();

  // Starts a call that its wire has made; behind this the wire lists it, unless it has ended.
  void dispatch(RpcCall& call);
  // Its wire and its handler have let go of it.
  void forget(RpcCall& call) noexcept;
  void observe(RpcCall& call, const RpcStatus& status) noexcept;

  // Beside dispatch(), for those who refuse calls themselves.
  void count_refused(RpcRefusal cause) noexcept;
  void count_fault(RpcFault fault) noexcept;

  // To be sent to the peer at the end of all that the loop has to do now.
  void flush_later(RpcConnection& connection);
  void never_flush(RpcConnection& connection) noexcept;

  // When the loop found what it handles now; `now` in the first call of a round.
  TimePoint round_began(TimePoint now) {
    if (const std::uint64_t round = loop_round(); round != round_) {
      round_ = round;
      round_began_ = now;
      requests_ = 0;
      looks_ = false;
    }
    return round_began_;
  }
  // Whether what has waited since then has waited longer than max_wait. `surely`: not only now and then.
  bool waited_too_long(TimePoint since, bool surely);

  // names.cpp. False when somebody has it.
  bool take_name(const std::string& name, RpcConnection& connection);
  void release_name(const std::string& name);
  void tell_registered(const std::string& name, RpcConnection& connection);
  void set_name_events(NameEvents events) { name_events_ = std::move(events); }
  std::vector<std::string> all_names() const;
  // Sends a call to the peer of that name, whichever loop has it. Takes over a reference.
  void start_call_to(std::string_view name, RpcPending& pending);
  // The same for a call that comes from another loop.
  static void start_call_on(RpcConnection& connection, RpcPending& pending, TimePoint deadline);
  const RpcMethod& forward_method() const noexcept { return forward_; }
  // The server is gone: nobody is told of names any more, calls to other loops' peers end, and others are not made.
  void leave();

  struct MethodState {
    MessagePool requests;
    MessagePool replies;
    std::size_t in_flight = 0;  // of those that go on after dispatch()
  };
  MethodState& state(const RpcMethod& method) { return states_[method.index()]; }

  IOLoop& loop() const noexcept { return loop_; }
  const RpcServices* services() const noexcept { return services_; }
  const RpcOptions& options() const noexcept { return options_; }
  Deadlines& deadlines() noexcept { return *deadlines_; }
  const RpcCounters& counters() const noexcept { return counters_; }

 private:
  bool refuse(RpcCall& call);
  bool intercept(RpcCall& call);
  static void send_to(RpcConnection& connection, RpcPending& pending);
  std::uint64_t loop_round() const noexcept;

  IOLoop& loop_;
  const RpcServices* services_;
  RpcOptions options_;
  bool observes_ = false;
  ForwardMethod forward_;
  std::vector<MethodState> states_;  // the last is that of forward_
  std::map<std::string, RpcConnection*, std::less<>> names_;
  std::shared_ptr<RpcNames> shared_names_;
  std::unique_ptr<RemoteCalls> remote_calls_;  // where there are shared names
  NameEvents name_events_;
  bool gone_ = false;  // the server is
  std::shared_ptr<Deadlines> deadlines_;
  RpcCounters counters_;
  std::uint64_t round_ = 0;
  TimePoint round_began_{};
  std::uint32_t requests_ = 0;  // of the round
  bool looks_ = false;          // at the time, for each request
  std::vector<RpcConnection*> to_flush_;
  bool flush_posted_ = false;
  std::unique_ptr<RpcMetrics> metrics_;
};

}  // namespace detail
}  // namespace twister
