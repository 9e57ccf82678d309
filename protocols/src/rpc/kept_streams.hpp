// src/rpc/kept_streams.hpp - streams of a connection that are all told something.
#pragma once

#include <vector>

#include <twister/rpc/detail/stream_state.hpp>

namespace twister::detail {

// They stay until each was told, although what one is told may end the others.
class KeptStreams {
 public:
  void add(RpcStreamState* stream) {
    if (stream == nullptr) return;
    streams_.push_back(stream);
    kept_.emplace_back(stream->link());
  }
  template <class F>
  void for_each(F&& tell) {
    for (RpcStreamState* const stream : streams_) tell(*stream);
  }

 private:
  std::vector<RpcStreamState*> streams_;
  std::vector<KeptCall> kept_;
};

}  // namespace twister::detail
