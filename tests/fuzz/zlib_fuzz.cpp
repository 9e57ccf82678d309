// Input: format, limit, cut, then what is a stream of frames, one compressed message, and a message to
// compress. Compared with zlib, given the whole message and room for all that may come.
#include <array>

#include <zlib.h>

#include "twister/codecs/zlib.hpp"

#include "compressed_fuzz.hpp"

namespace {

twister::fuzz::Inflated inflated_by_zlib(std::string_view compressed, int window_bits,
                                         std::size_t limit) {
  z_stream stream{};
  twister::fuzz::expect(inflateInit2(&stream, window_bits) == Z_OK, "no memory");
  std::string input(compressed);
  std::string output(limit + 1, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
  const int result = inflate(&stream, Z_FINISH);
  output.resize(stream.total_out);
  const bool whole = result == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (whole || output.size() > limit) {
    return output;
  }
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const unsigned choice = choices.next();
  const std::size_t limit = std::size_t{choices.next()} * 16;
  const unsigned seed = choices.next();
  const ZlibFormat format =
      std::array{ZlibFormat::zlib, ZlibFormat::gzip, ZlibFormat::raw}[choice % 3];
  const int window_bits = std::array{15, 31, -15}[choice % 3];
  const Zlib compressor(
      {.format = format, .level = static_cast<int>(choice / 3 % 10), .max_inflated_bytes = limit});
  fuzz::check_cuts(compressor, choices.rest(), seed);
  fuzz::compare_with(compressor, limit, choices.rest(),
                     inflated_by_zlib(choices.rest(), window_bits, limit));
  fuzz::check_round_trip(compressor, limit, choices.rest());
  return 0;
}
