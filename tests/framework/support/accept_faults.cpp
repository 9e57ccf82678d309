#include "support/accept_faults.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <dlfcn.h>

namespace {

thread_local twister::testing::AcceptFaults* faults = nullptr;

}  // namespace

// Stands before the C library's function of this name, and before a sanitizer's.
extern "C" int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  using Accept4 = int (*)(int, sockaddr*, socklen_t*, int);
  static const auto real = reinterpret_cast<Accept4>(::dlsym(RTLD_NEXT, "accept4"));
  const int error = faults == nullptr ? 0 : faults->next_error();
  if (error == 0) return real(fd, address, size, flags);
  errno = error;
  return -1;
}

namespace twister::testing {

AcceptFaults::AcceptFaults(std::vector<int> errors) : errors_(std::move(errors)) {
  faults = this;
}

AcceptFaults::~AcceptFaults() {
  faults = nullptr;
}

int AcceptFaults::next_error() noexcept {
  ++calls_;
  return next_ < errors_.size() ? errors_[next_++] : 0;
}

}  // namespace twister::testing
