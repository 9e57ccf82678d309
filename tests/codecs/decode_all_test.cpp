// The helper that all decoder tests lean on has to notice a codec that breaks the contract.
#include "decode_all.hpp"

namespace twister {
namespace {

using testing_codecs::decode_all;
using testing_codecs::decode_pieces;
using testing_codecs::Events;

// One byte a message, with one fault to be chosen.
struct Faulty {
  using Message = ByteView;
  using Received = ByteView;
  enum class Fault {
    none,
    depends_on_the_cut,
    consumes_nothing,
    forgets_errors,
    asks_for_too_much
  };

  DecodeResult decode(ByteView input) {
    if (input.empty()) {
      const bool greedy = fault == Fault::asks_for_too_much;
      return {.status = DecodeResult::Status::incomplete, .needed = greedy ? 2u : 1u};
    }
    if (fault == Fault::forgets_errors) {
      return {.status = DecodeResult::Status::error, .error = {CodecErrc::truncated, ++errors}};
    }
    frame = input.first(fault == Fault::depends_on_the_cut ? input.size() : 1);
    const std::size_t consumed = fault == Fault::consumes_nothing ? 0 : frame.size();
    return {.status = DecodeResult::Status::message, .consumed = consumed, .frame = frame};
  }
  ByteView message() const { return frame; }
  CodecError encode(ByteView, ByteBuffer&) const { return {}; }
  CodecError finish(ByteView) const { return {}; }

  Fault fault = Fault::none;
  ByteView frame{};
  std::uint64_t errors = 0;
};

TEST(DecodeAll, TellsWhatAGoodCodecFound) {
  EXPECT_EQ(decode_all(Faulty{}, "ab"), (Events{"message a", "message b", "end"}));
}

TEST(DecodeAll, NoticesAResultThatDependsOnTheCut) {
  const Faulty codec{Faulty::Fault::depends_on_the_cut};
  EXPECT_NE(decode_pieces(codec, {"ab"}), decode_pieces(codec, {"a", "b"}));
}

TEST(DecodeAll, NoticesAMessageThatConsumesNothing) {
  EXPECT_EQ(decode_pieces(Faulty{Faulty::Fault::consumes_nothing}, {"a"}).front(),
            "BROKEN found something and consumed nothing");
}

TEST(DecodeAll, NoticesAnErrorThatIsNotSticky) {
  EXPECT_EQ(decode_pieces(Faulty{Faulty::Fault::forgets_errors}, {"a"}).at(1),
            "BROKEN error not sticky");
}

TEST(DecodeAll, NoticesAMessageThatCameOfFewerBytesThanNeeded) {
  EXPECT_EQ(decode_pieces(Faulty{Faulty::Fault::asks_for_too_much}, {"", "a"}).front(),
            "BROKEN needed more than it took");
}

}  // namespace
}  // namespace twister
