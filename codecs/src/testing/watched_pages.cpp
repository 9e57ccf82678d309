#include "watched_pages.hpp"

#include <sys/auxv.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace twister::testing::detail {
namespace {

WatchedPages* watched = nullptr;

}  // namespace

std::size_t WatchedPages::page_bytes() noexcept {
  return ::getauxval(AT_PAGESZ);
}

WatchedPages::WatchedPages(std::string_view bytes) : size_(bytes.size()) {
  const std::size_t page = page_bytes();
  mapped_ = (size_ / page + 1) * page;
  opened_.resize(mapped_ / page, 1);
  void* const block =
      ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) {
    throw std::bad_alloc();
  }
  base_ = static_cast<std::byte*>(block);
  std::memcpy(base_, bytes.data(), bytes.size());
  watched = this;
  struct sigaction action {};
  action.sa_sigaction = &WatchedPages::on_fault;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGSEGV, &action, &former_);
}

WatchedPages::~WatchedPages() {
  ::sigaction(SIGSEGV, &former_, nullptr);
  watched = nullptr;
  ::munmap(base_, mapped_);
}

void WatchedPages::hide() noexcept {
  std::fill(opened_.begin(), opened_.end(), static_cast<unsigned char>(0));
  ::mprotect(base_, mapped_, PROT_NONE);
}

bool WatchedPages::open(const void* address) noexcept {
  const auto* const byte = static_cast<const std::byte*>(address);
  if (byte < base_ || byte >= base_ + mapped_) {
    return false;
  }
  const std::size_t bytes = page_bytes();
  const std::size_t page = static_cast<std::size_t>(byte - base_) / bytes;
  if (opened_[page] != 0) {
    return false;  // it is readable: somebody writes
  }
  opened_[page] = 1;
  seen_ = seen_ + 1;
  return ::mprotect(base_ + page * bytes, bytes, PROT_READ) == 0;
}

void WatchedPages::on_fault(int signal, siginfo_t* info, void*) {
  if (watched != nullptr && watched->open(info->si_addr)) {
    return;
  }
  // Not ours: whoever took the signal before is asked when the instruction faults again.
  if (watched != nullptr) {
    ::sigaction(signal, &watched->former_, nullptr);
  }
}

}  // namespace twister::testing::detail
