#include "proxy_header.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "ip_text.hpp"

namespace twister::detail {
namespace {

using namespace std::string_view_literals;
using Status = ProxyHeader::Status;

ProxyHeader malformed(ProxyErrc error) {
  return {.status = Status::malformed, .bytes = 0, .source = {}, .destination = {}, .error = error};
}

ProxyHeader complete(std::size_t bytes, Address source = {}, Address destination = {}) {
  return {.status = Status::complete,
          .bytes = bytes,
          .source = std::move(source),
          .destination = std::move(destination),
          .error = {}};
}

// Asked for last: a byte within the limit decides in the same way whether it came with others or
// alone.
ProxyHeader incomplete(std::size_t have, std::size_t missing, std::size_t limit) {
  if (have >= limit) return malformed(ProxyErrc::header_too_long);
  return {.status = Status::incomplete,
          .bytes = std::min(missing, limit - have),
          .source = {},
          .destination = {},
          .error = {}};
}

// ---- version 1 ----

constexpr std::string_view line_signature = "PROXY ";
// proxy-protocol.txt, 2.1: the longest line, UNKNOWN with two IPv6 addresses.
constexpr std::size_t max_line_bytes = 107;
constexpr std::size_t min_line_bytes = "PROXY UNKNOWN\r\n"sv.size();

// What there is of a line, and where in it the next field begins.
struct Line {
  std::string_view text;
  std::size_t at = 0;
  std::size_t limit = 0;

  // Up to what ends a field, which may not have come yet.
  std::string_view field() const { return text.substr(at, text.find_first_of(" \r\n", at) - at); }
  ProxyHeader lacks(std::size_t bytes) const { return incomplete(text.size(), bytes, limit); }
};

// Takes the line's end.
ProxyHeader end_line(const Line& line, Address source, Address destination) {
  const std::string_view end = line.text.substr(line.at, 2);
  if (end.empty()) return line.lacks(2);
  if (end == "\r") return line.lacks(1);
  if (end != "\r\n") return malformed(ProxyErrc::bad_line);
  return complete(line.at + 2, std::move(source), std::move(destination));
}

// "UNKNOWN" has been taken: a receiver has to ignore what follows it.
ProxyHeader parse_unknown(Line line) {
  if (!line.field().empty()) return malformed(ProxyErrc::bad_protocol);
  line.at = std::min(line.text.find_first_of("\r\n", line.at), line.text.size());
  return end_line(line, {}, {});
}

// Whether the field is an address of the family or, until what ends it has come, may become one.
bool take_address(std::string_view text, bool whole, Address::Family family, Address& address) {
  if (!whole) {
    const bool is_ipv4 = family == Address::Family::ipv4;
    return text.size() < (is_ipv4 ? INET_ADDRSTRLEN : INET6_ADDRSTRLEN) &&
           text.find_first_not_of(is_ipv4 ? "0123456789." : "0123456789abcdefABCDEF:.") ==
               text.npos;
  }
  const auto parsed = parse_ip(text);
  if (!parsed || parsed->family() != family) return false;
  address = *parsed;
  return true;
}

// The same for a port in its shortest form: "00" and "080" are none.
bool take_port(std::string_view text, bool whole, Address& address) {
  if (text.empty()) return !whole;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  address = address.with_port(port);
  return error == std::errc{} && end == text.data() + text.size() &&
         (text.front() != '0' || text.size() == 1);
}

// "TCP4 " or "TCP6 " has been taken.
ProxyHeader parse_tcp(Line line, Address::Family family) {
  const bool is_ipv4 = family == Address::Family::ipv4;
  // How long each field is at least, and what follows it: "::", or " :: 0 0\r\n".
  const std::array<std::size_t, 4> shortest{is_ipv4 ? 7U : 2U, is_ipv4 ? 7U : 2U, 1, 1};
  const std::array<std::size_t, 4> behind{is_ipv4 ? 14U : 9U, 6, 4, 2};
  std::array<Address, 2> ends;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::string_view field = line.field();
    const std::size_t end = line.at + field.size();
    const bool whole = end < line.text.size();
    if (i < 2 && !take_address(field, whole, family, ends[i])) {
      return malformed(ProxyErrc::bad_address);
    }
    if (i >= 2 && !take_port(field, whole, ends[i - 2])) return malformed(ProxyErrc::bad_port);
    if (!whole) return line.lacks(behind[i] + (field.empty() ? shortest[i] : 0));
    if (i < 3 && line.text[end] != ' ') return malformed(ProxyErrc::bad_line);
    line.at = i < 3 ? end + 1 : end;
  }
  return end_line(line, ends[0], ends[1]);
}

ProxyHeader parse_line(std::string_view begin, std::size_t limit) {
  limit = std::min(max_line_bytes, limit);
  Line line{.text = begin.substr(0, limit), .at = 0, .limit = limit};
  for (const auto& [name, family] : {std::pair("PROXY TCP4 "sv, Address::Family::ipv4),
                                     std::pair("PROXY TCP6 "sv, Address::Family::ipv6),
                                     std::pair("PROXY UNKNOWN"sv, Address::Family::none)}) {
    if (name.starts_with(line.text)) return line.lacks(min_line_bytes - line.text.size());
    if (!line.text.starts_with(name)) continue;
    line.at = name.size();
    return family == Address::Family::none ? parse_unknown(line) : parse_tcp(line, family);
  }
  return malformed(ProxyErrc::bad_protocol);
}

// ---- version 2 ----

constexpr std::string_view binary_signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t fixed_bytes = 16;  // up to the addresses

constexpr std::uint8_t family_unspecified = 0x00;
constexpr std::uint8_t family_ipv4_stream = 0x11;
constexpr std::uint8_t family_ipv6_stream = 0x21;
constexpr std::uint8_t family_unix_stream = 0x31;

constexpr std::uint8_t type_crc32c = 0x03;
constexpr std::size_t tlv_header_bytes = 3;
constexpr std::size_t path_bytes = 108;

std::uint8_t byte_at(ByteView bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}
std::uint16_t number_at(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

// Bytes of both addresses with their ports.
std::size_t address_bytes(std::uint8_t family) {
  switch (family) {
    case family_ipv4_stream:
      return 2 * 4 + 2 * 2;
    case family_ipv6_stream:
      return 2 * 16 + 2 * 2;
    case family_unix_stream:
      return 2 * path_bytes;
    default:
      return 0;
  }
}

// A field of 108 bytes as in sockaddr_un, filled up with zeros: a path, or, behind a zero, a name of
// the abstract name space; only zeros for a socket without a name.
Address unix_address(ByteView field) {
  static_assert(sizeof(sockaddr_un::sun_path) == path_bytes);
  const std::string_view text = as_text(field);
  const std::size_t last = text.find_last_not_of('\0');
  sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  const std::size_t length = last == text.npos ? 0 : last + 1;
  std::memcpy(raw.sun_path, text.data(), length);
  return Address::from_sockaddr(reinterpret_cast<const sockaddr&>(raw),
                                offsetof(sockaddr_un, sun_path) + length);
}

constexpr std::array<std::uint32_t, 256> make_crc32c_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
    table[i] = crc;
  }
  return table;
}

// RFC 3720, B.4, of the header with zeros in place of the four bytes at `checksum`.
std::uint32_t crc32c(ByteView header, std::size_t checksum) {
  static constexpr auto table = make_crc32c_table();
  std::uint32_t crc = ~0U;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::uint8_t byte = i - checksum < 4 ? 0 : byte_at(header, i);
    crc = crc >> 8 ^ table[(crc ^ byte) & 0xffU];
  }
  return ~crc;
}

// Steps over the TLVs that begin at `at`. False with `error` set when one is broken.
bool check_tlvs(ByteView header, std::size_t at, ProxyErrc& error) {
  std::size_t checksum = 0;
  while (at < header.size()) {
    error = ProxyErrc::bad_tlv;
    if (header.size() - at < tlv_header_bytes) return false;
    const std::size_t length = number_at(header, at + 1);
    const std::size_t value = at + tlv_header_bytes;
    if (header.size() - value < length) return false;
    if (byte_at(header, at) == type_crc32c) {
      if (length != 4 || checksum != 0) return false;
      checksum = value;
    }
    at = value + length;
  }
  if (checksum == 0) return true;
  error = ProxyErrc::bad_checksum;
  const std::uint32_t sent =
      std::uint32_t{number_at(header, checksum)} << 16 | number_at(header, checksum + 2);
  return crc32c(header, checksum) == sent;
}

ProxyHeader parse_addresses(ByteView header, std::uint8_t family) {
  ProxyErrc error{};
  const std::size_t end = fixed_bytes + address_bytes(family);
  if (!check_tlvs(header, end, error)) return malformed(error);
  if (family == family_unix_stream) {
    return complete(header.size(), unix_address(header.subspan(fixed_bytes, path_bytes)),
                    unix_address(header.subspan(fixed_bytes + path_bytes, path_bytes)));
  }
  const std::size_t width = family == family_ipv4_stream ? 4 : 16;
  return complete(
      header.size(),
      Address::from_ip(header.subspan(fixed_bytes, width), number_at(header, end - 4)),
      Address::from_ip(header.subspan(fixed_bytes + width, width), number_at(header, end - 2)));
}

ProxyHeader parse_binary(ByteView begin, std::size_t limit) {
  const std::size_t have = begin.size();
  if (have <= 12) return incomplete(have, fixed_bytes - have, limit);
  const unsigned version = byte_at(begin, 12) >> 4U;
  const unsigned command = byte_at(begin, 12) & 0xfU;
  if (version != 2) return malformed(ProxyErrc::bad_version);
  if (command > 1) return malformed(ProxyErrc::bad_command);
  // LOCAL: the family makes no difference, the standard says.
  const std::uint8_t family = command == 1 && have > 13 ? byte_at(begin, 13) : family_unspecified;
  if (family != family_unspecified && address_bytes(family) == 0) {
    return malformed(ProxyErrc::bad_family);
  }
  if (have < fixed_bytes) return incomplete(have, fixed_bytes - have, limit);
  const std::size_t total = fixed_bytes + number_at(begin, 14);
  if (total > limit) return malformed(ProxyErrc::header_too_long);
  if (total < fixed_bytes + address_bytes(family)) return malformed(ProxyErrc::bad_length);
  if (have < total) return incomplete(have, total - have, limit);
  // What a header that names nobody holds has no form that could be checked: it is discarded.
  if (family == family_unspecified) return complete(total);
  return parse_addresses(begin.first(total), family);
}

}  // namespace

ProxyHeader parse_proxy_header(ByteView begin, std::size_t max_header_bytes) {
  begin = begin.first(std::min(begin.size(), max_header_bytes));
  const std::string_view text = as_text(begin);
  const auto may_be = [text](std::string_view signature) {
    return text.substr(0, signature.size()) == signature.substr(0, text.size());
  };
  if (text.empty()) return incomplete(0, min_line_bytes, max_header_bytes);
  if (may_be(line_signature)) return parse_line(text, max_header_bytes);
  if (may_be(binary_signature)) return parse_binary(begin, max_header_bytes);
  return malformed(ProxyErrc::not_a_header);
}

}  // namespace twister::detail
