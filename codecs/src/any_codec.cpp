#include "twister/codecs/any_codec.hpp"

#include <stdexcept>
#include <utility>

#include "printable.hpp"

namespace twister {
namespace {

struct ShortName {
  std::string_view name;
  std::string_view meaning;
};

constexpr ShortName short_names[] = {
    {"jsonl", "lines/json"},
    {"msgpack", "length-prefixed:4be/msgpack"},
};

std::string_view spelled_out(std::string_view name) {
  for (const ShortName& each : short_names) {
    if (each.name == name) {
      return each.meaning;
    }
  }
  return name;
}

// "lines/json" in two; the payload of a framing alone is bytes.
std::pair<std::string_view, std::string_view> parts_of(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) {
    return {name, "bytes"};
  }
  return {name.substr(0, slash), name.substr(slash + 1)};
}

std::string list_short_names() {
  std::string text;
  for (const ShortName& each : short_names) {
    text += (text.empty() ? "" : ", ") + std::string(each.name) + " = " + std::string(each.meaning);
  }
  return text;
}

// What else a name could have been, behind what is wrong with this one.
[[noreturn]] void fail(std::string_view name, const char* why, const std::string& others) {
  throw std::invalid_argument("codec \"" + detail::printable(name) + "\": " + why + "; " + others +
                              "; short names: " + list_short_names());
}

AnyFraming make_framing(std::string_view name, const AnyCodecOptions& options,
                        const PayloadNames& names) try {
  return AnyFraming(parts_of(spelled_out(name)).first, {.max_frame_bytes = options.max_frame_bytes,
                                                        .on_oversize = options.on_oversize});
} catch (const std::invalid_argument& error) {
  fail(name, error.what(), "payloads: " + names.list());
}

AnyPayload make_payload(std::string_view name, const AnyCodecOptions& options,
                        const PayloadNames& names) try {
  return AnyPayload(parts_of(spelled_out(name)).second, options.payload, names);
} catch (const std::invalid_argument& error) {
  fail(name, error.what(), "framings: " + std::string(AnyFraming::names()));
}

}  // namespace

AnyCodec::AnyCodec(std::string_view name, const AnyCodecOptions& options)
    : AnyCodec(name, options, PayloadNames::built_in()) {}

AnyCodec::AnyCodec(std::string_view name, const AnyCodecOptions& options, const PayloadNames& names)
    : Framed<AnyFraming, AnyPayload>(make_framing(name, options, names),
                                     make_payload(name, options, names), options.on_bad_payload) {}

std::string AnyCodec::help(const PayloadNames& names) {
  return "FRAMING, FRAMING/PAYLOAD, or a short name\nframings: " +
         std::string(AnyFraming::names()) + "\npayloads: " + names.list() +
         "\nshort names: " + list_short_names();
}

}  // namespace twister
