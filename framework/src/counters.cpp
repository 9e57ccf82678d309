#include "twister/counters.hpp"

#include <twister/error.hpp>

namespace twister {

CloseCause close_cause(std::error_code code) noexcept {
  if (!code) return CloseCause::clean;
  if (code.category() == stream_category()) {
    switch (static_cast<Errc>(code.value())) {
      case Errc::closed_here:
      case Errc::aborted_here:
      case Errc::loop_stopped:
        return CloseCause::here;
      case Errc::server_draining:
      case Errc::server_gone:
        return CloseCause::draining;
      case Errc::callback_threw:
        return CloseCause::exception;
      default:
        break;
    }
  }
  if (code == Condition::gone) return CloseCause::gone;
  if (code == Condition::limit) return CloseCause::limit;
  if (code == Condition::malformed) return CloseCause::malformed;
  if (code == Condition::timed_out) return CloseCause::timed_out;
  if (code == Condition::refused) return CloseCause::refused;
  return CloseCause::other;
}

std::string_view name_of(CloseCause cause) noexcept {
  static constexpr std::array<std::string_view, close_causes> names{
      "clean",     "here",    "gone",     "limit",     "malformed",
      "timed_out", "refused", "draining", "exception", "other"};
  const auto index = static_cast<std::size_t>(cause);
  return index < names.size() ? names[index] : "other";
}

}  // namespace twister
