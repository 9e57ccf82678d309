// Input: options, cut, then a stream of framed messages.
#include <google/protobuf/stubs/common.h>

#include "twister/codecs/length_prefixed.hpp"
#include "twister/codecs/protobuf.hpp"

#include "cuts.hpp"
#include "person.pb.h"

namespace {

using twister::testing_codecs::Person;
using People = twister::Framed<twister::LengthPrefixed, twister::Protobuf<Person>>;

struct Serialized {
  std::string operator()(const Person& person) const { return person.SerializeAsString(); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twister;
  google::protobuf::SetLogHandler(nullptr);
  fuzz::Choices choices(data, size);
  const unsigned flags = choices.next();
  const unsigned seed = choices.next();
  const People codec(
      LengthPrefixed({.width = 1,
                      .max_frame_bytes = 200,
                      .on_oversize = (flags & 1u) != 0 ? Oversize::skip : Oversize::fail}),
      {}, (flags & 2u) != 0 ? BadPayload::skip : BadPayload::fail);
  fuzz::compare_cuts(codec, choices.rest(), seed, Serialized());

  Protobuf<Person> payload;
  if (!payload.decode(as_bytes(choices.rest()))) {
    const auto again = fuzz::round_trip(People(), payload.message(), Serialized());
    fuzz::expect(again.front() == "message " + payload.message().SerializeAsString(),
                 "changed by the round trip");
  }
  return 0;
}
