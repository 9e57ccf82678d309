// twister/testing/detail/codec_trial.hpp - CodecCases without their types, for codec_conformance.cpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <twister/testing/decode_pieces.hpp>
#include <twister/testing/detail/tested_codec.hpp>

namespace twister::testing {

struct ConformanceReport;
struct DescribeByValue;
template <Codec C>
struct CodecCases;

namespace detail {

class TriedCodec : public TestedCodec {
 public:
  // Encodes a message of the cases by its number.
  virtual CodecError encode(std::size_t message, ByteBuffer& out) = 0;
  // The same between begin_frame() and end_frame(). For a framing.
  virtual CodecError encode_in_place(std::size_t message, ByteBuffer& out) = 0;
  // Whether message() gives that message; unset when only encode() could tell.
  virtual std::optional<bool> equals(std::size_t message) = 0;
};

struct CodecTrial {
  using Make = std::function<std::unique_ptr<TriedCodec>()>;

  Make make;
  Make make_skipping;           // empty: the codec does not skip
  std::size_t messages = 0;     // their numbers begin with 0
  std::size_t unencodable = 0;  // and go on with these,
  std::size_t longest = 0;      // and this, where there is one
  bool has_longest = false;
  bool is_framing = false;
  std::vector<std::string> sent;  // messages, as text
  std::string longest_sent;
  std::vector<std::string> malformed;
  std::vector<std::string> too_long;
  std::vector<std::string> announcements;
  std::vector<std::string> skipped;
  std::function<std::size_t()> allocated_bytes;
  std::size_t own_bytes = 0;
};

ConformanceReport try_codec(const CodecTrial& trial);

template <class T>
concept TextOrBytes = std::same_as<std::remove_cvref_t<T>, ByteView> ||
    std::same_as<std::remove_cvref_t<T>, std::string_view> ||
    std::same_as<std::remove_cvref_t<T>, std::string>;

// A message by what a codec of its own makes of it.
template <Codec C>
struct EncodedText {
  std::function<C()> make;

  std::string operator()(const typename C::Message& message) const {
    C codec = make();
    ByteBuffer out;
    if (const CodecError error = codec.encode(message, out)) {
      return "(" + error.message() + ")";
    }
    return std::string(as_text(out.view()));
  }
};

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
  CodecError encode_in_place(std::size_t message, ByteBuffer& out) override {
    if constexpr (Framing<C>) {
      const std::size_t mark = codec_.begin_frame(out);
      out.append(*samples_[message]);
      return codec_.end_frame(out, mark);
    } else {
      return encode(message, out);
    }
  }
  std::optional<bool> equals(std::size_t message) override {
    const auto& sample = *samples_[message];
    if constexpr (!std::same_as<Describe, EncodedText<C>>) {
      return describe_(codec_.message()) == describe_(sample);
    } else if constexpr (requires { codec_.message() == sample; }) {
      return codec_.message() == sample;
    } else {
      return std::nullopt;
    }
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
    trial.longest_sent = describe(*samples.back());
  }
  trial.is_framing = Framing<C>;
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
  if constexpr (!std::same_as<Describe, DescribeByValue>) {
    return trial_with<C>(cases, make, std::move(describe));
  } else if constexpr (TextOrBytes<typename C::Message> && TextOrBytes<typename C::Received>) {
    return trial_with<C>(cases, make, FrameText());
  } else {
    return trial_with<C>(cases, make, EncodedText<C>{make});
  }
}

}  // namespace detail
}  // namespace twister::testing
