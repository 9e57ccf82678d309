// twister/testing/codec_conformance.hpp - tries a codec by every rule that a codec has to keep.
//
//   const auto report = twister::testing::check_codec<MyCodec>({
//       .messages = {as_bytes("one"), as_bytes("two"), as_bytes("")},
//       .malformed = {"\xff"},
//   });
//   EXPECT_TRUE(report.ok()) << report.text();
//   std::cout << report.text();  // ok() says nothing of rules that were not tried
//
// For the tests of anybody's codec; needs no test framework. The rules are those of codec.hpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <twister/codecs/codec.hpp>
#include <twister/testing/detail/codec_trial.hpp>

namespace twister::testing {

// What came of it.
struct ConformanceReport {
  struct Finding {
    std::string rule;  // its name, such as "every cut"
    std::string what;  // how it was broken, with the bytes
  };
  std::vector<Finding> broken;
  // What could not be tried and what is missing for it, or what could not be judged after another rule
  // was broken: nothing is passed in silence.
  std::vector<Finding> untried;
  std::vector<std::string> kept;

  bool ok() const noexcept { return broken.empty(); }
  // Every rule was tried. A codec can be ok() without: what it has no place for, skipping for
  // instance, is never tried.
  bool complete() const noexcept { return untried.empty(); }
  // A line each: "broken RULE: WHAT", "untried RULE: WHAT", "kept RULE".
  std::string text() const;
};

// Where a codec's message is an abstract class, the cases point to messages.
template <class Message>
using ConformanceMessage =
    std::conditional_t<std::is_abstract_v<Message>, std::shared_ptr<const Message>, Message>;

// What a codec is tried with. Views among the messages are not copied: what they look at outlives the
// check.
template <Codec C>
struct CodecCases {
  using Message = ConformanceMessage<typename C::Message>;

  // A codec in its first state, with the options under test. Needed where C() is not what is meant.
  std::function<C()> make{};
  // At least two that are different, an empty one among them where there is such a thing.
  std::vector<Message> messages{};
  // The largest that the codec takes, or half of it at least; `make` sets the limit. `needed` is
  // judged by it, and linear work from 40 000 bytes on.
  std::optional<Message> longest{};
  // What encode() has to refuse.
  std::vector<Message> unencodable{};
  // Streams that are an error, by their last byte at the latest.
  std::vector<std::string> malformed{};
  // Streams that break a limit, by their last byte at the latest.
  std::vector<std::string> too_long{};
  // Beginnings of frames that announce as much as is allowed, without what they announce.
  std::vector<std::string> announcements{};
  // The same codec, told to skip what it refuses, and whole frames that it then steps over.
  std::function<C()> make_skipping{};
  std::vector<std::string> skipped{};
  // Bytes asked of the allocator since the program began. A test program has it from an operator new
  // of its own; without it, allocation is left untried.
  std::function<std::size_t()> allocated_bytes{};
  // What a codec may allocate for itself, whatever arrives: tables, contexts of a library.
  std::size_t own_bytes = 64 * 1024;
};

// Messages that are bytes or text are compared as such; others with operator== where they have it, and
// by what they encode to, which alone does not see what encode() loses. Instead, a `describe` can be
// given: callable with Received and with const Message&, gives all of a message as a std::string. It is
// needed where Received cannot be encoded.
struct DescribeByValue {};

// Tries, each by name:
//   round trip             what was encoded decodes to itself, the longest too
//   every cut              messages do not depend on where the stream was cut: in two anywhere, byte
//                          by byte, and in pieces of many sizes
//   empty input            is neither a message nor an error
//   truncation             finish() tells the end between messages from the end inside one
//   hand-over              after each message, another codec can take the unconsumed bytes
//   both ways at once      encode() between decode() and message() disturbs neither
//   own state              two codecs have none in common
//   refusal to encode      leaves the buffer as it was
//   in place               of a Framing: begin_frame() and end_frame() make what encode() makes, and
//                          refuse what it refuses
//   malformed              is an error, at every cut, and stays one
//   limit                  is an error of Condition::limit, at every cut, and stays one
//   resynchronisation      a skipped frame is told once, and the next message decodes
//   noise                  random and damaged streams keep the contract at some cuts, skipping too
//   linear work            counted in pages of input looked at, for one long message that arrives
//                          page by page, and for many short ones that arrived at once
//   bounded allocation     nothing is allocated for what has only been announced
//   bounded needs          `needed` never asks for more than twice what `longest` takes
//
// Not tried: recursion on deep input, which fuzzing finds; encode() when memory runs out.
//
// Time: some 10 000 short calls of the codec; for long streams, in proportion to their length.
// Threads: one at a time in a process, because linear work is counted by SIGSEGV.
// Errors: throws std::invalid_argument for cases that cannot be tried: no two messages that are
//   different and encode to different bytes, or one that the codec refuses or encodes to nothing.
template <Codec C, class Describe = DescribeByValue>
ConformanceReport check_codec(const CodecCases<C>& cases, Describe describe = {}) {
  return detail::try_codec(detail::trial_of<C>(cases, std::move(describe)));
}

}  // namespace twister::testing
