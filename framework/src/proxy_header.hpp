// src/proxy_header.hpp - the PROXY protocol's header, versions 1 and 2, as bytes and nothing else.
//
// Follows haproxy's proxy-protocol.txt. Version 1 is a line of at most 107 bytes:
//
//   PROXY TCP4 203.0.113.9 192.0.2.1 51022 443\r\n
//   PROXY UNKNOWN anything\r\n
//
// Version 2:
//
//    0                      12            13           14      16
//   +------------------------+-------------+------------+-------+----------- - - -+------- - -+
//   | 0D0A0D0A000D0A515549540A | 2 | command | family | 1 | bytes | two addresses   | TLVs      |
//   +------------------------+-------------+------------+-------+----------- - - -+------- - -+
//
//   command   0 LOCAL (the sender speaks for itself), 1 PROXY
//   family    0x00 unspecified, 0x11 TCP over IPv4, 0x21 over IPv6, 0x31 a unix-domain stream
//   bytes     of all that follows, big-endian
//   addresses IPv4 4+4+2+2 bytes, IPv6 16+16+2+2 (source, destination, their ports); unix 108+108
//   TLV       type (1 byte), length (2 bytes), so many bytes
#pragma once

#include <cstddef>

#include <twister/address.hpp>
#include <twister/codecs/byte_view.hpp>
#include <twister/proxy_protocol.hpp>

namespace twister::detail {

struct ProxyHeader {
  enum class Status { incomplete, complete, malformed };
  Status status = Status::incomplete;
  // incomplete: so many bytes are missing at least, so whoever receives no more than that never
  // takes what is behind the header. complete: the header's length.
  std::size_t bytes = 0;
  // complete: the connection's ends as the proxy saw them. Empty where it does not say: then the
  // socket's own hold.
  Address source, destination;
  // malformed: why
  ProxyErrc error{};
};

// Looks at what a connection has brought so far. The verdict is that of the first byte that decides
// it, so it does not depend on how the bytes arrived, and no further byte changes it.
ProxyHeader parse_proxy_header(ByteView begin, std::size_t max_header_bytes);

}  // namespace twister::detail
