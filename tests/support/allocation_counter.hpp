// Counts what the test program asks of the global operator new.
#pragma once

#include <cstddef>

namespace twister::testing {

std::size_t allocations() noexcept;
// In all, since the program began; what was freed is not taken off.
std::size_t allocated_bytes() noexcept;

}  // namespace twister::testing
