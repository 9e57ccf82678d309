#include "delimiter_table.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace twister::detail {

namespace {

constexpr std::size_t max_delimiters_bytes = 255;

[[noreturn]] void refuse(const std::string& why) {
  throw std::invalid_argument("Delimited: " + why);
}

// Where the bytes after a delimiter would have to say whether it was one.
void check_within(const std::string& inner, std::size_t inner_at, const std::string& outer,
                  std::size_t outer_at) {
  const std::string a = "delimiter " + std::to_string(inner_at + 1);
  const std::string b = "delimiter " + std::to_string(outer_at + 1);
  if (inner_at > outer_at && outer.starts_with(inner)) {
    refuse(a + " is a prefix of " + b + " before it");
  }
  const std::size_t found = outer.find(inner, 1);
  if (found != std::string::npos && found + inner.size() < outer.size()) {
    refuse(a + " lies inside " + b);
  }
}

void check(const std::vector<std::string>& delimiters) {
  if (delimiters.empty()) {
    refuse("delimiters is empty");
  }
  std::size_t bytes = 0;
  for (const std::string& delimiter : delimiters) {
    if (delimiter.empty()) {
      refuse("a delimiter is empty");
    }
    if (delimiter.size() > max_delimiters_bytes - bytes) {
      refuse("delimiters have more than " + std::to_string(max_delimiters_bytes) + " bytes in all");
    }
    bytes += delimiter.size();
  }
  for (std::size_t i = 0; i < delimiters.size(); ++i) {
    for (std::size_t j = 0; j < delimiters.size(); ++j) {
      if (i != j) {
        check_within(delimiters[i], i, delimiters[j], j);
      }
    }
  }
}

}  // namespace

DelimiterTable::DelimiterTable(const std::vector<std::string>& delimiters) {
  check(delimiters);
  first_ = delimiters.front();
  states_.emplace_back();
  for (const std::string& delimiter : delimiters) {
    add(delimiter);
  }
  has_one_beginning_ = std::all_of(delimiters.begin(), delimiters.end(), [&](const auto& each) {
    return each.front() == first_.front();
  });
  link();
}

// So far only a tree: every state has the steps that go on with its beginning.
void DelimiterTable::add(const std::string& delimiter) {
  std::size_t state = 0;
  for (const char character : delimiter) {
    const auto byte = static_cast<unsigned char>(character);
    if (states_[state].next[byte] == 0) {
      states_[state].next[byte] = static_cast<std::uint8_t>(states_.size());
      states_.emplace_back().depth = static_cast<std::uint8_t>(states_[state].depth + 1);
    }
    state = states_[state].next[byte];
  }
  states_[state].ends = true;
}

// Adds the steps for bytes that do not go on: those of the next shorter beginning that the bytes
// end with. It is less deep, so states are taken in the order of their depth.
void DelimiterTable::link() {
  std::vector<std::uint8_t> shorter(states_.size(), 0);
  std::vector<std::uint8_t> order = {0};
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint8_t state = order[i];
    for (std::size_t byte = 0; byte < 256; ++byte) {
      std::uint8_t& next = states_[state].next[byte];
      const std::uint8_t otherwise = state == 0 ? 0 : states_[shorter[state]].next[byte];
      if (next == 0) {
        next = otherwise;
      } else {
        shorter[next] = otherwise;
        order.push_back(next);
      }
    }
  }
}

DelimiterTable::Verdict DelimiterTable::find(ByteView bytes, DelimiterSearch& search,
                                             std::size_t limit) const noexcept {
  // Beyond `limit` nothing is looked at, except to go on with what began before.
  const ByteView window = bytes.first(limit < bytes.size() ? limit + 1 : bytes.size());
  while (search.at < bytes.size()) {
    if (search.matched == 0) {
      search.at = find_beginning(window, search.at);
      if (search.at == window.size()) {
        return search.at > limit ? Verdict::too_long : Verdict::open;
      }
    }
    search.matched = states_[search.matched].next[std::to_integer<std::size_t>(bytes[search.at])];
    ++search.at;
    if (search.at - matched_bytes(search) > limit) {
      return Verdict::too_long;
    }
    if (ends(search)) {
      return Verdict::ended;
    }
  }
  return Verdict::open;
}

std::size_t DelimiterTable::find_beginning(ByteView bytes, std::size_t from) const noexcept {
  if (has_one_beginning_) {
    const void* const found = std::memchr(bytes.data() + from, first_.front(), bytes.size() - from);
    return found == nullptr
               ? bytes.size()
               : static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data());
  }
  const std::array<std::uint8_t, 256>& next = states_.front().next;
  while (from < bytes.size() && next[std::to_integer<std::size_t>(bytes[from])] == 0) {
    ++from;
  }
  return from;
}

}  // namespace twister::detail
