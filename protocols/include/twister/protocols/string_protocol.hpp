// twister/protocols/string_protocol.hpp - conversations in strings of bytes, each behind its length.
//
//   class Upper : public twister::NetstringProtocol {
//     void on_string(std::string_view string) override { send_string(to_upper(string)); }
//   };
//
// The receivers of Twisted, by their names. For another framing, StringProtocol<Framing>; for values
// instead of strings, MessageProtocol.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/netstring.hpp>
#include <twister/protocols/message_protocol.hpp>

namespace twister {

// Frames as strings; any bytes, not necessarily UTF-8.
//
// Limits: those of the framing. What breaks them closes the connection.
template <Framing F>
class StringProtocol : public MessageProtocol<F> {
 public:
  explicit StringProtocol(F framing = F()) : MessageProtocol<F>(std::move(framing)) {}

  virtual void on_string(std::string_view string) = 0;
  // `refused` for one that is too long.
  WriteStatus send_string(std::string_view string) { return this->send(as_bytes(string)); }

 private:
  void on_message(ByteView message) final { on_string(as_text(message)); }
};

extern template class MessageProtocol<LengthPrefixed>;
extern template class MessageProtocol<Netstring>;

// A decimal length, a colon, the string, a comma.
using NetstringProtocol = StringProtocol<Netstring>;

// A length of so many bits, big endian, and the string.
//
// Limits: a string of at most `max_string_bytes`, both directions; one byte of length says at most 255,
//   two say 65 535.
template <std::size_t bits>
class IntStringProtocol : public StringProtocol<LengthPrefixed> {
  static_assert(bits == 8 || bits == 16 || bits == 24 || bits == 32 || bits == 64,
                "IntStringProtocol: bits of a length that LengthPrefixed has");

 public:
  // Twisted's MAX_LENGTH.
  static constexpr std::size_t default_max_string_bytes = 99'999;

  explicit IntStringProtocol(std::size_t max_string_bytes = default_max_string_bytes)
      : StringProtocol<LengthPrefixed>(
            LengthPrefixed({.width = bits / 8, .max_frame_bytes = max_string_bytes})) {}
};

using Int8StringProtocol = IntStringProtocol<8>;
using Int16StringProtocol = IntStringProtocol<16>;
using Int32StringProtocol = IntStringProtocol<32>;

}  // namespace twister
