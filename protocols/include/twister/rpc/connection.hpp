// twister/rpc/connection.hpp - one connection of twister's RPC; either side may call the other.
//
//   RpcServices services;  // what this side answers
//   auto connection = std::make_unique<RpcConnection>(loop, &services);
//   RpcConnection& peer = *connection;
//   make_connection(loop, std::move(transport), std::move(connection));
//   peer.call<Sum>("calculator.Calculator/Add", add, done);
//
// Programs mostly have an RpcServer, or an RpcClient, and meet connections as RpcContext::connection(): a
// server calls its client by that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <twister/protocols/message_protocol.hpp>
#include <twister/rpc/caller.hpp>
#include <twister/rpc/detail/host.hpp>
#include <twister/rpc/detail/id_table.hpp>
#include <twister/rpc/frames.hpp>
#include <twister/rpc/options.hpp>

namespace twister {

class MemoryBudget;
class RpcServices;
namespace detail {
class RpcStreamMemory;
class RpcWireCall;
}  // namespace detail

extern template class MessageProtocol<RpcFrames>;

// Reads requests and starts them; sends calls and finds the answers to them. The wire is that of
// docs/reference/wire/rpc.md.
//
// What is written while input is handled leaves with the end of the turn, as for every Protocol. What is
// written otherwise, while other calls are in flight, waits until the loop has done all that is ready: so
// late replies, and requests, leave together.
//
// Ownership: the loop owns it. Calls that are in flight when it ends fail with UNAVAILABLE, and the handlers
//   of the peer's are cancelled. Threads: the loop's; from elsewhere, handle().
// Limits: RpcOptions. Errors: what breaks the protocol closes the connection, after a goaway that says why.
class RpcConnection : public MessageProtocol<RpcFrames>,
                      public RpcCaller,
                      private detail::RpcChannel,
                      private detail::Timed {
 public:
  // `services`, which outlive the connection, may be null: then it answers nothing.
  RpcConnection(IOLoop& loop, const RpcServices* services, const RpcOptions& options = {});
  // For servers and clients, whose connections have much in common.
  explicit RpcConnection(std::shared_ptr<detail::RpcHost> host);
  ~RpcConnection() override;

  // Calls of the peer, and calls of this side, that are in flight.
  std::size_t calls_answered() const noexcept { return calls_; }
  std::size_t calls_made() const noexcept { return outgoing_.size() + early_.size(); }
  // The peer wants no more calls, but will answer those that are in flight; or this side does.
  bool going_away() const noexcept { return peer_leaves_ || draining_; }
  // What the peer takes.
  std::size_t peer_max_message_bytes() const noexcept { return peer_max_message_bytes_; }
  // The last time from ping to pong; zero before the first. Measured while the connection is in use.
  Duration round_trip() const noexcept { return round_trip_; }
  const RpcCounters& counters() const noexcept { return host_->counters(); }

  // What others may call the peer by, until either side goes away: see <twister/rpc/names.hpp>.
  RpcStatus take_name(std::string name);
  const std::vector<std::string>& names() const noexcept { return own_names_; }

  // Lets no more calls in: the peer is told which was the last, later ones are refused as not started, and
  // those before are answered. Then the connection closes, as soon as the peer has read that; a peer that
  // does not answer pings is waited for until it closes, or the server's drain_timeout has passed.
  void go_away();
  // As Protocol's, behind what was written. Who ends its side of a connection does not wait for answers: then,
  // too, handlers are cancelled.
  void close(std::error_code error = {}) {
    flush_late();
    MessageProtocol<RpcFrames>::close(error);
  }

  void on_connect() override;
  void on_data(ByteView chunk) override;
  void on_message(const RpcFrame& frame) override;
  void on_message_skipped(const CodecError& error) override;
  void on_close(const CloseReason& reason) override;
  void on_drain() override { go_away(); }
  EofAction on_eof() override;
  void on_write_paused() override { output_high_ = true; }
  void on_write_resumed() override;

 protected:
  // The peer has sent goaway, or this side has.
  virtual void on_going_away() {}
  // Ends all calls of this side, from the loop, and tells the peer.
  void cancel_made_calls(const RpcStatus& status);
  void start_call(detail::RpcPending& pending) override;
  void start_early_calls();
  // For tests: as if so many calls had been made.
  void count_calls_from(std::uint64_t calls) noexcept { last_order_ = calls; }

 private:
  friend class detail::RpcHost;
  friend class detail::RpcWireCall;

  struct Parsed;

  // What was written late leaves at once when there is as much: the kernel then has enough to do.
  static constexpr std::size_t max_late_bytes = 64 * 1024;
  // The id of the ping behind a goaway; those of other pings begin at 1.
  static constexpr std::uint32_t goaway_ping = 0;

  // connection.cpp, leaving.cpp: the beginning, the end, and frames about the connection
  void send_preface();
  void read_preface(const RpcFrame& frame);
  void on_other(const RpcFrame& frame);
  void note_arrival(std::size_t bytes);
  void read_goaway(const RpcFrame& frame);
  void read_pong(const RpcFrame& frame);
  void on_message_error(const CodecError& error) override;
  void break_off(CodecErrc code, std::string why);
  void close_when_done();
  void watch_peer();
  void on_due() override;
  const PeerIdentity& identity();

  // connection_serving.cpp: calls of the peer
  void on_request(const RpcFrame& frame);
  void on_forward(const RpcFrame& frame, const Parsed& parsed);
  bool parse_prefix(const RpcFrame& frame, Parsed& parsed);
  bool read_metadata(detail::RpcWireCall& call, ByteView metadata);
  void begin_call(detail::RpcWireCall& call);
  const RpcMethod* method_of(const RpcFrame& frame, const Parsed& parsed);
  bool name_method(std::uint16_t number, std::string_view name, const RpcMethod*& method);
  detail::RpcRefusal refusal(const RpcMethod* method, ByteView message);
  void respond_refusal(const RpcFrame& frame, detail::RpcRefusal why);
  void on_skipped_request(const RpcFrame& frame);
  void on_cancel_frame(const RpcFrame& frame);
  void list(detail::RpcWireCall& call);
  void unlist(detail::RpcWireCall& call) noexcept;
  void end_answered_calls();
  void release_names();

  // streams.cpp
  const std::shared_ptr<detail::RpcStreamMemory>& stream_memory();
  detail::RpcStreamState* stream_of(const RpcFrame& frame);
  void on_stream_frame(const RpcFrame& frame);

  // connection_calling.cpp: calls of this side
  detail::RpcHost& caller_host() noexcept override { return *host_; }
  void drop(detail::RpcPending& pending) override;
  void send_request(detail::RpcPending& pending, bool notice);
  std::uint16_t number_of(const detail::RpcPending& pending, bool& named);
  std::uint64_t next_order();
  void on_response(const RpcFrame& frame);
  WriteStatus send_stream_frame(RpcFrameKind kind, std::uint32_t id,
                                const google::protobuf::MessageLite* message,
                                ByteView bytes) override;
  WriteStatus output_status() const noexcept override;
  std::size_t max_message_bytes() const noexcept override;
  void on_skipped_response(const RpcFrame& frame);
  void on_rare_response(const RpcFrame& frame, detail::RpcPending& pending);
  void end_made_calls(const CloseReason& reason);
  void end_unread_calls(std::uint32_t last_read);

  // connection.cpp, and connection_output.hpp: output
  bool corks() const noexcept {
    return !late_.empty() || (!delivering_ && calls_ + outgoing_.size() > 1);
  }
  template <class Fill>
  void put(const RpcFrame& header, std::size_t size, Fill&& fill);
  void put(const RpcFrame& frame);
  // Streams stop as soon as there is too much output: on_write_paused() comes later.
  void note(WriteStatus status) noexcept {
    if (status == WriteStatus::paused) [[unlikely]]
      output_high_ = true;
  }
  void put_status(RpcFrame header, const RpcStatus& status, const RpcMetadata* metadata);
  static void append_length(ByteBuffer& out, std::size_t length);
  void flush_late();

  std::shared_ptr<detail::RpcHost> host_;
  // By the peer's numbers, less one; null for a method that there is not.
  std::vector<std::optional<const RpcMethod*>> methods_;
  detail::IdTable<detail::RpcWireCall> incoming_;
  detail::IdTable<detail::RpcPending> outgoing_;
  std::size_t calls_ = 0;     // of the peer, with those that were cancelled and still run
  std::size_t forwards_ = 0;  // of these, the ones that others answer
  detail::RpcWireCall* first_call_ = nullptr;  // all of them
  MemoryBudget* budget_ = nullptr;
  std::shared_ptr<detail::RpcStreamMemory> stream_memory_;  // since the first stream
  std::shared_ptr<const PeerIdentity> identity_;            // since somebody has asked
  std::uint64_t last_order_ = 0;                            // of the calls of this side
  std::uint32_t last_accepted_ = 0;                         // of the peer's; 0 for none
  std::uint32_t last_ping_ = 0;
  std::uint32_t write_resumes_ = 0;
  TimePoint received_at_{};
  TimePoint waits_since_{};  // of what is handled now; not later than received_at_
  std::size_t backlog_ = 0;  // bytes that are known to have waited as long
  std::size_t peer_max_message_bytes_ = 1024 * 1024;
  std::uint32_t peer_stream_credit_ = 64 * 1024;
  bool opened_ = false;
  bool delivering_ = false;
  bool held_ = false;  // what was received waits to be read
  bool closed_ = false;
  bool preface_read_ = false;
  bool peer_leaves_ = false;
  bool draining_ = false;
  bool heard_ = false;           // since the last look
  bool waits_for_sign_ = false;  // a ping was sent
  bool peer_knows_ = false;      // that this side goes away
  bool output_high_ = false;
  std::vector<std::uint16_t> numbers_;  // of this side's methods, by RpcMethodName::index()
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  std::unordered_map<std::string, std::uint16_t, Hash, std::equal_to<>> names_;
  std::vector<detail::RpcPending*> early_;  // before on_connect, or the preface
  std::vector<std::string> own_names_;
  ByteBuffer late_;
  TimePoint ping_sent_{};
  Duration round_trip_{};
};

}  // namespace twister
