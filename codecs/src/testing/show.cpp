#include "show.hpp"

#include "twister/testing/codec_conformance.hpp"

namespace twister::testing {

std::string detail::show(std::string_view bytes) {
  constexpr std::size_t most = 48;
  std::string text = "\"";
  for (const char byte : bytes.substr(0, most)) {
    const auto value = static_cast<unsigned char>(byte);
    if (value >= 0x20 && value < 0x7f && byte != '\\' && byte != '"') {
      text += byte;
    } else {
      constexpr std::string_view digits = "0123456789abcdef";
      text += {'\\', 'x', digits[value >> 4], digits[value & 15u]};
    }
  }
  text += '"';
  if (bytes.size() > most) {
    text += " ... (" + std::to_string(bytes.size()) + " bytes)";
  }
  return text;
}

std::string detail::show(const Events& events) {
  std::string text;
  for (std::size_t i = 0; i < events.size() && i < 4; ++i) {
    text += (i > 0 ? ", " : "") + show(events[i]);
  }
  return events.size() > 4 ? text + ", ... (" + std::to_string(events.size()) + ")" : text;
}

std::string ConformanceReport::text() const {
  std::string text;
  for (const Finding& finding : broken) {
    text += "broken " + finding.rule + ": " + finding.what + "\n";
  }
  for (const Finding& finding : untried) {
    text += "untried " + finding.rule + ": " + finding.what + "\n";
  }
  for (const std::string& rule : kept) {
    text += "kept " + rule + "\n";
  }
  return text;
}

}  // namespace twister::testing
