#include "twister/asio.hpp"

#include <twister/log.hpp>

#include "loop_core.hpp"

namespace twister {

asio::io_context& io_context(IOLoop& loop) noexcept {
  return loop.core().io();
}

namespace detail {

void log_task_exception(std::exception_ptr error) noexcept {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const std::exception& what) {
    log(LogLevel::error, "task_threw", {{"what", what.what()}});
  } catch (...) {
    log(LogLevel::error, "task_threw", {{"what", "not an exception"}});
  }
}

}  // namespace detail
}  // namespace twister
