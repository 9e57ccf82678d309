// Finds the first of several delimiters in one pass over the bytes, which may come in pieces.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "twister/codecs/byte_view.hpp"
#include "twister/codecs/delimited.hpp"

namespace twister::detail {

// The automaton of Aho and Corasick. A state stands for the longest beginning of a delimiter that
// the bytes so far end with; state 0 for none. One look-up a byte leads to the next state.
class DelimiterTable {
 public:
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

  enum class Verdict {
    open,      // no delimiter in these bytes
    ended,     // one ends at search.at
    too_long,  // none begins at a byte up to `limit`
  };

  // Throws as the constructor of Delimited says.
  explicit DelimiterTable(const std::vector<std::string>& delimiters);

  // Goes on with a search that began at the front of `bytes`. A delimiter that begins at `limit` is
  // still found.
  Verdict find(ByteView bytes, DelimiterSearch& search,
               std::size_t limit = no_limit) const noexcept;

  // Bytes of the beginning that a state stands for: with Verdict::ended, of the delimiter.
  std::size_t matched_bytes(const DelimiterSearch& search) const noexcept {
    return states_[search.matched].depth;
  }
  bool ends(const DelimiterSearch& search) const noexcept { return states_[search.matched].ends; }

  // The first of the list.
  ByteView first() const noexcept { return as_bytes(first_); }

 private:
  // 255 bytes of delimiters make at most 255 states and state 0.
  struct State {
    std::array<std::uint8_t, 256> next{};
    std::uint8_t depth = 0;
    bool ends = false;
  };

  void add(const std::string& delimiter);
  void link();
  std::size_t find_beginning(ByteView bytes, std::size_t from) const noexcept;

  std::string first_;
  std::vector<State> states_;
  bool has_one_beginning_ = false;  // all delimiters begin with the same byte
};

}  // namespace twister::detail
