// watched_pages.hpp - bytes that notice when they are looked at.
//
// The pages of the block are unreadable until they are touched; the fault is counted and the page
// opened. So the work that any codec does on its input can be counted without its help, and without a
// clock.
#pragma once

#include <csignal>
#include <cstddef>
#include <string_view>
#include <vector>

#include "twister/codecs/byte_view.hpp"

namespace twister::testing::detail {

// One at a time in a process, on the thread that made it: takes SIGSEGV for as long as it lives and
// hands on what is not its own.
class WatchedPages {
 public:
  // Copies `bytes`. Throws std::bad_alloc when there is no memory to map.
  explicit WatchedPages(std::string_view bytes);
  ~WatchedPages();
  WatchedPages(const WatchedPages&) = delete;
  WatchedPages& operator=(const WatchedPages&) = delete;

  static std::size_t page_bytes() noexcept;

  ByteView view() const noexcept { return {base_, size_}; }
  // Makes every page unseen; what was counted stays counted.
  void hide() noexcept;
  // Pages that were looked at while they were unseen, in all.
  std::size_t seen() const noexcept { return seen_; }

 private:
  static void on_fault(int signal, siginfo_t* info, void* context);
  bool open(const void* address) noexcept;

  std::byte* base_ = nullptr;
  std::size_t size_;
  std::size_t mapped_ = 0;
  std::vector<unsigned char>
      opened_;  // by page; no std::vector<bool>, which a handler may not share
  volatile std::size_t seen_ = 0;
  struct sigaction former_ {};
};

}  // namespace twister::testing::detail
