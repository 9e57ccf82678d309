// tests/vectors/content_length.txt; content_length_vectors_test.py reads it too.
#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/content_length.hpp"

#include "wire_vectors.hpp"

namespace twister {
namespace {

using testing_codecs::check_wire_case;
using testing_codecs::hex;
using testing_codecs::read_wire_vectors;
using testing_codecs::to_hex;

TEST(ContentLengthVectors, AreWhatTheCodecDoes) {
  std::size_t count = 0;
  for (const auto& group : read_wire_vectors(TWISTER_TEST_VECTORS "/content_length.txt")) {
    ContentLengthOptions options;
    if (group.options.contains("limit"))
      options.max_frame_bytes = std::stoul(group.options.at("limit"));
    if (group.options.contains("oversize")) options.on_oversize = Oversize::skip;
    for (const auto& wire_case : group.cases) {
      check_wire_case(
          ContentLength(options), wire_case, [](ByteView frame) { return to_hex(frame); },
          [](ContentLength& codec, const std::string& digits, ByteBuffer& out) {
            return codec.encode(as_bytes(hex(digits)), out);
          });
      ++count;
    }
  }
  EXPECT_GE(count, 15u);
}

}  // namespace
}  // namespace twister
