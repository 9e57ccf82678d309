#include <algorithm>
#include <string>

#include "rules.hpp"
#include "show.hpp"

namespace twister::testing::detail {
namespace {

using Status = DecodeResult::Status;

// The messages that come of some more bytes.
Events feed(TriedCodec& codec, std::string& rest, std::string_view bytes) {
  rest += bytes;
  Events events;
  for (;;) {
    const DecodeResult result = codec.decode(as_bytes(rest));
    if (result.status == Status::message) {
      events.push_back("message " + codec.describe());
    }
    rest.erase(0, result.consumed);
    if (result.status == Status::incomplete || result.consumed == 0) {
      return events;
    }
  }
}

// What is wrong when `quiet` receives all messages in small pieces; empty if nothing is. `loud`, if there
// is one, receives something else between them.
std::string wrong_in_pieces(Examination& now, TriedCodec& quiet, TriedCodec* loud) {
  const std::string_view stream = now.stream();
  const std::string_view other =
      now.trial().malformed.empty() ? stream : std::string_view(now.trial().malformed.front());
  std::string quiet_rest;
  std::string loud_rest;
  std::size_t next = 0;
  const std::size_t step = step_of(stream);
  for (std::size_t at = 0; at < stream.size(); at += step) {
    if (loud != nullptr) {
      feed(*loud, loud_rest, other.substr(std::min(at, other.size()), step));
    }
    for (const std::string& event : feed(quiet, quiet_rest, stream.substr(at, step))) {
      if (next >= now.trial().messages || event != now.expected_message(next++)) {
        return ": " + show(event);
      }
    }
  }
  return next == now.trial().messages ? "" : ", message " + std::to_string(next) + " does not come";
}

}  // namespace

void every_cut(Examination& now) {
  const Events whole = now.same_at_every_cut(now.trial().make, now.stream());
  if (const Events expected = now.expected(now.trial().messages); whole != expected) {
    now.broken("all messages in one piece give " + show(whole) + " for " + show(expected));
  }
}

void empty_input(Examination& now) {
  const auto codec = now.make();
  for (int call = 0; call < 2; ++call) {
    const DecodeResult result = codec->decode({});
    if (result.status != Status::incomplete || result.consumed != 0) {
      now.broken("decode() of no bytes is not incomplete");
    }
  }
  if (const CodecError error = codec->finish({})) {
    now.broken("finish() before the first byte says: " + error.message());
  }
}

void truncation(Examination& now) {
  const std::string_view stream = now.stream();
  std::size_t begin = 0;  // of the message that `end` is in
  std::size_t whole = 0;  // messages before it
  const std::size_t step = step_of(stream);
  for (std::size_t end = 0; end <= stream.size(); end += step) {
    while (whole < now.wires().size() && end - begin >= now.wires()[whole].size()) {
      begin += now.wires()[whole++].size();
    }
    const Events events = decode_pieces(*now.make(), {stream.substr(0, end)});
    if (end == begin) {
      if (events != now.expected(whole)) {
        now.broken("a stream that ends between messages, after " + std::to_string(end) +
                   " bytes, gives " + show(events));
      }
    } else if (!events.back().starts_with("end ") && events != now.expected(whole + 1)) {
      // Where the message is there already, the rest of what was encoded is blanks.
      now.broken("a stream that ends inside a message, after " + std::to_string(end) +
                 " bytes, gives " + show(events));
    }
  }
}

void hand_over(Examination& now) {
  std::string_view rest = now.stream();
  const auto first = now.make();
  for (std::size_t i = 0; i + 1 < now.trial().messages; ++i) {
    take(*first, rest);
    const auto second = now.make();
    std::string_view left = rest;
    if (const std::string next = take(*second, left); next != now.expected_message(i + 1)) {
      now.broken("a codec that goes on after message " + std::to_string(i) + ", with " +
                 show(rest) + ", gives " + show(next));
    }
  }
}

// Two connections, in small pieces in turns; one ends in an error where there is a way to.
void own_state(Examination& now) {
  const auto quiet = now.make();
  if (!wrong_in_pieces(now, *quiet, nullptr).empty()) {
    return now.untried(
        "not judged: the same pieces give something else without another codec, too");
  }
  const auto again = now.make();
  const auto loud = now.make();
  if (const std::string wrong = wrong_in_pieces(now, *again, loud.get()); !wrong.empty()) {
    now.broken("beside another codec that reads something else" + wrong);
  }
}

}  // namespace twister::testing::detail
