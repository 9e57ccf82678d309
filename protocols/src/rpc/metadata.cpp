#include "twister/rpc/metadata.hpp"

#include <cstdint>
#include <stdexcept>

#include <twister/rpc/detail/little_endian.hpp>

namespace twister {

namespace {

constexpr std::size_t max_key_bytes = 255;
constexpr std::size_t max_value_bytes = 65'535;
constexpr std::size_t entry_bytes = 3;  // the lengths

}  // namespace

void RpcMetadata::add(std::string_view key, std::string_view value) {
  if (key.empty() || key.size() > max_key_bytes) {
    throw std::length_error("RpcMetadata: a key of " + std::to_string(key.size()) +
                            " bytes is not one of 1 to 255");
  }
  if (value.size() > max_value_bytes) {
    throw std::length_error("RpcMetadata: a value of " + std::to_string(value.size()) +
                            " bytes exceeds 65535");
  }
  entries_.emplace_back(key, value);
}

std::optional<std::string_view> RpcMetadata::find(std::string_view key) const noexcept {
  for (const Entry& entry : entries_) {
    if (entry.first == key) return entry.second;
  }
  return std::nullopt;
}

std::size_t RpcMetadata::encoded_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const auto& [key, value] : entries_) bytes += entry_bytes + key.size() + value.size();
  return bytes;
}

void RpcMetadata::encode(ByteBuffer& out) const {
  for (const auto& [key, value] : entries_) {
    out.push_back(static_cast<std::byte>(key.size()));
    out.append(key);
    std::byte length[2];
    detail::store_little(length, static_cast<std::uint16_t>(value.size()));
    out.append(ByteView(length, sizeof length), as_bytes(std::string_view(value)));
  }
}

bool RpcMetadata::decode(ByteView bytes) {
  entries_.clear();
  while (!bytes.empty()) {
    const auto key_bytes = std::to_integer<std::size_t>(bytes[0]);
    if (key_bytes == 0 || bytes.size() < entry_bytes + key_bytes) break;
    const std::size_t value_bytes =
        detail::load_little<std::uint16_t>(bytes.data() + 1 + key_bytes);
    const std::size_t whole = entry_bytes + key_bytes + value_bytes;
    if (bytes.size() < whole) break;
    entries_.emplace_back(as_text(bytes.subspan(1, key_bytes)),
                          as_text(bytes.subspan(entry_bytes + key_bytes, value_bytes)));
    bytes = bytes.subspan(whole);
  }
  if (bytes.empty()) return true;
  entries_.clear();
  return false;
}

}  // namespace twister
