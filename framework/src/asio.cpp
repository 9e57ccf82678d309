#include "twister/asio.hpp"

#include <twister/log.hpp>

#include "loop_core.hpp"

namespace twister {

asio::io_context& io_context(IOLoop& loop) noexcept {
  return loop.core().io();
}

namespace detail {

void log_task_exception(const std::exception_ptr& error, std::string_view peer) noexcept {
  const auto log_what = [peer](std::string_view what) {
    if (peer.empty()) return log(LogLevel::error, "task_threw", {{"what", what}});
    log(LogLevel::error, "task_threw", {{"peer", peer}, {"what", what}});
  };
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& what) {
    log_what(what.what());
  } catch (...) {
    log_what("not an exception");
  }
}

}  // namespace detail
}  // namespace twister
