// Input: a byte that says how it is cut, then what a peer sends to the admin listener: requests one
// behind the other, until one is malformed.
#include <string>
#include <vector>

#include "admin_request.hpp"
#include "cuts.hpp"

namespace {

using twister::detail::AdminRequestParser;
using Status = AdminRequestParser::Status;

// What a connection would see: each request, and how the last one failed.
std::vector<std::string> requests_of(const twister::testing_codecs::Pieces& pieces) {
  std::vector<std::string> seen;
  AdminRequestParser parser;
  std::size_t bytes = 0;
  for (const std::string_view piece : pieces) {
    // A copy of its own, so that AddressSanitizer sees a read past the end.
    const std::vector<char> copy(piece.begin(), piece.end());
    for (std::string_view rest(copy.data(), copy.size()); !rest.empty();) {
      const std::size_t used = parser.feed(twister::as_bytes(rest));
      bytes += used;
      rest.remove_prefix(used);
      twister::fuzz::expect(bytes <= twister::detail::max_request_bytes, "more than the limit");
      if (parser.status() == Status::incomplete) {
        twister::fuzz::expect(rest.empty(), "bytes are left of what is incomplete");
      } else if (parser.status() != Status::complete) {
        seen.push_back("error " + std::to_string(static_cast<int>(parser.status())));
        return seen;
      } else {
        const auto& request = parser.request();
        twister::fuzz::expect(request.path.starts_with('/'), "not a path");
        for (const char c : request.path)
          twister::fuzz::expect(c > ' ' && c <= '~' && c != '?', "a byte that no path has");
        for (const char c : request.host)
          twister::fuzz::expect(c != '\r' && c != '\n' && c != '\0', "a byte that no host has");
        seen.push_back(request.path + " " + request.host + (request.head ? " head" : "") +
                       (request.keep_alive ? " keep" : ""));
        parser.reset();
        bytes = 0;
      }
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  twister::fuzz::Choices choices(data, size);
  const unsigned seed = choices.next();
  const auto whole = requests_of({choices.rest()});
  twister::fuzz::expect(requests_of(twister::fuzz::cut(choices.rest(), seed)) == whole,
                        "the result depends on the cut");
  return 0;
}
