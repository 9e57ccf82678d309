// What is needed to call a function with what is in a JSON value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace twister {

class JsonRpcContext;
class JsonRpcReply;

namespace detail {

// ---- what a function takes ----

template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class R, class... A>
struct Signature<R (*)(A...)> {
  using Parameters = std::tuple<A...>;
};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...)> : Signature<R (*)(A...)> {};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) const> : Signature<R (*)(A...)> {};

template <class T, class Tuple>
inline constexpr bool begins_with = false;
template <class T, class... Rest>
inline constexpr bool begins_with<T, std::tuple<T, Rest...>> = true;

template <class T, class Tuple>
inline constexpr bool ends_with = false;
template <class T, class First, class... Rest>
inline constexpr bool ends_with<T, std::tuple<First, Rest...>> = ends_with<T, std::tuple<Rest...>>;
template <class T, class Last>
inline constexpr bool ends_with<T, std::tuple<Last>> = std::is_same_v<T, std::decay_t<Last>>;

// `count` elements from `at` on, without references.
template <class Tuple, std::size_t at, class Indices>
struct SliceOf;
template <class Tuple, std::size_t at, std::size_t... i>
struct SliceOf<Tuple, at, std::index_sequence<i...>> {
  using type = std::tuple<std::decay_t<std::tuple_element_t<at + i, Tuple>>...>;
};
template <class Tuple, std::size_t at, std::size_t count>
using Slice = typename SliceOf<Tuple, at, std::make_index_sequence<count>>::type;

// What a handler takes: arguments, perhaps with a context before them and a reply behind them.
template <class F, class Context, class Reply>
struct HandlerShape {
  using Parameters = typename Signature<F>::Parameters;
  static constexpr bool with_context = begins_with<Context&, Parameters>;
  static constexpr bool with_reply = ends_with<Reply, Parameters>;
  static constexpr std::size_t count = std::tuple_size_v<Parameters> - with_context - with_reply;
  using Arguments = Slice<Parameters, with_context, count>;
};

// A json at `at`, behind a context if that is 1, and `size` parameters in all, the third a reply.
template <class Tuple, std::size_t at, std::size_t size>
constexpr bool is_params_at() {
  if constexpr (std::tuple_size_v<Tuple> != size) {
    return false;
  } else {
    const bool has_context = at == 0 || begins_with<JsonRpcContext&, Tuple>;
    const bool has_reply = size < 3 || ends_with<JsonRpcReply, Tuple>;
    return has_context && has_reply &&
           std::is_same_v<std::decay_t<std::tuple_element_t<at, Tuple>>, nlohmann::json>;
  }
}
template <class Tuple, std::size_t at, std::size_t size>
inline constexpr bool is_params = is_params_at<Tuple, at, size>();

// ---- what it is called with ----

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

struct ParameterName {
  std::string name;
  bool may_be_absent;
};

template <class Arguments>
std::vector<ParameterName> parameter_names(std::vector<std::string> names) {
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    return std::vector<ParameterName>{
        {std::move(names[i]), is_optional<std::tuple_element_t<i, Arguments>>}...};
  }
  (std::make_index_sequence<std::tuple_size_v<Arguments>>());
}

// The values of the parameters, in their order; null for those that are absent. Throws a JsonRpcError
// when there are others, or one is missing.
std::vector<const nlohmann::json*> match_arguments(const nlohmann::json& params,
                                                   const std::vector<ParameterName>& names);
[[noreturn]] void throw_wrong_type(const std::string& name, const char* wanted);

// Stricter than nlohmann's conversions, which round, wrap around, and make numbers of truths.
template <class T>
T convert_argument(const nlohmann::json* value, const std::string& name) {
  if constexpr (is_optional<T>) {
    if (value == nullptr || value->is_null()) return std::nullopt;
    return convert_argument<typename T::value_type>(value, name);
  } else if constexpr (std::is_same_v<T, nlohmann::json>) {
    return *value;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value->is_boolean()) throw_wrong_type(name, "true or false");
    return value->get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    if (value->is_number_unsigned()) {
      const auto number = value->get<std::uint64_t>();
      if (!std::in_range<T>(number)) throw_wrong_type(name, "an integer in range");
      return static_cast<T>(number);
    }
    if (!value->is_number_integer()) throw_wrong_type(name, "an integer");
    const auto number = value->get<std::int64_t>();
    if (!std::in_range<T>(number)) throw_wrong_type(name, "an integer in range");
    return static_cast<T>(number);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!value->is_number()) throw_wrong_type(name, "a number");
    return value->get<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value->is_string()) throw_wrong_type(name, "a string");
    return value->get<std::string>();
  } else {
    try {
      return value->get<T>();
    } catch (const nlohmann::json::exception&) {
      throw_wrong_type(name, "what is expected");
    }
  }
}

template <class Arguments>
Arguments convert_arguments(const std::vector<const nlohmann::json*>& values,
                            const std::vector<ParameterName>& names) {
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    // Braces: from left to right, so that the first wrong one is told.
    return Arguments{
        convert_argument<std::tuple_element_t<i, Arguments>>(values[i], names[i].name)...};
  }
  (std::make_index_sequence<std::tuple_size_v<Arguments>>());
}

template <class Call>
nlohmann::json json_of_call(Call call) {
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    return nullptr;
  } else {
    return nlohmann::json(call());
  }
}

}  // namespace detail
}  // namespace twister
