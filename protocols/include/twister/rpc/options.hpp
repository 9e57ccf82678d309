// twister/rpc/options.hpp - the limits of calls, with defaults that are safe with a hostile peer.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include <twister/stream_options.hpp>

namespace twister {

class MetricsRegistry;
class RpcCallerInterceptor;
class RpcContext;
class RpcMetadata;

// Of each connection, on both sides.
struct RpcOptions {
  // Of a request, a reply, one message of a stream, or a status with its details; 1 GiB at most. The peer is
  // told.
  std::size_t max_message_bytes = 1024 * 1024;
  // Calls of the peer that have not been answered, or whose handlers still run although they were
  // cancelled. More are answered RESOURCE_EXHAUSTED at once.
  std::size_t max_calls_in_flight = 1024;
  // Of these, the ones that are passed on to other peers by their names. Fewer, so that nobody can take all
  // the places at somebody else.
  std::size_t max_forwarded_calls = 128;
  std::size_t max_metadata_bytes = 8 * 1024;
  // What each stream may send before its receiver has taken any of it. The peer is told.
  std::size_t stream_credit_bytes = 64 * 1024;
  // What all streams of the connection may keep together: messages that were not taken, or were sent without
  // credit. A stream whose message would exceed it ends with RESOURCE_EXHAUSTED; send() drops it.
  std::size_t max_stream_memory_bytes = 16 * 1024 * 1024;
  // A request that has waited longer for the loop, in its connection or behind others, is answered
  // RESOURCE_EXHAUSTED, which costs next to nothing: so a server with too much to do goes on answering as
  // many as it can, in time. A healthy one comes nowhere near a second; a shorter time makes replies under
  // overload as much quicker.
  std::chrono::milliseconds max_wait = std::chrono::seconds(1);
  // While there are calls in flight, or `ping_when_idle`, the peer is asked for a sign of life so often, and
  // RpcConnection::round_trip() measured; when nothing at all comes for ping_timeout, the connection is
  // closed.
  std::chrono::milliseconds ping_interval = std::chrono::seconds(30);
  std::chrono::milliseconds ping_timeout = std::chrono::seconds(10);
  bool ping_when_idle = false;
  // How long calls that this side makes, or passes on, may take, unless they say so themselves; streams have no
  // limit.
  std::chrono::milliseconds call_timeout = std::chrono::seconds(30);
  // See the calls of this side: <twister/rpc/caller.hpp>. Those of the peer: RpcServices::intercept().
  std::vector<std::shared_ptr<RpcCallerInterceptor>> interceptors{};
  // Where calls of the peer are counted and timed; outlives the connections. What it refuses is thrown. Null: where
  // StreamOptions::metrics of the server or client says; what that refuses is logged, and nothing counted.
  MetricsRegistry* metrics = nullptr;
};

// Of one call. Only trivial members: g++ 12 would destroy others twice where a coroutine makes them.
struct RpcCallOptions {
  // Until the reply is there, over all attempts. Zero: the default, which for a stream is never.
  std::chrono::milliseconds timeout{0};
  // Doing it twice is the same as doing it once: it may be tried again after the connection was lost.
  bool idempotent = false;
  // Without a connection: waits for one until the deadline, instead of failing with the attempt.
  bool wait_for_ready = false;
  // To be sent with it; read during the call.
  const RpcMetadata* metadata = nullptr;
  // The call on whose behalf this one is made: its deadline holds for this one too, its cancellation
  // cancels this one, and its "traceparent" and "tracestate" are passed on.
  RpcContext* parent = nullptr;
  // Where to put what the peer has sent as metadata with its answer, before the caller is told of it. Lasts until
  // the call has ended; the way to it for calls that are awaited, and for streams.
  RpcMetadata* reply_metadata = nullptr;
};

}  // namespace twister
