#include "twister/codecs/protobuf_types.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace twister {

namespace {

// Where a key is, or would have to be, in pairs that are sorted by it. std::less orders pointers to
// different objects, too.
template <class Pairs>
auto position_of(Pairs& pairs, const typename Pairs::value_type::first_type& key) {
  using Key = typename Pairs::value_type::first_type;
  return std::lower_bound(pairs.begin(), pairs.end(), key, [](const auto& pair, const Key& wanted) {
    return std::less<Key>()(pair.first, wanted);
  });
}

template <class Pairs>
const ProtobufType* look_up(const std::vector<ProtobufType>& types, const Pairs& pairs,
                            const typename Pairs::value_type::first_type& key) {
  const auto at = position_of(pairs, key);
  return at != pairs.end() && at->first == key ? &types[at->second] : nullptr;
}

}  // namespace

const ProtobufType* ProtobufTypes::find_tag(std::uint32_t tag) const noexcept {
  return look_up(types_, by_tag_, tag);
}

const ProtobufType* ProtobufTypes::find_prototype(Prototype prototype) const noexcept {
  return look_up(types_, by_prototype_, prototype);
}

const ProtobufType* ProtobufTypes::find_name(std::string_view name) const noexcept {
  const auto at = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [this](std::size_t index, std::string_view wanted) { return types_[index].name < wanted; });
  return at != by_name_.end() && types_[*at].name == name ? &types_[*at] : nullptr;
}

const ProtobufType* ProtobufTypes::find(const ProtobufRef& message) const {
  return message.prototype() != nullptr ? find_prototype(message.prototype())
                                        : find_name(message.message().GetTypeName());
}

ProtobufTypes& ProtobufTypes::add(const google::protobuf::MessageLite& prototype,
                                  std::optional<std::uint32_t> tag) {
  ProtobufType type = {
      .name = prototype.GetTypeName(), .tag = tag, .index = size(), .prototype = &prototype};
  if (find_name(type.name) != nullptr) {
    throw std::invalid_argument("ProtobufTypes: " + type.name + " is there already");
  }
  if (const ProtobufType* const other = tag ? find_tag(*tag) : nullptr) {
    throw std::invalid_argument("ProtobufTypes: tag " + std::to_string(*tag) + " of " + type.name +
                                " is that of " + other->name + " already");
  }
  const auto name = std::lower_bound(
      by_name_.begin(), by_name_.end(), type.name,
      [this](std::size_t index, const std::string& wanted) { return types_[index].name < wanted; });
  by_name_.insert(name, type.index);
  by_prototype_.insert(position_of(by_prototype_, &prototype), {&prototype, type.index});
  if (tag) {
    by_tag_.insert(position_of(by_tag_, *tag), {*tag, type.index});
  }
  longest_name_ = std::max(longest_name_, type.name.size());
  types_.push_back(std::move(type));
  return *this;
}

}  // namespace twister
