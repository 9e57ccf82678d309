// src/rpc/client_core.hpp - what is behind an RpcClient.
#pragma once

#include <climits>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <twister/rpc/client.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/rpc/detail/host.hpp>

namespace twister::detail {

// A call is with a connection, or in `waiting_`, or about to be tried again, in `again_`.
class RpcClientCore final : public std::enable_shared_from_this<RpcClientCore>,
                            public RpcChannel,
                            public RpcRetry {
 public:
  RpcClientCore(IOLoop& loop, std::vector<Destination> to, RpcClientOptions options);

  // Takes over a reference.
  void place(RpcPending& pending);
  void connect_all();
  void close();

  RpcHost& host() noexcept { return *host_; }
  std::size_t connected() const noexcept { return ready_.size(); }
  std::size_t calls_in_flight() const noexcept;
  Duration round_trip() const noexcept;

 private:
  class Connection;
  enum class State { idle, connecting, preparing, ready };

  // One of the connections to one address.
  struct Peer {
    Destination to;
    State state = State::idle;
    bool has_names = false;            // it is the first to its address
    Connection* connection = nullptr;  // preparing, or ready
    unsigned attempts = 0;             // what an earlier one comes to is dropped
    unsigned failures = 0;
    TimePoint not_before{};  // the next attempt
    TimePoint since{};       // it is ready
    TimerId timer{};         // ends the preparing, or, with stay_connected, the delay
    unsigned step = 0;       // of preparing: answers to earlier ones are dropped
    std::size_t names_left = 0;
  };

  void drop(RpcPending& pending) override;
  // Nothing is sent of calls that wait: they have no credit.
  WriteStatus send_stream_frame(RpcFrameKind, std::uint32_t, const google::protobuf::MessageLite*,
                                ByteView) override {
    return WriteStatus::closed;
  }
  WriteStatus output_status() const noexcept override { return WriteStatus::queued; }
  std::size_t max_message_bytes() const noexcept override { return INT_MAX; }
  bool retry(RpcPending& pending, const RpcStatus& why, RpcReached reached) override;

  Connection* choose();
  Peer* pick();
  void connect(Peer& peer);
  void prepare(Peer& peer, Connection& connection);
  void register_names(Peer& peer);
  bool is_at(const Peer& peer, unsigned step) const noexcept;
  void give_up(Peer& peer, const RpcStatus& why);
  void became_ready(Peer& peer);
  void going_away(Peer& peer);
  void leave(Peer& peer, std::string why);
  void become_idle(Peer& peer);
  void lost(Peer& peer);
  void note_end(Peer& peer);
  void failed(Peer& peer, std::string why);
  void back_off(Peer& peer);
  void return_later(Peer& peer);
  bool is_connecting() const noexcept;
  void fail_waiting();
  void send_waiting();
  void wake_later();
  void reject(RpcPending& pending, RpcStatus status);
  double random();

  IOLoop& loop_;
  RpcClientOptions options_;
  std::shared_ptr<RpcHost> host_;
  std::vector<Peer> peers_;  // never changes its size
  std::vector<Peer*> ready_;
  std::vector<Connection*> leaving_;  // they take no more calls, and have not ended
  std::deque<RpcPending*> waiting_;
  std::deque<RpcPending*> again_;
  std::unique_ptr<TcpClient> tcp_;
  std::string last_error_ = "not connected";
  std::size_t next_ = 0;
  std::size_t idle_ = 0;
  TimePoint soonest_{};  // an idle one may try
  double retries_ = 10;  // in hand
  bool closed_ = false;
  bool wakes_ = false;
  bool again_posted_ = false;
  std::minstd_rand random_{std::random_device()()};
};

}  // namespace twister::detail
