// twister/testing/detail/codec_trial.hpp - CodecCases without their types, for codec_conformance.cpp.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <twister/testing/detail/tested_codec.hpp>

namespace twister::testing {

struct ConformanceReport;
struct DescribeByEncoding;
template <Codec C>
struct CodecCases;

namespace detail {

class TriedCodec : public TestedCodec {
 public:
  // Encodes a message of the cases by its number.
  virtual CodecError encode(std::size_t message, ByteBuffer& out) = 0;
};

struct CodecTrial {
  using Make = std::function<std::unique_ptr<TriedCodec>()>;

  Make make;
  Make make_skipping;           // empty: the codec does not skip
  std::size_t messages = 0;     // their numbers begin with 0
  std::size_t unencodable = 0;  // and go on with these,
  std::size_t longest = 0;      // and this, where there is one
  bool has_longest = false;
  std::vector<std::string> sent;  // messages, as text
  std::vector<std::string> malformed;
  std::vector<std::string> too_long;
  std::vector<std::string> announcements;
  std::vector<std::string> skipped;
  std::function<std::size_t()> allocated_bytes;
  std::size_t own_bytes = 0;
};

ConformanceReport try_codec(const CodecTrial& trial);

template <Codec C, class Describe>
class TriedCodecOf final : public TriedCodec {
 public:
  using Samples = std::vector<const typename C::Message*>;

  TriedCodecOf(C codec, const Samples& samples, const Describe& describe)
      : codec_(std::move(codec)), samples_(samples), describe_(describe) {}

  DecodeResult decode(ByteView input) override { return codec_.decode(input); }
  std::string describe() override { return describe_(codec_.message()); }
  CodecError finish(ByteView rest) const override { return codec_.finish(rest); }
  CodecError encode(std::size_t message, ByteBuffer& out) override {
    return codec_.encode(*samples_[message], out);
  }

 private:
  C codec_;
  const Samples samples_;
  const Describe describe_;
};

template <Codec C, class Describe>
CodecTrial trial_with(const CodecCases<C>& cases, std::function<C()> make, Describe describe) {
  using Message = typename C::Message;
  std::vector<const Message*> samples;
  const auto add = [&samples](const auto& message) {
    if constexpr (std::is_abstract_v<Message>) {
      samples.push_back(message.get());
    } else {
      samples.push_back(&message);
    }
  };
  CodecTrial trial;
  for (const auto& message : cases.messages) {
    add(message);
    trial.sent.push_back(describe(*samples.back()));
  }
  for (const auto& message : cases.unencodable) {
    add(message);
  }
  trial.longest = samples.size();
  trial.has_longest = cases.longest.has_value();
  if (cases.longest) {
    add(*cases.longest);
  }
  const auto maker = [samples, describe](std::function<C()> codec) -> CodecTrial::Make {
    if (!codec) {
      return {};
    }
    return [samples, describe, codec = std::move(codec)] {
      return std::make_unique<TriedCodecOf<C, Describe>>(codec(), samples, describe);
    };
  };
  trial.make = maker(std::move(make));
  trial.make_skipping = maker(cases.make_skipping);
  trial.messages = cases.messages.size();
  trial.unencodable = cases.unencodable.size();
  trial.malformed = cases.malformed;
  trial.too_long = cases.too_long;
  trial.announcements = cases.announcements;
  trial.skipped = cases.skipped;
  trial.allocated_bytes = cases.allocated_bytes;
  trial.own_bytes = cases.own_bytes;
  return trial;
}

template <Codec C, class Describe>
CodecTrial trial_of(const CodecCases<C>& cases, Describe describe) {
  std::function<C()> make = cases.make;
  if constexpr (std::default_initializable<C>) {
    if (!make) {
      make = [] { return C(); };
    }
  }
  if (!make) {
    throw std::invalid_argument("check_codec: the codec has no default constructor: set `make`");
  }
  if constexpr (std::is_same_v<Describe, DescribeByEncoding>) {
    return trial_with<C>(cases, make, [make](const typename C::Message& message) {
      C codec = make();
      ByteBuffer out;
      if (const CodecError error = codec.encode(message, out)) {
        return "(" + error.message() + ")";
      }
      return std::string(as_text(out.view()));
    });
  } else {
    return trial_with<C>(cases, make, std::move(describe));
  }
}

}  // namespace detail
}  // namespace twister::testing
