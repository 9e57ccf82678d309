// Input: level, limit, cut, then what is a stream of frames, one compressed message, and a message to
// compress. Compared with zstd, given the whole message and room for all that may come.
#include <zstd.h>

#include "twister/codecs/zstd.hpp"

#include "compressed_fuzz.hpp"

namespace {

// A frame that begins as today's do and demands no window over the 8 MiB that are allowed.
bool is_allowed(std::string_view frame) {
  if (!frame.starts_with("\x28\xb5\x2f\xfd") || frame.size() < 6) {
    return false;
  }
  const bool has_window = (static_cast<unsigned char>(frame[4]) & 0x20u) == 0;
  return !has_window || static_cast<unsigned char>(frame[5]) <= 0x68;
}

twister::fuzz::Inflated inflated_by_zstd(std::string_view frame, std::size_t limit) {
  if (!is_allowed(frame) ||
      ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    return std::nullopt;
  }
  // A step gives a block at least. Not ZSTD_decompress(), which takes blocks larger than the window.
  std::string output(limit + ZSTD_BLOCKSIZE_MAX, '\0');
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  ZSTD_outBuffer out{output.data(), output.size(), 0};
  ZSTD_DCtx* const context = ZSTD_createDCtx();
  std::size_t result = 1;
  for (std::size_t before = 1;
       result != 0 && ZSTD_isError(result) == 0 && before != in.pos + out.pos;) {
    before = in.pos + out.pos;
    result = ZSTD_decompressStream(context, &out, &in);
  }
  ZSTD_freeDCtx(context);
  const auto said = ZSTD_getFrameContentSize(frame.data(), frame.size());
  const bool whole = result == 0 && (said == ZSTD_CONTENTSIZE_UNKNOWN || said == out.pos);
  if (!whole && out.pos <= limit) {
    return std::nullopt;
  }
  output.resize(std::min(out.pos, limit + 1));
  return output;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const int level = static_cast<int>(choices.next() % 12) - 3;
  const std::size_t limit = std::size_t{choices.next()} * 16;
  const unsigned seed = choices.next();
  const Zstd compressor({.level = level, .max_inflated_bytes = limit});
  fuzz::check_cuts(compressor, choices.rest(), seed);
  fuzz::compare_with(compressor, limit, choices.rest(), inflated_by_zstd(choices.rest(), limit));
  fuzz::check_round_trip(compressor, limit, choices.rest());
  return 0;
}
