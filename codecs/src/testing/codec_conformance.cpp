#include "twister/testing/codec_conformance.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "twister/testing/decode_pieces.hpp"

#include "codec_cost.hpp"
#include "show.hpp"

namespace twister::testing {
namespace {

using detail::CodecTrial;
using detail::show;
using detail::TriedCodec;
using Status = DecodeResult::Status;

// A stream longer than this is cut at some places only.
constexpr std::size_t every_cut_bytes = 600;

// Repeatable, the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::size_t below(std::size_t end) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::size_t>(state_ >> 11) % end;
  }

 private:
  std::uint64_t state_;
};

class Examiner {
 public:
  explicit Examiner(const CodecTrial& trial) : trial_(trial) {
    if (trial.messages < 2) {
      throw std::invalid_argument("check_codec: at least two messages are needed");
    }
    const auto codec = trial.make();
    for (std::size_t i = 0; i < trial.messages; ++i) {
      ByteBuffer out;
      if (const CodecError error = codec->encode(i, out)) {
        throw std::invalid_argument("check_codec: message " + std::to_string(i) +
                                    " is refused by encode(): " + error.message());
      }
      wires_.emplace_back(as_text(out.view()));
      stream_ += wires_.back();
      expected_.push_back("message " + trial.sent[i]);
    }
    expected_.emplace_back("end");
  }

  ConformanceReport run() {
    rule("round trip", &Examiner::round_trip);
    rule("every cut", &Examiner::every_cut);
    rule("empty input", &Examiner::empty_input);
    rule("truncation", &Examiner::truncation);
    rule("hand-over", &Examiner::hand_over);
    rule("both ways at once", &Examiner::both_ways_at_once);
    rule("own state", &Examiner::own_state);
    rule("refusal to encode", &Examiner::refusal_to_encode);
    rule("malformed", &Examiner::malformed);
    rule("limit", &Examiner::limit);
    rule("resynchronisation", &Examiner::resynchronisation);
    rule("noise", &Examiner::noise);
    rule("linear work", &Examiner::linear_work);
    rule("bounded allocation", &Examiner::bounded_allocation);
    return std::move(report_);
  }

 private:
  // ---- what came of a rule ----

  void rule(const char* name, void (Examiner::*examine)()) {
    rule_ = name;
    const std::size_t before = report_.broken.size() + report_.untried.size();
    (this->*examine)();
    if (report_.broken.size() + report_.untried.size() == before) {
      report_.kept.emplace_back(name);
    }
  }

  // Once a rule: the first breach says most.
  void broken(std::string what) {
    if (report_.broken.empty() || report_.broken.back().rule != rule_) {
      report_.broken.push_back({rule_, std::move(what)});
    }
  }

  void untried(std::string what) { report_.untried.push_back({rule_, std::move(what)}); }

  Events events_of(const Pieces& pieces) const {
    return detail::decode_pieces(*trial_.make(), pieces);
  }

  static Pieces halves(std::string_view stream, std::size_t at) {
    return {stream.substr(0, at), stream.substr(at)};
  }

  static std::size_t step_of(std::string_view stream) {
    return stream.size() <= every_cut_bytes ? 1 : stream.size() / 60;
  }

  // The same events however `stream` is cut, and the contract kept.
  Events same_at_every_cut(const CodecTrial::Make& make, std::string_view stream) {
    const Events whole = detail::decode_pieces(*make(), {stream});
    if (!whole.empty() && whole.back().starts_with("BROKEN")) {
      broken(whole.back().substr(7) + ", in " + show(stream));
      return whole;
    }
    const auto compare = [&](const Pieces& pieces, const std::string& cut) {
      const Events events = detail::decode_pieces(*make(), pieces);
      if (events != whole) {
        broken(show(stream) + " cut " + cut + " gives " + show(events) + " and whole " +
               show(whole));
      }
    };
    const std::size_t step = step_of(stream);
    compare(cut_every(stream, step), "every " + std::to_string(step));
    for (std::size_t at = 0; at <= stream.size(); at += step) {
      compare(halves(stream, at), "at " + std::to_string(at));
    }
    Random random(stream.size() + 1);
    for (int round = 0; round < 8; ++round) {
      Pieces pieces;
      for (std::string_view rest = stream; !rest.empty();) {
        const std::size_t size = std::min(rest.size(), random.below(16));
        pieces.push_back(rest.substr(0, size));
        rest.remove_prefix(size);
      }
      compare(pieces, "at random");
    }
    return whole;
  }

  // ---- the rules ----

  void round_trip() {
    for (std::size_t i = 0; i < trial_.messages; ++i) {
      ByteBuffer out;
      const auto codec = trial_.make();
      if (const CodecError error = codec->encode(i, out)) {
        return broken("message " + std::to_string(i) + " alone: " + error.message());
      }
      const Events events = detail::decode_pieces(*codec, {as_text(out.view())});
      if (events != Events{expected_[i], "end"}) {
        broken("message " + std::to_string(i) + ", on the wire " + show(as_text(out.view())) +
               ", gives " + show(events) + " for " + show(trial_.sent[i]));
      }
    }
  }

  void every_cut() {
    const Events whole = same_at_every_cut(trial_.make, stream_);
    if (whole != expected_) {
      broken("all messages in one piece give " + show(whole) + " for " + show(expected_));
    }
  }

  void empty_input() {
    const auto codec = trial_.make();
    for (int call = 0; call < 2; ++call) {
      const DecodeResult result = codec->decode({});
      if (result.status != Status::incomplete || result.consumed != 0) {
        broken("decode() of no bytes is not incomplete");
      }
    }
    if (const CodecError error = codec->finish({})) {
      broken("finish() before the first byte says: " + error.message());
    }
  }

  void truncation() {
    std::size_t begin = 0;  // of the message that `end` is in
    std::size_t message = 0;
    const std::size_t step = step_of(stream_);
    for (std::size_t end = 0; end <= stream_.size(); end += step) {
      while (message < wires_.size() && end - begin >= wires_[message].size()) {
        begin += wires_[message++].size();
      }
      const Events events = events_of({std::string_view(stream_).substr(0, end)});
      const bool clean = !events.empty() && events.back() == "end";
      if (clean != (end == begin)) {
        broken("a stream that ends " + std::string(clean ? "inside" : "between") +
               " messages, after " + std::to_string(end) + " bytes, gives " + show(events));
      }
    }
  }

  // Decodes the next message at the front of `rest`; empty when there is none.
  std::string take(TriedCodec& codec, std::string_view& rest) {
    const DecodeResult result = codec.decode(as_bytes(rest));
    if (result.status != Status::message || result.consumed > rest.size()) {
      return "";
    }
    rest.remove_prefix(result.consumed);
    return "message " + codec.describe();
  }

  void hand_over() {
    std::string_view rest = stream_;
    const auto first = trial_.make();
    for (std::size_t i = 0; i + 1 < trial_.messages; ++i) {
      take(*first, rest);
      const auto second = trial_.make();
      std::string_view left = rest;
      if (const std::string next = take(*second, left); next != expected_[i + 1]) {
        broken("a codec that goes on after message " + std::to_string(i) + ", with " + show(left) +
               ", gives " + show(next));
      }
    }
  }

  void both_ways_at_once() {
    const auto codec = trial_.make();
    std::string_view rest = stream_;
    for (std::size_t i = 0; i < trial_.messages; ++i) {
      // Between two pieces of a message ...
      const std::size_t half = wires_[i].size() / 2;
      const DecodeResult early = codec->decode(as_bytes(rest.substr(0, half)));
      if (early.status != Status::incomplete) {
        return broken("half of message " + std::to_string(i) + " is not incomplete");
      }
      rest.remove_prefix(early.consumed);
      encode_all(*codec);
      const std::string before = take(*codec, rest);
      // ... and while it is looked at.
      encode_all(*codec);
      if (before != expected_[i] || "message " + codec->describe() != before) {
        broken("message " + std::to_string(i) + " is changed by encode(): " + show(before));
      }
    }
  }

  void encode_all(TriedCodec& codec) {
    ByteBuffer out;
    for (std::size_t i = 0; i < trial_.messages; ++i) {
      const std::size_t before = out.size();
      const CodecError error = codec.encode(i, out);
      if (error || as_text(out.view().subspan(before)) != wires_[i]) {
        broken("message " + std::to_string(i) + " is encoded differently while decoding");
      }
    }
  }

  // Two connections, byte by byte in turns; one ends in an error where there is a way to.
  void own_state() {
    std::string other = stream_;
    if (!trial_.malformed.empty()) {
      other = trial_.malformed.front();
    }
    const auto quiet = trial_.make();
    const auto loud = trial_.make();
    std::string quiet_rest;
    std::string loud_rest;
    std::size_t next = 0;
    for (std::size_t i = 0; i < stream_.size(); ++i) {
      if (i < other.size()) {
        feed(*loud, loud_rest, other[i]);
      }
      for (const std::string& event : feed(*quiet, quiet_rest, stream_[i])) {
        if (next >= trial_.messages || event != expected_[next++]) {
          return broken("beside another codec that reads something else: " + show(event));
        }
      }
    }
    if (next != trial_.messages) {
      broken("beside another codec that reads something else, message " + std::to_string(next) +
             " does not come");
    }
  }

  static Events feed(TriedCodec& codec, std::string& rest, char byte) {
    rest += byte;
    Events events;
    for (;;) {
      const DecodeResult result = codec.decode(as_bytes(rest));
      if (result.status == Status::error) {
        return events;
      }
      if (result.status == Status::message) {
        events.push_back("message " + codec.describe());
      }
      rest.erase(0, result.consumed);
      if (result.status == Status::incomplete || result.consumed == 0) {
        return events;
      }
    }
  }

  void refusal_to_encode() {
    if (trial_.unencodable == 0) {
      return untried("no message in `unencodable`");
    }
    for (std::size_t i = trial_.messages; i < trial_.messages + trial_.unencodable; ++i) {
      ByteBuffer out;
      out.append("before");
      const auto codec = trial_.make();
      const std::string number = std::to_string(i - trial_.messages);
      if (!codec->encode(i, out)) {
        broken("unencodable " + number + " is encoded");
      } else if (as_text(out.view()) != "before") {
        broken("unencodable " + number + " leaves bytes behind");
      } else if (codec->encode(0, out) || as_text(out.view()) != "before" + wires_[0]) {
        broken("after unencodable " + number + " nothing can be encoded");
      }
    }
  }

  void malformed() {
    if (trial_.malformed.empty()) {
      return untried("no stream in `malformed`");
    }
    for (const std::string& stream : trial_.malformed) {
      const Events events = same_at_every_cut(trial_.make, stream);
      if (events.empty() || !events.back().starts_with("error ")) {
        broken(show(stream) + " gives " + show(events));
      }
    }
  }

  void limit() {
    if (trial_.too_long.empty()) {
      return untried("no stream in `too_long`");
    }
    for (const std::string& stream : trial_.too_long) {
      const Events events = same_at_every_cut(trial_.make, stream);
      const auto codec = trial_.make();
      std::string_view rest = stream;
      DecodeResult result = codec->decode(as_bytes(rest));
      while (result.status == Status::message && result.consumed > 0) {
        rest.remove_prefix(std::min(result.consumed, rest.size()));
        result = codec->decode(as_bytes(rest));
      }
      if (result.status != Status::error || result.error.error_code() != Condition::limit) {
        broken(show(stream) + " gives " + show(events));
      }
    }
  }

  void resynchronisation() {
    if (!trial_.make_skipping || trial_.skipped.empty()) {
      return untried("no `make_skipping`, or no frame in `skipped`");
    }
    for (const std::string& frame : trial_.skipped) {
      const std::string stream = wires_[0] + frame + wires_[1] + frame + frame + wires_[0];
      const Events events = same_at_every_cut(trial_.make_skipping, stream);
      std::string pattern;
      for (const std::string& event : events) {
        pattern += event.starts_with("skipped ") ? "s"
                   : event == expected_[0]       ? "0"
                   : event == expected_[1]       ? "1"
                   : event == "end"              ? "."
                                                 : "?";
      }
      if (pattern != "0s1ss0.") {
        broken("the first message, a frame to skip, the second, two to skip, the first: " +
               show(events) + ", frame " + show(frame));
      }
    }
  }

  void noise() {
    Random random(20240229);
    for (int round = 0; round < 200; ++round) {
      std::string stream(random.below(40), '\0');
      for (char& byte : stream) {
        // Half of them small: lengths that can come true.
        byte = static_cast<char>(random.below(2) == 0 ? random.below(256) : random.below(8));
      }
      same_at_some_cuts(stream, random);
    }
    for (std::size_t at = 0; at < stream_.size(); at += step_of(stream_)) {
      std::string stream = stream_;
      stream[at] = static_cast<char>(stream[at] ^ static_cast<char>(1 + random.below(255)));
      same_at_some_cuts(stream, random);
    }
  }

  void same_at_some_cuts(const std::string& stream, Random& random) {
    const Events whole = events_of({stream});
    if (whole.back().starts_with("BROKEN")) {
      return broken(whole.back().substr(7) + ", in " + show(stream));
    }
    const std::size_t at = random.below(stream.size() + 1);
    const std::size_t every = std::max(step_of(stream), random.below(4) + 1);
    for (const Pieces& pieces : {halves(stream, at), cut_every(stream, every)}) {
      if (const Events events = events_of(pieces); events != whole) {
        broken(show(stream) + " gives " + show(whole) + ", and cut " + show(events));
      }
    }
  }

  // ---- what it costs ----

  void linear_work() {
    heed(detail::examine_long_message(trial_));
    heed(detail::examine_waiting_messages(trial_, stream_));
  }

  void bounded_allocation() { heed(detail::examine_allocation(trial_)); }

  void heed(detail::CostFinding finding) {
    if (!finding.broken.empty()) {
      broken(std::move(finding.broken));
    } else if (!finding.untried.empty()) {
      untried(std::move(finding.untried));
    }
  }

  const CodecTrial& trial_;
  ConformanceReport report_;
  std::string rule_;
  std::vector<std::string> wires_;  // each message on the wire
  std::string stream_;              // all of them
  Events expected_;                 // what the stream has to give
};

}  // namespace

ConformanceReport detail::try_codec(const CodecTrial& trial) {
  return Examiner(trial).run();
}

}  // namespace twister::testing
