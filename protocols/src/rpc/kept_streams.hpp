// src/rpc/kept_streams.hpp - streams of a connection that are all told something.
#pragma once

#include <cstddef>
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
  // Begins with the stream of that number, modulo their count.
  template <class F>
  void for_each(F&& tell, std::size_t first = 0) {
    const std::size_t count = streams_.size();
    for (std::size_t i = 0; i < count; ++i) tell(*streams_[(first + i) % count]);
  }

 private:
  std::vector<RpcStreamState*> streams_;
  std::vector<KeptCall> kept_;
};

}  // namespace twister::detail
