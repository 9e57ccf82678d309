#include <algorithm>
#include <string>

#include "rules.hpp"
#include "show.hpp"

namespace twister::testing::detail {
namespace {

using Status = DecodeResult::Status;

// Streams of nothing but noise, and `stream` with one byte changed.
void damage(Examination& now, const CodecTrial::Make& make, int noises, const std::string& stream) {
  Random random(20240229);
  for (int round = 0; round < noises; ++round) {
    std::string bytes(random.below(40), '\0');
    for (char& byte : bytes) {
      // Half of them small: lengths that can come true.
      byte = static_cast<char>(random.below(2) == 0 ? random.below(256) : random.below(8));
    }
    now.same_at_some_cuts(make, bytes, random);
  }
  for (std::size_t at = 0; at < stream.size(); at += step_of(stream)) {
    std::string bytes = stream;
    bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 + random.below(255)));
    now.same_at_some_cuts(make, bytes, random);
  }
}

}  // namespace

void malformed(Examination& now) {
  if (now.trial().malformed.empty()) {
    return now.untried("no stream in `malformed`");
  }
  for (const std::string& stream : now.trial().malformed) {
    const Events events = now.same_at_every_cut(now.trial().make, stream);
    if (!events.back().starts_with("error ")) {
      now.broken(show(stream) + " gives " + show(events));
    }
  }
}

void limit(Examination& now) {
  if (now.trial().too_long.empty()) {
    return now.untried("no stream in `too_long`");
  }
  for (const std::string& stream : now.trial().too_long) {
    const Events events = now.same_at_every_cut(now.trial().make, stream);
    const auto codec = now.make();
    std::string_view rest = stream;
    DecodeResult result = codec->decode(as_bytes(rest));
    while (result.status == Status::message && result.consumed > 0) {
      rest.remove_prefix(result.consumed);
      result = codec->decode(as_bytes(rest));
    }
    if (result.status != Status::error || result.error.error_code() != Condition::limit) {
      now.broken(show(stream) + " gives " + show(events));
    }
  }
}

void resynchronisation(Examination& now) {
  const CodecTrial& trial = now.trial();
  if (!trial.make_skipping || trial.skipped.empty()) {
    return now.untried("no `make_skipping`, or no frame in `skipped`");
  }
  const std::string& one = now.wires()[0];
  const std::string& two = now.wires()[now.other()];
  for (const std::string& frame : trial.skipped) {
    const Events events =
        now.same_at_every_cut(trial.make_skipping, one + frame + two + frame + frame + one);
    std::string pattern;
    for (const std::string& event : events) {
      pattern += event.starts_with("skipped ")                ? "s"
                 : event == now.expected_message(0)           ? "0"
                 : event == now.expected_message(now.other()) ? "1"
                 : event == "end"                             ? "."
                                                              : "?";
    }
    if (pattern != "0s1ss0.") {
      now.broken("the first message, a frame to skip, another, two to skip, the first: " +
                 show(events) + ", frame " + show(frame));
    }
  }
}

void noise(Examination& now) {
  const CodecTrial& trial = now.trial();
  damage(now, trial.make, 200, now.stream());
  if (!trial.make_skipping) {
    return;
  }
  const auto shortest =
      std::min_element(trial.skipped.begin(), trial.skipped.end(),
                       [](const auto& a, const auto& b) { return a.size() < b.size(); });
  const std::string frame = shortest == trial.skipped.end() ? "" : *shortest;
  damage(now, trial.make_skipping, 100, now.wires()[0] + frame + now.wires()[now.other()]);
}

}  // namespace twister::testing::detail
