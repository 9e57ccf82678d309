#include "exposition.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace twister::detail {
namespace {

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || (quotes && c == '"')) out += '\\';
      out += c;
    }
  }
}

}  // namespace

std::string label_text(const MetricLabels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    if (!text.empty()) text += ',';
    text += name;
    text += "=\"";
    append_escaped(text, value, true);
    text += '"';
  }
  return text;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> digits;
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::general)
          .ptr;
  return {digits.data(), end};
}

void Exposition::family(std::string_view name, std::string_view help, std::string_view type) {
  name_ = name;
  out_.append("# HELP ").append(name).append(" ");
  append_escaped(out_, help, false);
  out_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Exposition::histogram(std::string_view labels, std::span<const double> bounds,
                           std::span<const std::uint64_t> counts, double sum) {
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    so_far += counts[i];
    const std::string bound = i < bounds.size() ? number_text(bounds[i]) : "+Inf";
    line("_bucket", labels, "le=\"" + bound + "\"", number_text(so_far));
  }
  line("_sum", labels, "", number_text(sum));
  line("_count", labels, "", number_text(so_far));
}

void Exposition::line(std::string_view suffix, std::string_view labels,
                      std::string_view more_labels, std::string_view value) {
  out_.append(name_).append(suffix);
  if (!labels.empty() || !more_labels.empty()) {
    out_.append("{").append(labels);
    if (!labels.empty() && !more_labels.empty()) out_ += ',';
    out_.append(more_labels).append("}");
  }
  out_.append(" ").append(value).append("\n");
}

}  // namespace twister::detail
