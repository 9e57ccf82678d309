// What docs/how-to/write-your-own-codec.md says: a codec that conforms, and the same with the mistake
// that the page names.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include <twister/testing/codec_conformance.hpp>

namespace twister {
namespace {

struct Packet {
  std::byte type{};
  ByteView body{};
  bool operator==(const Packet& other) const {
    return type == other.type && std::ranges::equal(body, other.body);
  }
};

template <bool remembers_errors>
class PacketCodec {
 public:
  using Message = Packet;
  using Received = const Packet&;

  DecodeResult decode(ByteView input) {
    using Status = DecodeResult::Status;
    if (error_) return {.status = Status::error, .error = error_};
    if (input.size() < 3) return {.needed = 3 - input.size()};
    const auto size =
        std::to_integer<std::size_t>(input[1]) + 256 * std::to_integer<std::size_t>(input[2]);
    if (size > max_bytes) {
      const CodecError error{CodecErrc::frame_too_long, size, max_bytes};
      if (remembers_errors) error_ = error;
      return {.status = Status::error, .error = error};
    }
    if (input.size() - 3 < size) return {.needed = 3 + size - input.size()};
    packet_ = {input[0], input.subspan(3, size)};
    return {.status = Status::message, .consumed = 3 + size, .frame = packet_.body};
  }
  const Packet& message() const { return packet_; }

  CodecError encode(const Packet& packet, ByteBuffer& out) const {
    const std::size_t size = packet.body.size();
    if (size > max_bytes) return {CodecErrc::frame_too_long, size, max_bytes};
    const std::byte header[] = {packet.type, std::byte(size % 256), std::byte(size / 256)};
    out.append(header, packet.body);
    return {};
  }
  CodecError finish(ByteView rest) const {
    if (error_ || rest.empty()) return error_;
    return {CodecErrc::truncated, rest.size()};
  }

 private:
  static constexpr std::size_t max_bytes = 60'000;
  Packet packet_;
  CodecError error_;
};

template <class C>
testing::ConformanceReport report_of() {
  static const std::string large(60'000, 'x');
  static const std::string too_large(60'001, 'x');
  return testing::check_codec<C>({.messages = {{std::byte{1}, as_bytes("one")}, {std::byte{2}, {}}},
                                  .longest = Packet{std::byte{3}, as_bytes(large)},
                                  .unencodable = {{std::byte{3}, as_bytes(too_large)}},
                                  .too_long = {"\x01\xff\xff"}});
}

TEST(OwnCodec, ConformsAsThePageSays) {
  const auto report = report_of<PacketCodec<true>>();
  EXPECT_TRUE(report.ok()) << report.text();
  EXPECT_EQ(report.untried.size(), 3u) << report.text();
}

TEST(OwnCodec, IsFoundOutAsThePageSays) {
  const std::string text = report_of<PacketCodec<false>>().text();
  EXPECT_NE(text.find("broken limit: error not sticky, in \"\\x01\\xff\\xff\"\n"), text.npos)
      << text;
  EXPECT_NE(text.find("broken noise: error not sticky, in \""), text.npos) << text;
  EXPECT_NE(text.find("untried malformed: no stream in `malformed`\n"), text.npos) << text;
  EXPECT_NE(text.find("kept round trip\n"), text.npos) << text;
}

}  // namespace
}  // namespace twister
