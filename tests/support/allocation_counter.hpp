// Counts what the test program asks of the global operator new.
#pragma once

#include <cstddef>

namespace twister::testing {

std::size_t allocations() noexcept;

}  // namespace twister::testing
