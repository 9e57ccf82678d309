// twister/rpc/call.hpp - the side of a call that answers, for those who write wires and kinds of methods.
//
// Handlers see an RpcContext, an RpcReply and streams instead.
#pragma once

#include <cstdint>
#include <optional>

#include <twister/codecs/protobuf.hpp>
#include <twister/rpc/context.hpp>
#include <twister/rpc/detail/deadlines.hpp>
#include <twister/rpc/method.hpp>
#include <twister/rpc/status.hpp>

namespace twister {

namespace detail {
class RpcHost;
class RpcStreamState;
}  // namespace detail

// One call. A wire derives from it, fills in what the caller said, and gives it to RpcHost::dispatch().
// It ends exactly once: by finish(), or by abandon(), whichever is first; the other has no effect then.
//
// Ownership: counted. The wire has one reference, from the beginning to the end; whoever will answer later
//   has another. When only the wire's is left and there was no answer, there will be none: INTERNAL is
//   sent. Threads: the loop's.
class RpcCall : public RpcContext, private detail::Timed {
 public:
  using MessageLite = google::protobuf::MessageLite;

  // ---- for methods ----

  // Reads the request into `message`, while start() runs. False when it is malformed; then the call has
  // been answered.
  virtual bool read_request(MessageLite& message) = 0;
  // How large it is on the wire. Counts for max_request_bytes, and says whether the message's memory is worth
  // keeping.
  virtual std::size_t request_bytes() const noexcept = 0;
  // Answers. With a status that is ok there has to be a reply, unless the replies were a stream.
  void finish(const RpcStatus& status, const MessageLite* reply = nullptr);
  // What a handler has thrown, as an answer. To be called in a catch clause.
  void finish_with_exception();
  bool ended() const noexcept { return ended_; }
  detail::RpcHost& host() const noexcept { return *host_; }
  // A request that the handler keeps until the call is over; it goes back to the host.
  MessageLite& keep_request();

  // The side of a stream that answers, made when it is first asked for. UNIMPLEMENTED is thrown by wires that
  // have no streams.
  virtual detail::RpcStreamState& open_stream();
  virtual detail::RpcStreamState* stream() noexcept { return nullptr; }

  void retain() noexcept { ++references_; }
  void release() noexcept;

  // ---- for wires ----

  // Ends the call, with a response or without, and tells the handler that it was cancelled.
  void abandon(const RpcStatus& why, bool respond);
  // Somebody besides the wire still refers to it.
  bool is_shared() const noexcept { return references_ > 1; }

 protected:
  // With the reference of the wire.
  RpcCall(detail::RpcHost& host, const RpcMethod& method) noexcept : host_(&host) {
    method_ = &method;
  }
  virtual ~RpcCall() = default;

  // Sends the response, if there is still somebody to send it to. Returns what it sent in the place of `status`,
  // because the reply cannot be sent; nothing otherwise.
  virtual std::optional<RpcStatus> write_response(const RpcStatus& status,
                                                  const MessageLite* reply) = 0;
  // The call has ended, later than dispatch(): it leaves the wire's table. The wire's reference is
  // released behind this.
  virtual void on_ended() noexcept = 0;
  // Nobody refers to it any more.
  virtual void recycle() noexcept = 0;
  // False while the call may still be refused: doing it elsewhere is safe then.
  bool started() const noexcept { return started_; }

 private:
  friend class detail::RpcHost;
  friend class detail::RpcStreamState;

  void on_due() final;
  void end() noexcept;
  void tell_cancelled(const RpcStatus& why);

  detail::RpcHost* host_;
  MessageLite* request_ = nullptr;
  std::uint32_t references_ = 1;
  bool started_ = false;
  bool listed_ = false;    // it goes on after dispatch()
  bool observed_ = false;  // by interceptors or metrics
  TimePoint begun_{};      // where it is timed
};

}  // namespace twister
