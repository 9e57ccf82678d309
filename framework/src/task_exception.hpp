// src/task_exception.hpp - the line in the log for a task that ended with an exception. Declared once
// more in <twister/asio.hpp>, which sources without coroutines do not include.
#pragma once

#include <exception>
#include <string_view>

namespace twister::detail {

// Without a peer, the line has none.
void log_task_exception(const std::exception_ptr& error, std::string_view peer) noexcept;

}  // namespace twister::detail
