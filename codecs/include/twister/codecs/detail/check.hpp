// twister/codecs/detail/check.hpp - assertions on the caller, kept in release builds.
//
// For a caller's bug only, never for what arrives from outside. One predicted branch each.
#pragma once

namespace twister::detail {

// Prints "twister: WHAT" to stderr and aborts.
[[noreturn]] void check_failed(const char* what) noexcept;

inline void check(bool ok, const char* what) noexcept {
  if (!ok) [[unlikely]] {
    check_failed(what);
  }
}

}  // namespace twister::detail
