// src/rpc/remote_calls.hpp - calls of one loop to peers whose connections are on others.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include <twister/handle.hpp>
#include <twister/rpc/detail/pending.hpp>

namespace twister {
class IOLoop;
}

namespace twister::detail {

// The way to such a peer, as a connection is to others: what is sent is posted to the peer's loop, and its answer
// is posted back. No object of one loop is touched by another: messages are copied, and what goes to and fro has
// no count of theirs.
//
// Threads: the loop's. Ownership: a part of the loop's RpcHost; close() comes before the loop ends.
class RemoteCalls final : public RpcChannel {
 public:
  explicit RemoteCalls(IOLoop& loop);
  ~RemoteCalls();
  RemoteCalls(const RemoteCalls&) = delete;
  RemoteCalls& operator=(const RemoteCalls&) = delete;

  // What may be on its way to other loops, which may be busy: one call more ends with RESOURCE_EXHAUSTED. It counts
  // for the process's MemoryBudget.
  static constexpr std::size_t max_calls_under_way = 1024;
  static constexpr std::size_t max_bytes_under_way = 16 * 1024 * 1024;

  // Takes over a reference.
  void start(RpcPending& pending, const Handle& peer);
  // Ends the calls, and lets no more in.
  void close();

 private:
  class Answer;
  class Asked;
  class Parcel;
  struct Door;
  struct Running;
  struct Sent {
    RpcPending* call;
    Handle peer;
    std::shared_ptr<Running> running;
  };

  RpcStatus refusal(const RpcPending& pending) const;
  void drop(RpcPending& pending) override;
  // There are no streams on this way.
  WriteStatus send_stream_frame(RpcFrameKind, std::uint32_t, const google::protobuf::MessageLite*,
                                ByteView) override {
    return WriteStatus::closed;
  }
  WriteStatus output_status() const noexcept override { return WriteStatus::closed; }
  std::size_t max_message_bytes() const noexcept override { return INT_MAX; }

  std::shared_ptr<Door> door_;
  std::unordered_map<std::uint64_t, Sent> sent_;  // by RpcPending::order
  std::uint64_t last_ = 0;
};

}  // namespace twister::detail
