// The names under which the tests and the fuzz targets of codecs know the kit's.
#pragma once

#include <twister/testing/decode_pieces.hpp>

namespace twister::testing_codecs {

using testing::cut_every;
using testing::decode_pieces;
using testing::Events;
using testing::FrameText;
using testing::Pieces;

}  // namespace twister::testing_codecs
