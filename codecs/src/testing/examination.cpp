#include "examination.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "show.hpp"

namespace twister::testing::detail {
namespace {

constexpr std::size_t every_cut_bytes = 600;

Pieces halves(std::string_view stream, std::size_t at) {
  return {stream.substr(0, at), stream.substr(at)};
}

[[noreturn]] void cannot_try(const std::string& why) {
  throw std::invalid_argument("check_codec: " + why);
}

}  // namespace

std::size_t step_of(std::string_view stream) {
  return stream.size() <= every_cut_bytes ? 1 : stream.size() / 60;
}

std::string take(TriedCodec& codec, std::string_view& rest) {
  const DecodeResult result = codec.decode(as_bytes(rest));
  if (result.status != DecodeResult::Status::message) {
    return "";
  }
  rest.remove_prefix(result.consumed);
  return "message " + codec.describe();
}

Examination::Examination(CodecTrial trial) : trial_(std::move(trial)) {
  trial_.make = guarded(std::move(trial_.make), watch_);
  trial_.make_skipping = guarded(std::move(trial_.make_skipping), watch_);
  encode_messages();
  const auto differs = [this](std::size_t i) {
    return wires_[i] != wires_[0] && trial_.sent[i] != trial_.sent[0];
  };
  while (other_ < trial_.messages && !differs(other_)) {
    ++other_;
  }
  if (other_ >= trial_.messages) {
    cannot_try(
        "at least two messages are needed that are different, and encode to different bytes");
  }
  ByteBuffer longest;
  if (trial_.has_longest && !make()->encode(trial_.longest, longest)) {
    longest_wire_ = as_text(longest.view());
  }
}

void Examination::encode_messages() {
  const auto codec = make();
  for (std::size_t i = 0; i < trial_.messages; ++i) {
    ByteBuffer out;
    const CodecError error = codec->encode(i, out);
    if (error || out.empty()) {
      cannot_try("message " + std::to_string(i) + " is " +
                 (error ? "refused by encode(): " + error.message() : "encoded to no bytes"));
    }
    wires_.emplace_back(as_text(out.view()));
    stream_ += wires_.back();
  }
}

void Examination::rule(const char* name, void (*examine)(Examination&)) {
  rule_ = name;
  watch_.breach = nullptr;
  const std::size_t before = report_.broken.size() + report_.untried.size();
  examine(*this);
  if (watch_.breach != nullptr) {
    broken("");
    std::string& what = report_.broken.back().what;
    what = watch_.breach + (what.empty() ? "" : "; " + what);
  }
  if (report_.broken.size() + report_.untried.size() == before) {
    report_.kept.emplace_back(name);
  }
}

void Examination::broken(std::string what) {
  if (report_.broken.empty() || report_.broken.back().rule != rule_) {
    report_.broken.push_back({rule_, std::move(what)});
  }
}

void Examination::untried(std::string what) {
  report_.untried.push_back({rule_, std::move(what)});
}

std::string Examination::expected_message(std::size_t message) const {
  return "message " + trial_.sent[message];
}

Events Examination::expected(std::size_t messages) const {
  Events events;
  for (std::size_t i = 0; i < messages; ++i) {
    events.push_back(expected_message(i));
  }
  events.emplace_back("end");
  return events;
}

bool Examination::keeps_the_contract(const Events& events, std::string_view stream) {
  if (events.back().starts_with("BROKEN")) {
    broken(events.back().substr(7) + ", in " + show(stream));
    return false;
  }
  return true;
}

Events Examination::same_at_every_cut(const CodecTrial::Make& make, std::string_view stream) {
  const Events whole = decode_pieces(*make(), {stream});
  if (!keeps_the_contract(whole, stream)) {
    return whole;
  }
  const auto compare = [&](const Pieces& pieces, const std::string& cut) {
    const Events events = decode_pieces(*make(), pieces);
    if (events != whole) {
      broken(show(stream) + " cut " + cut + " gives " + show(events) + " and whole " + show(whole));
    }
  };
  const std::size_t step = step_of(stream);
  compare(cut_every(stream, step),
          step == 1 ? "byte by byte" : "every " + std::to_string(step) + " bytes");
  for (std::size_t at = 0; at <= stream.size(); at += step) {
    compare(halves(stream, at), "at " + std::to_string(at));
  }
  Random random(stream.size() + 1);
  for (int round = 0; round < 8; ++round) {
    Pieces pieces;
    for (std::string_view rest = stream; !rest.empty();) {
      const std::size_t size = std::min(rest.size(), random.below(16 * step));
      pieces.push_back(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    compare(pieces, "at random");
  }
  return whole;
}

void Examination::same_at_some_cuts(const CodecTrial::Make& make, std::string_view stream,
                                    Random& random) {
  const Events whole = decode_pieces(*make(), {stream});
  if (!keeps_the_contract(whole, stream)) {
    return;
  }
  const std::size_t at = random.below(stream.size() + 1);
  const std::size_t every = std::max(step_of(stream), random.below(4) + 1);
  for (const Pieces& pieces : {halves(stream, at), cut_every(stream, every)}) {
    if (const Events events = decode_pieces(*make(), pieces); events != whole) {
      broken(show(stream) + " gives " + show(whole) + ", and cut " + show(events));
    }
  }
}

}  // namespace twister::testing::detail
