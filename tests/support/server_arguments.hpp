// tests/support/server_arguments.hpp - what a test server takes out of its command line before serve_main() sees it.
#pragma once

#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace twister::testing {

class BadOption : public std::runtime_error {
 public:
  BadOption(std::string_view name, std::string_view value, std::string_view what)
      : runtime_error(std::string(name) + ": \"" + std::string(value) + "\" is not " +
                      std::string(what)) {}
};

class ServerArguments {
 public:
  // `argv` as main() is given it, with the null behind the last.
  ServerArguments(int argc, char** argv) : all_(argv, argv + argc + 1) {}

  // Of `--name value` or `--name=value`; the last one counts.
  std::string take(std::string_view name, std::string otherwise = {}) {
    for (std::size_t i = 1; i < count();) {
      const std::string_view argument = all_[i];
      const auto at = all_.begin() + static_cast<std::ptrdiff_t>(i);
      if (argument == name && i + 1 < count()) {
        otherwise = all_[i + 1];
        all_.erase(at, at + 2);
      } else if (argument.starts_with(name) && argument.substr(name.size()).starts_with('=')) {
        otherwise = argument.substr(name.size() + 1);
        all_.erase(at);
      } else {
        ++i;
      }
    }
    return otherwise;
  }

  bool take_flag(std::string_view name) {
    return std::erase_if(all_, [name](const char* argument) {
             return argument != nullptr && argument == name;
           }) > 0;
  }

  // Throws BadOption for what is no number, and for less than `least`.
  template <class Number>
  std::optional<Number> take_number(std::string_view name, Number least, std::string_view what) {
    const std::string text = take(name);
    if (text.empty()) return std::nullopt;
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || !(number >= least)) {
      throw BadOption(name, text, what);
    }
    return number;
  }

  void take_seconds(std::string_view name, std::chrono::milliseconds& option) {
    const auto seconds = take_number<double>(name, 0.001, "a number of seconds, above 0");
    if (seconds) option = std::chrono::milliseconds(static_cast<long>(*seconds * 1000));
  }

  // What is left, as main() is given it.
  int argc() const noexcept { return static_cast<int>(count()); }
  char** argv() noexcept { return all_.data(); }

 private:
  std::size_t count() const noexcept { return all_.size() - 1; }

  std::vector<char*> all_;  // and a null
};

}  // namespace twister::testing
