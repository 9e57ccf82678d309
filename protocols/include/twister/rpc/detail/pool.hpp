// twister/rpc/detail/pool.hpp - memory for what lives as long as a call: blocks are kept for the next one.
#pragma once

#include <cstddef>

namespace twister::detail {

// Blocks of up to 1 KiB come from lists of this thread, by sizes of 64 bytes; larger ones from the
// allocator. At most 256 blocks of a size are kept.
void* pool_allocate(std::size_t bytes);
// `bytes` as they were asked for. May be called on another thread, whose list then has the block.
void pool_free(void* block, std::size_t bytes) noexcept;

}  // namespace twister::detail
