#include "twister/regex.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace twister {
namespace {

// The length of text that max_steps is meant for: IOStream's max_bytes.
constexpr std::size_t budgeted_bytes = 64 * 1024;

// PCRE2 keeps a frame of some hundred bytes for each place that it may come back to.
constexpr std::uint32_t max_heap_kib = 32 * 1024;

// Trying a part of a pattern costs about as much as passing so many bytes: 20 ns on an ordinary machine.
constexpr std::uint64_t bytes_a_step = 32;

// A part of the pattern that passes many bytes before it can say that there are not enough: `x{5000}`.
struct Repeat {
  PCRE2_SIZE at;  // in the pattern
  std::uint64_t least;
};

// What one search still may do, in bytes. PCRE2's own match limit begins again at each place where a match
// could begin, and does not see what a repeated class passes (`x[^>]*+END`): work would grow with the
// square of the text. So the pattern is compiled with a callout before each of its parts, which counts.
struct Budget {
  std::uint64_t left;
  PCRE2_SIZE position;
  std::span<const Repeat> repeats;

  static int spend(pcre2_callout_block* at, void* data) {
    auto& budget = *static_cast<Budget*>(data);
    std::uint64_t cost = bytes_a_step;
    cost += at->current_position - std::min(at->current_position, budget.position);
    budget.position = at->current_position;
    for (const Repeat& repeat : budget.repeats) {
      if (repeat.at == at->pattern_position) cost += repeat.least;
    }
    if (budget.left < cost) return PCRE2_ERROR_MATCHLIMIT;
    budget.left -= cost;
    return 0;
  }
};

// Adds the part behind a callout if it is one of those: `[a-z]{5000,}+`.
int note_repeat(pcre2_callout_enumerate_block* at, std::string_view pattern,
                std::vector<Repeat>& repeats) {
  const std::string_view part = pattern.substr(at->pattern_position, at->next_item_length);
  const std::size_t open = part.rfind('{');
  if (open == part.npos) return 0;
  std::uint64_t least = 0;
  std::from_chars(part.data() + open + 1, part.data() + part.size(), least);
  if (least <= bytes_a_step) return 0;
  // A part within a repeated group is there many times.
  const auto is_it = [at](const Repeat& each) { return each.at == at->pattern_position; };
  if (std::none_of(repeats.begin(), repeats.end(), is_it)) {
    repeats.push_back({.at = at->pattern_position, .least = least});
  }
  return 0;
}

// In bytes.
std::uint64_t budget_for(std::size_t text_bytes, std::uint64_t max_steps) {
  const std::uint64_t times = (std::max<std::size_t>(text_bytes, 1) - 1) / budgeted_bytes + 1;
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() / bytes_a_step;
  return (max_steps > most / times ? most : max_steps * times) * bytes_a_step;
}

struct Free {
  void operator()(pcre2_code* code) const noexcept { ::pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const noexcept { ::pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const noexcept {
    ::pcre2_match_context_free(context);
  }
};

}  // namespace

struct Regex::Compiled {
  Compiled(std::string_view pattern, const RegexOptions& options) : max_steps(options.max_steps) {
    int error = 0;
    PCRE2_SIZE where = 0;
    code.reset(::pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                               PCRE2_AUTO_CALLOUT, &error, &where, nullptr));
    if (code == nullptr) {
      std::array<PCRE2_UCHAR, 200> text{};
      ::pcre2_get_error_message(error, text.data(), text.size());
      throw std::invalid_argument("Regex \"" + std::string(pattern) +
                                  "\": " + reinterpret_cast<const char*>(text.data()) +
                                  " at character " + std::to_string(where));
    }
    auto noted = std::pair(pattern, &repeats);
    ::pcre2_callout_enumerate(
        code.get(),
        [](pcre2_callout_enumerate_block* at, void* data) {
          const auto& [text, into] = *static_cast<decltype(noted)*>(data);
          return note_repeat(at, text, *into);
        },
        &noted);
  }

  std::unique_ptr<pcre2_code, Free> code;
  std::vector<Repeat> repeats;
  std::uint64_t max_steps;
};

Regex::Regex(std::string_view pattern, const RegexOptions& options)
    : compiled_(std::make_shared<const Compiled>(pattern, options)) {}

MatchResult Regex::operator()(std::string_view text, std::size_t from, bool complete) const {
  const std::unique_ptr<pcre2_match_data, Free> found(::pcre2_match_data_create(1, nullptr));
  const std::unique_ptr<pcre2_match_context, Free> limits(::pcre2_match_context_create(nullptr));
  if (found == nullptr || limits == nullptr) throw std::bad_alloc();
  const std::uint64_t bytes = budget_for(text.size() - from, compiled_->max_steps);
  Budget budget{.left = bytes, .position = from, .repeats = compiled_->repeats};
  ::pcre2_set_callout(limits.get(), Budget::spend, &budget);
  const std::uint64_t tries =
      std::min<std::uint64_t>(bytes / bytes_a_step, std::numeric_limits<std::uint32_t>::max());
  ::pcre2_set_match_limit(limits.get(), static_cast<std::uint32_t>(tries));
  ::pcre2_set_heap_limit(limits.get(), max_heap_kib);
  const int result =
      ::pcre2_match(compiled_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                    from, complete ? 0 : PCRE2_PARTIAL_HARD, found.get(), limits.get());
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
