// arguments.hpp - the words behind a command: options by name, and the others in order.
//
//   const Arguments arguments(options, words);
//   if (arguments.has("verbose")) ...
//
// `--name VALUE`, `--name=VALUE`, `-x VALUE` and `-xVALUE`; what follows `--` is no option, and `-` is none either.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace twister::tool {

struct Option {
  std::string_view name;
  char letter;             // '\0' for none
  std::string_view value;  // what it is called in --help; empty for an option without one
  std::string_view help;
};

// Errors: UsageError, which names the word and, where one is near, the option that may be meant.
class Arguments {
 public:
  // `options` outlive it.
  Arguments(std::span<const Option> options, std::span<const std::string> words);

  bool has(std::string_view name) const { return value(name).has_value(); }
  // The last one of that name; empty text for an option without a value.
  std::optional<std::string> value(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;
  // "2", "0.5s" or "200ms", up to a day.
  std::optional<std::chrono::milliseconds> time(
      std::string_view name, std::chrono::milliseconds least = std::chrono::milliseconds(1)) const;
  const std::vector<std::string>& words() const noexcept { return words_; }
  // Throws unless there are as many words as `names`, of which those in brackets may be missing.
  void expect(std::span<const std::string_view> names) const;

 private:
  struct Given {
    std::string_view name;
    std::string value;
  };

  const Option& option(std::string_view name, char letter, const std::string& word) const;

  std::span<const Option> options_;
  std::vector<Given> given_;
  std::vector<std::string> words_;
};

// A line for each option, for --help.
std::string describe(std::span<const Option> options);

// "; did you mean A or B?" of those that differ from `wrong` by a slip or two; otherwise empty.
std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& candidates);

}  // namespace twister::tool
