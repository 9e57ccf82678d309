#include "arguments.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

#include "exit_code.hpp"

namespace twister::tool {

namespace {

// How many characters have to be added, left out or changed; upper and lower case are the same.
std::size_t distance(std::string_view from, std::string_view to) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t changed = diagonal + std::size_t{lower(from[i]) != lower(to[j])};
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& candidates) {
  const std::size_t most = std::max<std::size_t>(2, wrong.size() / 6);
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const std::string& candidate : candidates) {
    const std::size_t apart = distance(wrong, candidate);
    if (apart <= most) near.emplace_back(apart, candidate);
  }
  std::sort(near.begin(), near.end());
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(near.size(), 3); ++i) {
    text.append(i == 0 ? "; did you mean " : " or ").append(near[i].second);
  }
  return text.empty() ? text : text + "?";
}

Arguments::Arguments(std::span<const Option> options, std::span<const std::string> words)
    : options_(options) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      words_.insert(words_.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      return;
    }
    if (word.size() < 2 || word[0] != '-') {
      words_.push_back(word);
      continue;
    }
    const bool is_long = word[1] == '-';
    const std::size_t equals = is_long ? word.find('=') : std::string::npos;
    const Option& found = is_long ? option(std::string_view(word).substr(2, equals - 2), '\0', word)
                                  : option({}, word[1], word);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = word.substr(equals + 1);
    if (!is_long && word.size() > 2) value = word.substr(2);
    if (found.value.empty() && value) throw UsageError(word + ": the option takes no value");
    if (!found.value.empty() && !value) {
      if (++i == words.size()) {
        throw UsageError(word + " needs a value: " + word + " " + std::string(found.value));
      }
      value = words[i];
    }
    given_.push_back({found.name, value.value_or("")});
  }
}

const Option& Arguments::option(std::string_view name, char letter, const std::string& word) const {
  for (const Option& each : options_) {
    if (letter == '\0' ? each.name == name : each.letter == letter) return each;
  }
  std::vector<std::string> names;
  for (const Option& each : options_) names.push_back("--" + std::string(each.name));
  throw UsageError("there is no option " + word + did_you_mean(word, names));
}

std::optional<std::string> Arguments::value(std::string_view name) const {
  for (auto each = given_.rbegin(); each != given_.rend(); ++each) {
    if (each->name == name) return each->value;
  }
  return std::nullopt;
}

std::vector<std::string> Arguments::values(std::string_view name) const {
  std::vector<std::string> values;
  for (const Given& each : given_) {
    if (each.name == name) values.push_back(each.value);
  }
  return values;
}

std::optional<std::chrono::milliseconds> Arguments::time(std::string_view name,
                                                         std::chrono::milliseconds least) const {
  const std::optional<std::string> text = value(name);
  if (!text) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text->data() + text->size() - end));
  const double milliseconds = unit == "ms" ? number : number * 1000;
  if (error != std::errc{} || (unit != "" && unit != "s" && unit != "ms") ||
      !(milliseconds >= static_cast<double>(least.count()) && milliseconds <= 86'400'000)) {
    throw UsageError("--" + std::string(name) + ": \"" + *text +
                     "\" is not a time of up to a day, such as 5, 0.5s or 200ms");
  }
  return std::chrono::milliseconds(std::llround(std::ceil(milliseconds)));
}

void Arguments::expect(std::span<const std::string_view> names) const {
  std::size_t at = 0;
  for (const std::string_view name : names) {
    if (at == words_.size() && name.front() != '[') {
      throw UsageError(std::string(name) + " is missing");
    }
    if (at < words_.size()) ++at;
  }
  if (at < words_.size()) throw UsageError("\"" + words_[at] + "\" is one word too many");
}

std::string describe(std::span<const Option> options) {
  constexpr std::size_t column = 28;
  std::string text;
  for (const Option& each : options) {
    std::string line = each.letter == '\0' ? "      --" : std::string("  -") + each.letter + ", --";
    line.append(each.name);
    if (!each.value.empty()) line.append(" ").append(each.value);
    line.resize(std::max(column, line.size() + 2), ' ');
    text.append(text.empty() ? "" : "\n").append(line).append(each.help);
  }
  return text;
}

}  // namespace twister::tool
