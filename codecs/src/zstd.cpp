#include "twister/codecs/zstd.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include <zstd.h>
#include <zstd_errors.h>

#include "twister/codecs/detail/check.hpp"

#include "inflate_into.hpp"

namespace twister {

namespace {

// What RFC 8878, section 3.1.1.1.2, recommends that every decoder supports.
constexpr std::size_t max_window_bytes = 8 * 1024 * 1024;
// A frame that does not say its size, or one that would grow to over 32 times, needs a window and
// buffers; a decompressor that has more than this afterwards is not kept.
constexpr std::size_t max_kept_bytes = 512 * 1024;

struct Free {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

// Messages know nothing of one another, so one of each serves all connections of a thread.
thread_local std::unique_ptr<ZSTD_CCtx, Free> compressing;
thread_local std::unique_ptr<ZSTD_DCtx, Free> decompressing;

// The result, where the only thing that can be wrong is that there is no memory.
std::size_t checked(std::size_t result) {
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) {
    throw std::bad_alloc();
  }
  detail::check(ZSTD_isError(result) == 0, "Zstd: zstd refuses what it is documented to take");
  return result;
}

ZSTD_CCtx* compressor(int level) {
  if (!compressing) {
    compressing.reset(ZSTD_createCCtx());
    if (!compressing) {
      throw std::bad_alloc();
    }
  }
  checked(ZSTD_CCtx_reset(compressing.get(), ZSTD_reset_session_and_parameters));
  checked(ZSTD_CCtx_setParameter(compressing.get(), ZSTD_c_compressionLevel, level));
  return compressing.get();
}

// Does so when decompressing ends, by an exception too.
struct GivesLargeMemoryBack {
  GivesLargeMemoryBack() = default;
  GivesLargeMemoryBack(const GivesLargeMemoryBack&) = delete;
  GivesLargeMemoryBack& operator=(const GivesLargeMemoryBack&) = delete;
  ~GivesLargeMemoryBack() {
    if (ZSTD_sizeof_DCtx(decompressing.get()) > max_kept_bytes) {  // 0 of none
      decompressing.reset();
    }
  }
};

ZSTD_DCtx* decompressor(std::size_t max_inflated_bytes) {
  if (!decompressing) {
    decompressing.reset(ZSTD_createDCtx());
    if (!decompressing) {
      throw std::bad_alloc();
    }
  }
  // What may be inflated may be looked back into.
  const std::size_t window = std::max(max_inflated_bytes, max_window_bytes);
  const int largest_log = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound;
  const int log = std::min(static_cast<int>(std::bit_width(window - 1)), largest_log);
  checked(ZSTD_DCtx_reset(decompressing.get(), ZSTD_reset_session_and_parameters));
  checked(ZSTD_DCtx_setParameter(decompressing.get(), ZSTD_d_windowLogMax, log));
  return decompressing.get();
}

// Formats from before 1.0 and skippable frames begin otherwise.
bool begins_frame(ByteView bytes) noexcept {
  constexpr std::uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
  return bytes.size() >= sizeof magic && std::memcmp(bytes.data(), magic, sizeof magic) == 0;
}

// What a header says is believed where it refuses, and for room up to a ratio that is usual. zstd
// then writes straight into it, and needs no window.
std::size_t believed_bytes(std::uint64_t said, std::size_t compressed) noexcept {
  const std::size_t usual = std::max<std::size_t>(64 * 1024, 32 * compressed);
  return said == ZSTD_CONTENTSIZE_UNKNOWN
             ? 4 * compressed
             : static_cast<std::size_t>(std::min<std::uint64_t>(said, usual));
}

}  // namespace

Zstd::Zstd(const ZstdOptions& options) : options_(options) {
  if (options.level < ZSTD_minCLevel() || options.level > ZSTD_maxCLevel()) {
    throw std::invalid_argument("Zstd: level must be " + std::to_string(ZSTD_minCLevel()) + " to " +
                                std::to_string(ZSTD_maxCLevel()) + ", not " +
                                std::to_string(options.level));
  }
}

CodecError Zstd::compress(ByteView bytes, ByteBuffer& out) const {
  if (bytes.size() > options_.max_inflated_bytes) {
    return {CodecErrc::inflated_too_long, bytes.size(), options_.max_inflated_bytes};
  }
  const std::span<std::byte> room = out.prepare(ZSTD_compressBound(bytes.size()));
  out.commit(checked(ZSTD_compress2(compressor(options_.level), room.data(), room.size(),
                                    bytes.data(), bytes.size())));
  return {};
}

CodecError Zstd::decompress(ByteView bytes, ByteBuffer& out) const {
  const std::size_t limit = options_.max_inflated_bytes;
  const std::uint64_t said = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (!begins_frame(bytes) || said == ZSTD_CONTENTSIZE_ERROR) {
    return {CodecErrc::malformed_compression};
  }
  if (said != ZSTD_CONTENTSIZE_UNKNOWN && said > limit) {
    return {CodecErrc::inflated_too_long, said, limit};
  }
  const GivesLargeMemoryBack afterwards;
  ZSTD_DCtx* const context = decompressor(limit);
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  std::uint64_t inflated = 0;
  const auto step = [&](std::span<std::byte> room) {
    using Status = detail::InflateStep::Status;
    ZSTD_outBuffer output{room.data(), room.size(), 0};
    const std::size_t result = ZSTD_decompressStream(context, &output, &input);
    if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) {
      throw std::bad_alloc();
    }
    inflated += output.pos;
    // zstd itself does not notice a size that is wrong where the last block is empty.
    const bool as_said = said == ZSTD_CONTENTSIZE_UNKNOWN || inflated == said;
    Status status = Status::bad;
    if (result == 0 && input.pos == input.size && as_said) {
      status = Status::ended;
    } else if (result != 0 && ZSTD_isError(result) == 0 && output.pos == output.size) {
      status = Status::full;
    }
    return detail::InflateStep{output.pos, status, input.pos};
  };
  return detail::inflate_into(out, believed_bytes(said, bytes.size()), limit, step);
}

}  // namespace twister
