#include "guarded.hpp"

#include <cstdint>
#include <random>

#include <twister/rpc/detail/call_table.hpp>

namespace twister::detail {

std::string log_handler_threw(std::string_view method, std::string_view what) {
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    return std::mt19937_64((std::uint64_t{device()} << 32) | device());
  }();
  constexpr std::string_view digits = "0123456789abcdef";
  std::string reference;
  for (std::uint64_t bits = random(), i = 0; i < 12; ++i, bits >>= 4)
    reference += digits[bits & 15];
  log(LogLevel::error, "rpc_handler_threw",
      {{"method", method}, {"what", what}, {"reference", reference}});
  return reference;
}

void log_callback_threw(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    log(LogLevel::error, "callback_threw", {{"what", thrown.what()}});
  } catch (...) {
    log(LogLevel::error, "callback_threw", {{"what", not_an_exception}});
  }
}

}  // namespace twister::detail
