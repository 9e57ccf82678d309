// twister/regex.hpp - patterns for IOStream::read_until_regex. In a library of its own: twister::regex.
//
//   static const twister::Regex blank_line("\r?\n\r?\n");
//   stream.read_until_regex(blank_line, [](std::error_code error, twister::ByteView header) { ... });
//
// Not for a fixed delimiter: read_until() is simpler, and its work is linear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <twister/io_stream.hpp>

namespace twister {

struct RegexOptions {
  // What one search may do before it is given up (std::errc::resource_unavailable_try_again), in all and
  // not for each place where a match could begin: parts of the pattern tried, and 32 bytes passed by
  // them count as one. For up to 64 KiB of text; for more, in proportion. Ordinary patterns take less
  // than four steps a byte, and one that goes astray costs 25 ms.
  std::uint64_t max_steps = 1'000'000;
};

// A regular expression in Perl's syntax, over bytes. The end of the first match ends the read; where
// more input could make the match another one, it waits for that input: so the result does not depend
// on how the bytes were cut. At the end of the stream, and at max_bytes, it takes what there is.
//
// A search goes on where the last one left off, unless the pattern may begin anywhere (`.*END`): that
// is searched from the beginning with every chunk, max_bytes at most.
//
// Limits: max_steps, and 32 MiB for what a search may have to come back to.
// Ownership: a handle; copies share the compiled pattern. Threads: any.
// Errors: a pattern that cannot be compiled throws std::invalid_argument, which says where and why.
class Regex {
 public:
  explicit Regex(std::string_view pattern, const RegexOptions& options = {});

  // What read_until_regex() asks.
  MatchResult operator()(std::string_view text, std::size_t from, bool complete) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace twister
