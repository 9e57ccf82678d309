// twister/rpc/metadata.hpp - names and values that go with a call, beside its message.
//
//   RpcMetadata metadata;
//   metadata.add("traceparent", trace);
//   client.call<Sum>("calculator.Calculator/Add", add, {.metadata = &metadata}, done);
//
// For what interceptors need: identity, tracing. What the method itself needs belongs in its message.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <twister/codecs/byte_buffer.hpp>
#include <twister/codecs/byte_view.hpp>

namespace twister {

// Entries in their order; a key may occur several times. Keys are 1 to 255 bytes, of which a to z, 0 to 9
// and "-_." are promised to survive every wire; values are any bytes, up to 65 535.
class RpcMetadata {
 public:
  using Entry = std::pair<std::string, std::string>;

  // Throws std::length_error for a key or a value that the wire cannot say.
  void add(std::string_view key, std::string_view value);
  // The first value of that key.
  std::optional<std::string_view> find(std::string_view key) const noexcept;
  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  auto begin() const noexcept { return entries_.begin(); }
  auto end() const noexcept { return entries_.end(); }
  void clear() noexcept { entries_.clear(); }

  // What it takes on the wire, without the length in front.
  std::size_t encoded_bytes() const noexcept;
  void encode(ByteBuffer& out) const;
  // False for bytes that are not entries; then it is empty.
  bool decode(ByteView bytes);

  friend bool operator==(const RpcMetadata&, const RpcMetadata&) = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace twister
