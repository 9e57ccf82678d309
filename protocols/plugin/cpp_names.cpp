#include "cpp_names.hpp"

#include <algorithm>
#include <array>

namespace twister::protoc {

namespace {

// The words that protoc puts an underscore behind, and those that C++20 has added since.
constexpr auto taken_words = std::to_array<std::string_view>({
    "NULL",         "alignas",   "alignof",       "and",
    "and_eq",       "asm",       "auto",          "bitand",
    "bitor",        "bool",      "break",         "case",
    "catch",        "char",      "char16_t",      "char32_t",
    "char8_t",      "class",     "co_await",      "co_return",
    "co_yield",     "compl",     "concept",       "const",
    "const_cast",   "consteval", "constexpr",     "constinit",
    "continue",     "decltype",  "default",       "delete",
    "do",           "double",    "dynamic_cast",  "else",
    "enum",         "explicit",  "export",        "extern",
    "false",        "float",     "for",           "friend",
    "goto",         "if",        "inline",        "int",
    "long",         "mutable",   "namespace",     "new",
    "noexcept",     "not",       "not_eq",        "nullptr",
    "operator",     "or",        "or_eq",         "private",
    "protected",    "public",    "register",      "reinterpret_cast",
    "requires",     "return",    "short",         "signed",
    "sizeof",       "static",    "static_assert", "static_cast",
    "struct",       "switch",    "template",      "this",
    "thread_local", "throw",     "true",          "try",
    "typedef",      "typeid",    "typename",      "union",
    "unsigned",     "using",     "virtual",       "void",
    "volatile",     "wchar_t",   "while",         "xor",
    "xor_eq",
});

}  // namespace

std::string cpp_word(std::string_view word) {
  std::string name(word);
  if (std::find(taken_words.begin(), taken_words.end(), word) != taken_words.end()) name += '_';
  return name;
}

std::string cpp_namespace(std::string_view package) {
  std::string name;
  while (!package.empty()) {
    const std::size_t dot = std::min(package.find('.'), package.size());
    if (!name.empty()) name += "::";
    name += cpp_word(package.substr(0, dot));
    package.remove_prefix(std::min(dot + 1, package.size()));
  }
  return name;
}

std::string cpp_type(const google::protobuf::Descriptor& message) {
  const auto* const outer = message.containing_type();
  if (outer != nullptr) return cpp_word(cpp_type(*outer) + "_" + std::string(message.name()));
  const std::string scope = cpp_namespace(message.file()->package());
  return (scope.empty() ? "::" : "::" + scope + "::") + cpp_word(message.name());
}

}  // namespace twister::protoc
