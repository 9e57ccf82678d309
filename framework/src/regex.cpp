#include "twister/regex.hpp"

#include <array>
#include <new>
#include <stdexcept>
#include <string>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace twister {

struct Regex::Compiled {
  Compiled(std::string_view pattern, const RegexOptions& options) {
    int error = 0;
    PCRE2_SIZE where = 0;
    code = ::pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), 0, &error,
                           &where, nullptr);
    if (code == nullptr) {
      std::array<PCRE2_UCHAR, 200> text{};
      ::pcre2_get_error_message(error, text.data(), text.size());
      throw std::invalid_argument("Regex \"" + std::string(pattern) +
                                  "\": " + reinterpret_cast<const char*>(text.data()) +
                                  " at character " + std::to_string(where));
    }
    limits = ::pcre2_match_context_create(nullptr);
    if (limits == nullptr) {
      ::pcre2_code_free(code);
      throw std::bad_alloc();
    }
    ::pcre2_set_match_limit(limits, options.match_limit);
  }
  ~Compiled() {
    ::pcre2_match_context_free(limits);
    ::pcre2_code_free(code);
  }
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;

  pcre2_code* code = nullptr;
  pcre2_match_context* limits = nullptr;
};

Regex::Regex(std::string_view pattern, const RegexOptions& options)
    : compiled_(std::make_shared<const Compiled>(pattern, options)) {}

MatchResult Regex::operator()(std::string_view text, std::size_t from, bool complete) const {
  struct Free {
    void operator()(pcre2_match_data* data) const noexcept { ::pcre2_match_data_free(data); }
  };
  const std::unique_ptr<pcre2_match_data, Free> found(::pcre2_match_data_create(1, nullptr));
  if (found == nullptr) throw std::bad_alloc();
  const int result =
      ::pcre2_match(compiled_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                    complete ? 0 : PCRE2_PARTIAL_HARD, found.get(), compiled_->limits);
  const PCRE2_SIZE* at = ::pcre2_get_ovector_pointer(found.get());
  if (result >= 0) return {.status = MatchResult::Status::found, .position = at[1], .error = {}};
  if (result == PCRE2_ERROR_NOMATCH) {
    return {.status = MatchResult::Status::not_yet, .position = text.size(), .error = {}};
  }
  if (result == PCRE2_ERROR_PARTIAL) {
    return {.status = MatchResult::Status::not_yet, .position = at[0], .error = {}};
  }
  return {.status = MatchResult::Status::failed,
          .position = 0,
          .error = std::make_error_code(std::errc::resource_unavailable_try_again)};
}

}  // namespace twister
