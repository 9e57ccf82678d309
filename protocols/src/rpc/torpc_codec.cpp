#include <stdexcept>
#include <string>

#include <twister/rpc/torpc_codec.hpp>

namespace twister {

namespace {

constexpr std::size_t header_bytes = 5;  // type and id
constexpr std::size_t largest_body = 0x7fffffff;

MsgpackOptions forms_of(const MsgpackOptions& limits) {
  return {.max_depth = limits.max_depth,
          .max_items = limits.max_items,
          .strings = MsgpackStrings::any_bytes,
          .forms = MsgpackForms::raw};
}

bool has_shape(TorpcType type, const nlohmann::json& body) {
  if (!body.is_array() || body.size() != 2) return false;
  switch (type) {
    case TorpcType::request:
    case TorpcType::notice:
      return body[0].is_string() && body[1].is_array();
    case TorpcType::response:
      return true;
    case TorpcType::register_name:
      return body[0].is_string() && body[1].is_string();
  }
  return false;
}

bool is_type(std::int8_t type) {
  return type >= 0 && type <= static_cast<std::int8_t>(TorpcType::register_name);
}

}  // namespace

TorpcPayload::TorpcPayload(const MsgpackOptions& limits) : msgpack_(forms_of(limits)) {}

CodecError TorpcPayload::decode(ByteView frame) {
  if (frame.size() < header_bytes) return {CodecErrc::malformed_msgpack};
  std::uint32_t id = 0;
  for (std::size_t i = 1; i < header_bytes; ++i) {
    id = id << 8 | std::to_integer<std::uint32_t>(frame[i]);
  }
  header_ = {static_cast<std::int8_t>(frame[0]), static_cast<std::int32_t>(id)};
  if (!is_type(header_.type)) {
    return {CodecErrc::unknown_type, std::to_integer<std::uint64_t>(frame[0])};
  }
  if (const CodecError error = msgpack_.decode(frame.subspan(header_bytes))) return error;
  message_.type = static_cast<TorpcType>(header_.type);
  message_.id = header_.id;
  message_.body = std::move(msgpack_.message());
  return has_shape(message_.type, message_.body) ? CodecError{}
                                                 : CodecError{CodecErrc::malformed_msgpack};
}

CodecError TorpcPayload::encode(const TorpcMessage& message, ByteBuffer& out) const {
  if (!has_shape(message.type, message.body)) return {CodecErrc::unencodable};
  const std::size_t before = out.size();
  const std::span<std::byte> header = out.prepare(header_bytes);
  header[0] = static_cast<std::byte>(message.type);
  auto id = static_cast<std::uint32_t>(message.id);
  for (std::size_t i = header_bytes - 1; i > 0; --i, id >>= 8) {
    header[i] = static_cast<std::byte>(id & 0xff);
  }
  out.commit(header_bytes);
  const CodecError error = msgpack_.encode(message.body, out);
  if (error) out.truncate(before);
  return error;
}

void TorpcPayload::forget() noexcept {
  message_.body = nullptr;
}

TorpcCodec torpc_codec(std::size_t max_body_bytes, const MsgpackOptions& limits) {
  if (max_body_bytes > largest_body) {
    throw std::invalid_argument("torpc_codec: max_body_bytes " + std::to_string(max_body_bytes) +
                                " is over " + std::to_string(largest_body));
  }
  return TorpcCodec(LengthPrefixed({.max_frame_bytes = max_body_bytes + header_bytes,
                                    .length_adjustment = header_bytes,
                                    .stripped_bytes = sizeof(std::int32_t)}),
                    TorpcPayload(limits), BadPayload::skip);
}

}  // namespace twister
