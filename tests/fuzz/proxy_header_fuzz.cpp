// Input: the limit (two bytes, 0 for the default), then what a connection brings. It is judged at
// every length, and by a parser of version 2 so simple that it can be seen to be right.
#include <algorithm>
#include <string>

#include "cuts.hpp"
#include "proxy_header.hpp"

namespace {

using namespace twister;
using detail::ProxyHeader;
using Status = ProxyHeader::Status;

bool same(const ProxyHeader& a, const ProxyHeader& b) {
  return a.status == b.status && a.bytes == b.bytes && a.source == b.source &&
         a.destination == b.destination && a.error == b.error;
}

// Whether a whole header of version 2 has the ends that `found` tells. Checksums apart.
bool has_ends(std::string_view header, const ProxyHeader& found) {
  const auto number = [header](std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(header[at]) << 8 |
                                      static_cast<unsigned char>(header[at + 1]));
  };
  if ((header[12] & 0xf) == 0 || header[13] == 0) {
    return found.source == Address() && found.destination == Address();
  }
  if (header[13] == 0x31) return found.source.is_unix() && found.destination.is_unix();
  const std::size_t width = header[13] == 0x11 ? 4 : 16;
  return found.source ==
             Address::from_ip(as_bytes(header.substr(16, width)), number(16 + 2 * width)) &&
         found.destination ==
             Address::from_ip(as_bytes(header.substr(16 + width, width)), number(18 + 2 * width));
}

void check_complete(std::string_view input, const ProxyHeader& found, std::size_t limit) {
  fuzz::expect(found.bytes <= std::min(limit, input.size()), "longer than it may be");
  const std::string_view header = input.substr(0, found.bytes);
  if (header.front() != 'P') {
    fuzz::expect(has_ends(header, found), "other ends than the header's");
    return;
  }
  fuzz::expect(found.bytes <= 107 && header.find('\n') == found.bytes - 1 &&
                   header.find('\r') == found.bytes - 2,
               "not one line");
  if (found.source == Address()) return;
  // A line that is accepted can be written anew from what was understood, but for IPv6's many forms.
  const std::string line = "PROXY TCP4 " + found.source.host() + " " + found.destination.host() +
                           " " + std::to_string(found.source.port()) + " " +
                           std::to_string(found.destination.port()) + "\r\n";
  fuzz::expect(header.starts_with("PROXY TCP6 ") || header == line, "understood as something else");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Choices choices(data, size);
  std::size_t limit = choices.next() << 8U;
  limit += choices.next();
  if (limit == 0) limit = ProxyOptions().max_header_bytes;
  const std::string_view input = choices.rest().substr(0, 8192);
  const ProxyHeader whole = detail::parse_proxy_header(as_bytes(input), limit);
  std::size_t step = 1;
  for (std::size_t count = 0; count < input.size(); count += step) {
    if (count > 300) step = 37;  // what is far in is the same over and over
    const ProxyHeader begin = detail::parse_proxy_header(as_bytes(input.substr(0, count)), limit);
    if (begin.status != Status::incomplete) {
      fuzz::expect(same(begin, whole), "the verdict depends on the cut");
      continue;
    }
    fuzz::expect(begin.bytes > 0 && count + begin.bytes <= limit, "asks for too much");
    fuzz::expect(whole.status != Status::complete || count + begin.bytes <= whole.bytes,
                 "asks for what is behind the header");
  }
  if (whole.status == Status::complete) check_complete(input, whole, limit);
  return 0;
}
