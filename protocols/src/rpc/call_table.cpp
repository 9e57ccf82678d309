#include <cstdint>
#include <random>

#include <twister/log.hpp>
#include <twister/rpc/detail/call_table.hpp>

namespace twister::detail {

void log_callback_threw(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    log(LogLevel::error, "callback_threw", {{"what", thrown.what()}});
  } catch (...) {
    log(LogLevel::error, "callback_threw", {{"what", "no std::exception"}});
  }
}

std::string new_error_reference() {
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    return std::mt19937_64((std::uint64_t{device()} << 32) | device());
  }();
  constexpr std::string_view digits = "0123456789abcdef";
  std::string reference;
  for (std::uint64_t bits = random(), i = 0; i < 12; ++i, bits >>= 4)
    reference += digits[bits & 15];
  return reference;
}

}  // namespace twister::detail
