// twister/testing/detail/tested_codec.hpp - a codec of any type behind one face, so that what tries it
// is compiled once.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include <twister/codecs/codec.hpp>

namespace twister::testing::detail {

class TestedCodec {
 public:
  virtual ~TestedCodec() = default;
  virtual DecodeResult decode(ByteView input) = 0;
  // What message() gives, as text.
  virtual std::string describe() = 0;
  virtual CodecError finish(ByteView rest) const = 0;
};

template <Codec C, class Describe>
class TestedCodecOf final : public TestedCodec {
 public:
  TestedCodecOf(C codec, Describe describe)
      : codec_(std::move(codec)), describe_(std::move(describe)) {}

  DecodeResult decode(ByteView input) override { return codec_.decode(input); }
  std::string describe() override { return describe_(codec_.message()); }
  CodecError finish(ByteView rest) const override { return codec_.finish(rest); }

 private:
  C codec_;
  Describe describe_;
};

}  // namespace twister::testing::detail
