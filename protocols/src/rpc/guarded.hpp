// src/rpc/guarded.hpp - how RPC calls the functions that users have given it.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include <twister/log.hpp>

namespace twister::detail {

// What is logged of an object that is thrown and has no what().
constexpr std::string_view not_an_exception = "not an exception";

// Logs what a handler has thrown, and returns the reference that its caller is told instead.
std::string log_handler_threw(std::string_view method, std::string_view what);

// What a callback throws is logged, as the framework does it, and ends here: the call that it is about is over
// all the same, and so are others that end with it. `callback` says which one it was.
template <class Function>
void guarded(std::string_view callback, std::string_view method, Function&& function) noexcept {
  const auto threw = [&](std::string_view what) {
    log(LogLevel::error, "callback_threw",
        {{"callback", callback}, {"method", method}, {"what", what}});
  };
  try {
    function();
  } catch (const std::exception& error) {
    threw(error.what());
  } catch (...) {
    threw(not_an_exception);
  }
}

}  // namespace twister::detail
