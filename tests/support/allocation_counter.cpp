// In a file of its own: where these are inlined beside the caller's delete, g++ 12 warns of a
// mismatch.
#include "support/allocation_counter.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::size_t> count = 0;
std::atomic<std::size_t> bytes = 0;
std::atomic<long> until_failure = -1;  // below 0: none is to fail
}  // namespace

namespace twister::testing {

std::size_t allocations() noexcept {
  return count;
}

std::size_t allocated_bytes() noexcept {
  return bytes;
}

void fail_allocation_behind(std::size_t count) noexcept {
  until_failure = static_cast<long>(count);
}

void fail_no_allocation() noexcept {
  until_failure = -1;
}

}  // namespace twister::testing

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (until_failure >= 0 && until_failure-- == 0) {
    return nullptr;
  }
  ++count;
  bytes += size;
  return std::malloc(size);
}
void* operator new(std::size_t size) {
  if (void* const memory = operator new(size, std::nothrow)) {
    return memory;
  }
  throw std::bad_alloc();
}
// Spelled out because AddressSanitizer's own would not call those above.
void* operator new[](std::size_t size) {
  return operator new(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
