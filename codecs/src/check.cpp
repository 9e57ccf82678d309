#include "twister/codecs/detail/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace twister::detail {

void check_failed(const char* what) noexcept {
  std::fprintf(stderr, "twister: %s\n", what);
  std::abort();
}

}  // namespace twister::detail
