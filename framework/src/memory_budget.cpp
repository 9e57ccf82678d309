#include "twister/memory_budget.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>

namespace twister {
namespace {

constexpr std::size_t endless = std::numeric_limits<std::size_t>::max();

// A number in a file of the kernel; endless for "max" and for a file that is not there.
std::size_t number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  return file >> number ? number : endless;
}

std::size_t memory_of_machine() noexcept {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return endless;
  return static_cast<std::size_t>(pages) * static_cast<std::size_t>(page);
}

// In a container, what is mounted there is the limit of its own group.
std::size_t memory_of_group() {
  return std::min(number_in("/sys/fs/cgroup/memory.max"),
                  number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
}

std::size_t memory_of_process() noexcept {
  rlimit space{};
  if (::getrlimit(RLIMIT_AS, &space) != 0 || space.rlim_cur == RLIM_INFINITY) return endless;
  return space.rlim_cur;
}

}  // namespace

MemoryBudget& MemoryBudget::of_process() {
  // Never destroyed: connections may outlive other static objects.
  static auto& budget = *new MemoryBudget(
      std::min({memory_of_machine(), memory_of_group(), memory_of_process()}) / 2);
  return budget;
}

}  // namespace twister
