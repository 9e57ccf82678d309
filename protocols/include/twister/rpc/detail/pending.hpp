// twister/rpc/detail/pending.hpp - the side of a call that asks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include <twister/codecs/byte_view.hpp>
#include <twister/codecs/protobuf.hpp>
#include <twister/protocol.hpp>
#include <twister/rpc/detail/deadlines.hpp>
#include <twister/rpc/detail/pool.hpp>
#include <twister/rpc/frames.hpp>
#include <twister/rpc/metadata.hpp>
#include <twister/rpc/options.hpp>
#include <twister/rpc/status.hpp>

namespace twister::detail {

class RpcHost;
class RpcPending;
class RpcStreamState;

// Where a call is at the moment: on a connection, or waiting for one.
class RpcChannel {
 public:
  // Forgets the call, and tells the peer. What it had one reference for is over.
  virtual void drop(RpcPending& pending) = 0;
  // Sends a frame of a stream whose credit says that it may be sent. `message`, or bytes.
  virtual WriteStatus send_stream_frame(RpcFrameKind kind, std::uint32_t id,
                                        const google::protobuf::MessageLite* message,
                                        ByteView bytes) = 0;
  // What became of it if it were small: queued, paused, or closed.
  virtual WriteStatus output_status() const noexcept = 0;
  // What the peer takes as one message, as far as that is known.
  virtual std::size_t max_message_bytes() const noexcept = 0;

 protected:
  ~RpcChannel() = default;
};

// How far a call had come that failed without its handler's doing.
enum class RpcReached {
  nowhere,  // no peer has read it
  peer,     // which has not started it, and says so
  handler,  // perhaps
};

// What becomes of such a call.
class RpcRetry {
 public:
  // True when the call goes on elsewhere; the reference goes along.
  virtual bool retry(RpcPending& pending, const RpcStatus& why, RpcReached reached) = 0;

 protected:
  ~RpcRetry() = default;
};

struct RpcRequest {
  std::string_view method;
  std::uint32_t method_index = 0;
  std::string_view node;
  const google::protobuf::MessageLite* message = nullptr;
  const RpcCallOptions* options = nullptr;
  ByteView raw_message{};   // in the place of `message`
  ByteView raw_metadata{};  // in the place of the options'
};

// One call, in one block of memory with its name, its metadata and its message in wire form, so that it can be
// sent whenever there is a connection, and again; its copy into the output is the price of that.
//
// Ownership: counted; the channel has one reference.
class RpcPending : private Timed {
 public:
  RpcPending(const RpcPending&) = delete;
  RpcPending& operator=(const RpcPending&) = delete;

  std::string_view method() const noexcept { return method_; }
  std::uint32_t method_index() const noexcept { return method_index_; }
  std::string_view node() const noexcept { return node_; }
  ByteView metadata() const noexcept { return metadata_; }
  ByteView message() const noexcept { return message_; }
  bool ended() const noexcept { return ended_; }
  // TimePoint::max() without one.
  TimePoint deadline() const noexcept { return deadline_; }

  // For its owners: plain facts about where it is.
  std::uint32_t id = 0;
  std::uint64_t order = 0;  // among the calls of its connection; the lower half is the id
  RpcChannel* channel = nullptr;
  RpcRetry* retry = nullptr;
  TimePoint as_of{};  // when it was last on its way, for the time that is left
  unsigned attempts = 0;
  bool one_way = false;
  RpcMetadata* reply_metadata = nullptr;
  bool idempotent = false;
  bool waits_for_ready = false;
  bool unencodable = false;  // a required field is missing
  bool sends_stream = false;
  bool observed = false;  // by interceptors
  TimePoint made{};       // where it is

  // Null for a call without one.
  virtual RpcStreamState* stream() noexcept { return nullptr; }

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) destroy();
  }

  void set_host(RpcHost& host) noexcept { host_ = &host; }
  void set_deadline(TimePoint deadline);
  // The answer, or another end: calls back, unless it has ended. Only from the loop.
  void end(const RpcStatus& status, ByteView reply = {}, const RpcMetadata* metadata = nullptr);
  // The same in a turn of its own.
  void end_later(RpcStatus status);
  // It failed, and may go on elsewhere. The reference of the channel is passed on.
  void fail(const RpcStatus& why, RpcReached reached, const RpcMetadata* metadata = nullptr);
  // This side ends it, with end_later(); the peer is told.
  void give_up(RpcStatus why);
  void cancel() { give_up(RpcStatus(RpcCode::cancelled, "cancelled by the caller")); }

 protected:
  RpcPending() = default;
  virtual ~RpcPending() = default;

 private:
  template <class Pending, class... Args>
  friend Pending* make_pending(const RpcRequest& request, Args&&... args);

  virtual void complete(const RpcStatus& status, ByteView reply, const RpcMetadata* metadata) = 0;
  void on_due() final;
  bool detach();
  void tell(const RpcStatus& status, ByteView reply, const RpcMetadata* metadata) noexcept;
  void destroy() noexcept;
  static std::size_t tail_bytes(const RpcRequest& request);
  void store(const RpcRequest& request, std::byte* tail, std::size_t block_bytes);

  RpcHost* host_ = nullptr;
  std::uint32_t references_ = 1;
  std::uint32_t method_index_ = 0;
  std::size_t block_bytes_ = 0;
  std::string_view method_;
  std::string_view node_;
  ByteView metadata_;
  ByteView message_;
  TimePoint deadline_ = TimePoint::max();
  bool ended_ = false;
};

// The reply, or false.
bool parse_reply(google::protobuf::MessageLite& reply, ByteView bytes);

template <class Reply, class Callback>
class UnaryPending final : public RpcPending {
 public:
  template <class F>
  explicit UnaryPending(F&& callback) : callback_(std::forward<F>(callback)) {}

 private:
  void complete(const RpcStatus& status, ByteView bytes, const RpcMetadata* metadata) override {
    Reply reply;
    if (status.ok() && !parse_reply(reply, bytes)) [[unlikely]] {
      reply.Clear();
      return tell(RpcStatus(RpcCode::internal, "the reply is malformed"), reply, metadata);
    }
    tell(status, reply, metadata);
  }

  void tell(const RpcStatus& status, Reply& reply, const RpcMetadata* metadata) {
    if constexpr (std::is_invocable_v<Callback&, const RpcStatus&, Reply&, const RpcMetadata&>) {
      static const RpcMetadata none;
      callback_(status, reply, metadata == nullptr ? none : *metadata);
    } else {
      callback_(status, reply);
    }
  }

  Callback callback_;
};

template <class Pending, class... Args>
Pending* make_pending(const RpcRequest& request, Args&&... args) {
  static_assert(alignof(Pending) <= alignof(std::max_align_t));
  const std::size_t bytes = sizeof(Pending) + RpcPending::tail_bytes(request);
  void* const block = pool_allocate(bytes);
  try {
    auto* const pending = new (block) Pending(std::forward<Args>(args)...);
    static_cast<RpcPending*>(pending)->store(
        request, static_cast<std::byte*>(block) + sizeof(Pending), bytes);
    return pending;
  } catch (...) {
    pool_free(block, bytes);
    throw;
  }
}

}  // namespace twister::detail
