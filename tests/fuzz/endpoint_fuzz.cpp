// Input: a byte that says for whom, then the text. What is accepted is written and read again, what
// is refused is refused within the text.
#include <cstdint>

#include "twister/address.hpp"
#include "twister/endpoint.hpp"

#include "cuts.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  fuzz::Choices choices(data, size);
  const auto parse = (choices.next() & 1U) != 0 ? Endpoint::parse_client : Endpoint::parse_server;
  try {
    const Endpoint endpoint = parse(choices.rest());
    fuzz::expect(parse(endpoint.to_string()) == endpoint, "an endpoint does not survive its text");
    fuzz::expect(endpoint.address().find('\0') == std::string::npos, "a NUL in the address");
    if (endpoint.scheme == Endpoint::Scheme::unix_domain) {
      fuzz::expect(Address::try_parse(endpoint.address()).has_value(), "a path that is no address");
    }
    endpoint.bind_options();
    for (const EndpointOption& option : endpoint.options) {
      fuzz::expect(endpoint.option(option.name) == option.value, "an option is there twice");
      endpoint.names(option.name);
    }
  } catch (const EndpointError& error) {
    fuzz::expect(error.position() <= choices.rest().size(), "refused outside the text");
    const std::string_view what = error.what();
    fuzz::expect(what.find("at character ") != what.npos, "the place is not said");
  }
  return 0;
}
