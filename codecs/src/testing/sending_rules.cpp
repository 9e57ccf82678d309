#include <optional>
#include <string>

#include "rules.hpp"
#include "show.hpp"

namespace twister::testing::detail {
namespace {

using Status = DecodeResult::Status;

// False where nothing but encode() can say what a message is.
bool comes_back(Examination& now, std::size_t message, const std::string& name,
                const std::string& sent) {
  ByteBuffer out;
  const auto codec = now.make();
  if (const CodecError error = codec->encode(message, out)) {
    now.broken(name + " is refused by encode(): " + error.message());
    return true;
  }
  const std::string_view wire = as_text(out.view());
  if (const Events events = decode_pieces(*codec, {wire});
      events != Events{"message " + sent, "end"}) {
    now.broken(name + ", on the wire " + show(wire) + ", gives " + show(events) + " for " +
               show(sent));
    return true;
  }
  const auto receiver = now.make();
  if (receiver->decode(out.view()).status != Status::message) {
    now.broken(name + ", on the wire " + show(wire) + ", is not found at once");
    return true;
  }
  const std::optional<bool> equal = receiver->equals(message);
  if (equal == false) {
    now.broken(name + ", on the wire " + show(wire) + ", gives another message");
  }
  return equal.has_value();
}

void encode_all(Examination& now, TriedCodec& codec) {
  ByteBuffer out;
  for (std::size_t i = 0; i < now.trial().messages; ++i) {
    const std::size_t before = out.size();
    const CodecError error = codec.encode(i, out);
    if (error || as_text(out.view().subspan(before)) != now.wires()[i]) {
      now.broken("message " + std::to_string(i) + " is encoded differently while decoding");
    }
  }
}

// Each message in two pieces, and `encodes` in between; says which one is not what was sent, and what
// came instead, or nothing.
std::string changed_message(Examination& now, bool encodes) {
  const auto codec = now.make();
  std::string_view rest = now.stream();
  for (std::size_t i = 0; i < now.trial().messages; ++i) {
    // Between two pieces of a message ...
    const std::string_view half = rest.substr(0, now.wires()[i].size() / 2);
    const DecodeResult early = codec->decode(as_bytes(half));
    rest.remove_prefix(early.consumed);
    std::string before;
    if (early.status == Status::message) {  // the rest of what was encoded is blanks
      before = "message " + codec->describe();
    } else if (early.status == Status::incomplete) {
      if (encodes) {
        encode_all(now, *codec);
      }
      before = take(*codec, rest);
    }
    // ... and while it is looked at.
    if (encodes) {
      encode_all(now, *codec);
    }
    if (before != now.expected_message(i) || "message " + codec->describe() != before) {
      return "message " + std::to_string(i) + " is changed by encode(): " + show(before);
    }
  }
  return "";
}

// In words, for a report.
std::string outcome(const CodecError& error, const ByteBuffer& out) {
  return (error ? "says " + error.message() + " and " : std::string()) + "leaves " +
         show(as_text(out.view()));
}

}  // namespace

void round_trip(Examination& now) {
  const CodecTrial& trial = now.trial();
  bool comparable = true;
  for (std::size_t i = 0; i < trial.messages; ++i) {
    comparable &= comes_back(now, i, "message " + std::to_string(i), trial.sent[i]);
  }
  if (trial.has_longest) {
    comparable &= comes_back(now, trial.longest, "`longest`", trial.longest_sent);
  }
  if (!comparable) {
    now.untried(
        "messages have no operator==, and there is no `describe`: what encode() loses is "
        "not seen");
  }
}

void both_ways_at_once(Examination& now) {
  if (!changed_message(now, false).empty()) {
    return now.untried(
        "not judged: messages in two pieces are not those that were sent, without "
        "encode(), too");
  }
  if (const std::string changed = changed_message(now, true); !changed.empty()) {
    now.broken(changed);
  }
}

void refusal_to_encode(Examination& now) {
  const CodecTrial& trial = now.trial();
  if (trial.unencodable == 0) {
    return now.untried("no message in `unencodable`");
  }
  for (std::size_t i = trial.messages; i < trial.messages + trial.unencodable; ++i) {
    ByteBuffer out;
    out.append("before");
    const auto codec = now.make();
    const std::string number = std::to_string(i - trial.messages);
    if (!codec->encode(i, out)) {
      now.broken("unencodable " + number + " is encoded");
    } else if (as_text(out.view()) != "before") {
      now.broken("unencodable " + number + " leaves bytes behind");
    } else if (codec->encode(0, out) || as_text(out.view()) != "before" + now.wires()[0]) {
      now.broken("after unencodable " + number + " nothing can be encoded");
    }
  }
}

void in_place(Examination& now) {
  const CodecTrial& trial = now.trial();
  const std::size_t end = trial.messages + trial.unencodable + (trial.has_longest ? 1 : 0);
  for (std::size_t i = 0; i < end; ++i) {
    ByteBuffer encoded;
    ByteBuffer placed;
    encoded.append("before");
    placed.append("before");
    const CodecError error = now.make()->encode(i, encoded);
    const CodecError other = now.make()->encode_in_place(i, placed);
    if (error != other || as_text(encoded.view()) != as_text(placed.view())) {
      now.broken("encode() " + outcome(error, encoded) + ", and end_frame() " +
                 outcome(other, placed));
    }
  }
}

}  // namespace twister::testing::detail
