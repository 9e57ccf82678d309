// Counts what the test program asks of the global operator new.
#pragma once

#include <cstddef>

namespace twister::testing {

std::size_t allocations() noexcept;
// In all, since the program began; what was freed is not taken off.
std::size_t allocated_bytes() noexcept;

// Of the allocations from now on, the first `count` succeed and the next one fails.
void fail_allocation_behind(std::size_t count) noexcept;
// None fails any more.
void fail_no_allocation() noexcept;

}  // namespace twister::testing
