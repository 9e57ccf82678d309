// guarded_codec.hpp - a codec whose results can be used, however wrong they are.
#pragma once

#include <cstddef>

#include "twister/testing/detail/codec_trial.hpp"

namespace twister::testing::detail {

// What was noticed in any call of decode(). Nothing in here allocates: allocation is counted.
struct Watch {
  const char* breach = nullptr;  // null: none so far
  // The largest frame that `needed` asked for, what there was of it included.
  std::size_t most_needed = 0;
};

// Makes what `make` makes, so that `consumed` is never more than there was; an error has consumed
// nothing. Empty when `make` is. `watch` outlives what is made.
CodecTrial::Make guarded(CodecTrial::Make make, Watch& watch);

}  // namespace twister::testing::detail
