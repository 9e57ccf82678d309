// show.hpp - bytes and events in the texts of a ConformanceReport: printable, and never long.
#pragma once

#include <string>
#include <string_view>

#include "twister/testing/decode_pieces.hpp"

namespace twister::testing::detail {

// In quotes, with \x00 for what is not printable.
std::string show(std::string_view bytes);
// The first few.
std::string show(const Events& events);

}  // namespace twister::testing::detail
