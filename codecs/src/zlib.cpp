#include "twister/codecs/zlib.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

// zlib then takes its input as const.
#define ZLIB_CONST
#include <zlib.h>

#include "twister/codecs/detail/check.hpp"
#include "twister/codecs/detail/rollback.hpp"

#include "inflate_into.hpp"

namespace twister {

namespace {

// zlib counts a call's bytes in 32 bits. Half of that leaves room for what deflating may add.
constexpr std::size_t largest = std::numeric_limits<uInt>::max() / 2;

// How zlib wants to be told a format with the largest window, 32 KiB.
int window_bits(ZlibFormat format) noexcept {
  constexpr int largest_window = 15;
  constexpr int with_gzip = 16;
  switch (format) {
    case ZlibFormat::zlib:
      break;
    case ZlibFormat::gzip:
      return largest_window + with_gzip;
    case ZlibFormat::raw:
      return -largest_window;
  }
  return largest_window;
}

// zlib's memory, where that of the process is counted.
void* allocate(void*, uInt items, uInt size) {
  return ::operator new (std::size_t{items} * size, std::nothrow);
}
void release(void*, void* memory) {
  ::operator delete(memory);
}

z_stream with_counted_memory() noexcept {
  z_stream stream{};
  stream.zalloc = allocate;
  stream.zfree = release;
  return stream;
}

void check_memory(int result) {
  if (result == Z_MEM_ERROR) {
    throw std::bad_alloc();
  }
  detail::check(result == Z_OK, "Zlib: zlib cannot be set up");
}

struct Deflater {
  explicit Deflater(const ZlibOptions& options) {
    constexpr int memory_level = 8;  // zlib's default
    check_memory(deflateInit2(&stream, options.level, Z_DEFLATED, window_bits(options.format),
                              memory_level, Z_DEFAULT_STRATEGY));
  }
  ~Deflater() { deflateEnd(&stream); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  z_stream stream = with_counted_memory();
};

struct Inflater {
  Inflater() { check_memory(inflateInit(&stream)); }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream = with_counted_memory();
};

// Messages know nothing of one another, so one of each serves all connections of a thread. A level has
// one of its own: where deflateParams() changes the level of a stream that was used before, zlib up to
// 1.2.11 first flushes into the output of the message before, which is no longer there.
z_stream& deflate_stream(const ZlibOptions& options) {
  constexpr std::size_t formats = 3;
  constexpr std::size_t levels = Z_BEST_COMPRESSION + 1;
  thread_local std::array<std::array<std::unique_ptr<Deflater>, levels>, formats> deflaters;
  std::unique_ptr<Deflater>& deflater = deflaters.at(static_cast<std::size_t>(options.format))
                                            .at(static_cast<std::size_t>(options.level));
  if (!deflater) {
    deflater = std::make_unique<Deflater>(options);
  }
  check_memory(deflateReset(&deflater->stream));
  return deflater->stream;
}

z_stream& inflate_stream(ZlibFormat format) {
  thread_local Inflater inflater;
  check_memory(inflateReset2(&inflater.stream, window_bits(format)));
  return inflater.stream;
}

const Bytef* zlib_bytes(ByteView bytes) noexcept {
  return reinterpret_cast<const Bytef*>(bytes.data());
}

void set_output(z_stream& stream, std::span<std::byte> room) noexcept {
  stream.next_out = reinterpret_cast<Bytef*>(room.data());
  stream.avail_out = static_cast<uInt>(room.size());
}

}  // namespace

Zlib::Zlib(const ZlibOptions& options) : options_(options) {
  if (options.level < Z_NO_COMPRESSION || options.level > Z_BEST_COMPRESSION) {
    throw std::invalid_argument("Zlib: level must be 0 to 9, not " + std::to_string(options.level));
  }
  options_.max_inflated_bytes = std::min(options.max_inflated_bytes, largest);
}

CodecError Zlib::compress(ByteView bytes, ByteBuffer& out) const {
  if (bytes.size() > options_.max_inflated_bytes) {
    return {CodecErrc::inflated_too_long, bytes.size(), options_.max_inflated_bytes};
  }
  z_stream& stream = deflate_stream(options_);
  stream.next_in = zlib_bytes(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  detail::Rollback rollback(out);
  for (int result = Z_OK; result != Z_STREAM_END;) {  // once, if the bound is one
    const std::span<std::byte> room = out.prepare(deflateBound(&stream, bytes.size()));
    set_output(stream, room);
    result = deflate(&stream, Z_FINISH);
    detail::check(result != Z_STREAM_ERROR, "Zlib: zlib has lost its state");
    out.commit(room.size() - stream.avail_out);
  }
  rollback.keep();
  return {};
}

CodecError Zlib::decompress(ByteView bytes, ByteBuffer& out) const {
  if (bytes.size() > std::numeric_limits<uInt>::max()) {
    return {CodecErrc::malformed_compression, bytes.size()};
  }
  z_stream& stream = inflate_stream(options_.format);
  stream.next_in = zlib_bytes(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  const auto step = [&](std::span<std::byte> room) {
    using Status = detail::InflateStep::Status;
    set_output(stream, room);
    const int result = inflate(&stream, Z_FINISH);
    if (result == Z_MEM_ERROR) {
      throw std::bad_alloc();
    }
    Status status = Status::bad;
    if (result == Z_STREAM_END && stream.avail_in == 0) {
      status = Status::ended;
    } else if ((result == Z_OK || result == Z_BUF_ERROR) && stream.avail_out == 0) {
      status = Status::full;
    }
    return detail::InflateStep{room.size() - stream.avail_out, status,
                               bytes.size() - stream.avail_in};
  };
  constexpr std::size_t usual_ratio = 4;
  return detail::inflate_into(out, usual_ratio * bytes.size(), options_.max_inflated_bytes, step);
}

}  // namespace twister
