#include <algorithm>

#include <twister/rpc/json_rpc_methods.hpp>

#include "free_methods.hpp"

namespace twister {

void JsonRpcMethods::otherwise(LateHandler handler, const RpcMethodOptions& options) {
  otherwise_ = {.later = std::move(handler), .checks = &checks_->add("*", options)};
}

const JsonRpcMethods::Method* JsonRpcMethods::find(const std::string& name) const {
  const Method* const found = find_own(name);
  return found == nullptr && otherwise_.later ? &otherwise_ : found;
}

std::vector<std::string> JsonRpcMethods::names() const {
  std::vector<std::string> names;
  names.reserve(methods_.size());
  for (const auto& [name, method] : methods_) names.push_back(name);
  return names;
}

namespace detail {

namespace {

[[noreturn]] void throw_invalid(std::string why) {
  throw JsonRpcError(JsonRpcCode::invalid_params, std::move(why));
}

}  // namespace

std::vector<const nlohmann::json*> match_arguments(const nlohmann::json& params,
                                                   const std::vector<ParameterName>& names) {
  std::vector<const nlohmann::json*> values(names.size(), nullptr);
  if (params.is_array()) {
    if (params.size() > names.size()) {
      throw_invalid("at most " + std::to_string(names.size()) + " parameters are expected, not " +
                    std::to_string(params.size()));
    }
    for (std::size_t i = 0; i < params.size(); ++i) values[i] = &params[i];
  } else if (params.is_object()) {
    for (const auto& item : params.items()) {
      const std::string& name = item.key();
      const auto found = std::find_if(names.begin(), names.end(),
                                      [&](const ParameterName& each) { return each.name == name; });
      if (found == names.end()) throw_invalid("there is no parameter " + name);
      values[static_cast<std::size_t>(found - names.begin())] = &item.value();
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (values[i] == nullptr && !names[i].may_be_absent)
      throw_invalid(names[i].name + " is missing");
  }
  return values;
}

void throw_wrong_type(const std::string& name, const char* wanted) {
  throw_invalid(name + " is not " + wanted);
}

}  // namespace detail
}  // namespace twister
