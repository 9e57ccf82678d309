// src/rpc/connection_output.hpp - how an RpcConnection writes frames.
#pragma once

#include <utility>

#include <twister/rpc/connection.hpp>

namespace twister {

// A frame whose body of `size` bytes is written by `fill` in its place.
template <class Fill>
void RpcConnection::put(const RpcFrame& header, std::size_t size, Fill&& fill) {
  const auto encode = [&](ByteBuffer& out) {
    std::byte* const frame = out.prepare(RpcFrames::header_bytes + size).data();
    RpcFrames::put_header(frame, header, size);
    fill(frame + RpcFrames::header_bytes);
    out.commit(RpcFrames::header_bytes + size);
    return true;
  };
  if (!corks()) [[likely]] {
    note(write_in_place(encode));
    return;
  }
  if (!is_open()) return;
  if (late_.empty()) host_->flush_later(*this);
  encode(late_);
  if (late_.size() > max_late_bytes) flush_late();
}

}  // namespace twister
