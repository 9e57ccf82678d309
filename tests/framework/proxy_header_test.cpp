// Every header is given at every length, from nothing to whole: what is decided stays decided, and
// what is asked for is never more than the header has.
#include "proxy_header.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/error.hpp>

namespace twister::detail {
namespace {

using namespace std::string_literals;
using Status = ProxyHeader::Status;

constexpr std::size_t limit = ProxyOptions().max_header_bytes;

ProxyHeader parse(std::string_view text, std::size_t max_header_bytes = limit) {
  return parse_proxy_header(as_bytes(text), max_header_bytes);
}

std::string describe(const ProxyHeader& header) {
  switch (header.status) {
    case Status::incomplete:
      return "incomplete";
    case Status::malformed:
      return make_error_code(header.error).message();
    case Status::complete:
      return std::to_string(header.bytes) + " bytes, " + header.source.to_string() + " to " +
             header.destination.to_string();
  }
  return "nothing";
}

// The verdict on `text`, after it was given byte by byte. `decided_at` is after how many.
std::string verdict(std::string_view text, std::size_t* decided_at = nullptr) {
  const std::string whole = describe(parse(text));
  bool decided = false;
  for (std::size_t count = 0; count <= text.size(); ++count) {
    const ProxyHeader begin = parse(text.substr(0, count));
    if (begin.status == Status::incomplete) {
      EXPECT_FALSE(decided) << "undecided again after " << count << " bytes";
      EXPECT_GT(begin.bytes, 0U);
      const ProxyHeader all = parse(text);
      if (all.status == Status::complete) {
        EXPECT_LE(count + begin.bytes, all.bytes) << "after " << count;
      }
      continue;
    }
    if (!decided && decided_at != nullptr) *decided_at = count;
    decided = true;
    EXPECT_EQ(describe(begin), whole) << "after " << count << " bytes";
  }
  return whole;
}

std::string message(ProxyErrc code) {
  return make_error_code(code).message();
}

// How much of `text` was looked at before it was refused with `code`.
std::size_t refused_after(std::string_view text, ProxyErrc code) {
  std::size_t decided_at = 0;
  EXPECT_EQ(verdict(text, &decided_at), message(code)) << text;
  return decided_at;
}

// ---- version 1 ----

TEST(ProxyLine, TellsBothEndsOverIPv4) {
  EXPECT_EQ(verdict("PROXY TCP4 1.1.1.1 2.2.2.2 8080 8888\r\n"),
            "38 bytes, 1.1.1.1:8080 to 2.2.2.2:8888");
}

TEST(ProxyLine, TellsBothEndsOverIPv6AndLeavesWhatFollows) {
  EXPECT_EQ(verdict("PROXY TCP6 ::1 ::2 8080 8888\r\nHTTP/1.1 / GET"),
            "30 bytes, [::1]:8080 to [::2]:8888");
}

TEST(ProxyLine, TakesTheLongestAddressesAndPorts) {
  EXPECT_EQ(verdict("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
            "56 bytes, 255.255.255.255:65535 to 255.255.255.255:65535");
  const std::string longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  EXPECT_EQ(verdict("PROXY TCP6 " + longest + " " + longest + " 65535 65535\r\n"),
            "104 bytes, [" + longest + "]:65535 to [" + longest + "]:65535");
}

TEST(ProxyLine, TakesTheShortestAddressesAndPorts) {
  EXPECT_EQ(verdict("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), "32 bytes, 0.0.0.0:0 to 0.0.0.0:0");
  EXPECT_EQ(verdict("PROXY TCP6 :: :: 0 0\r\n"), "22 bytes, [::]:0 to [::]:0");
}

TEST(ProxyLine, KeepsAnIPv4AddressInIPv6sFormAsItCame) {
  EXPECT_EQ(verdict("PROXY TCP6 ::ffff:10.0.0.7 ::1 1 2\r\n"),
            "36 bytes, [::ffff:10.0.0.7]:1 to [::1]:2");
}

TEST(ProxyLine, UnknownLeavesTheSocketsAddresses) {
  EXPECT_EQ(verdict("PROXY UNKNOWN\r\n"), "15 bytes,  to ");
  EXPECT_EQ(verdict("PROXY UNKNOWN x y\r\nmore"), "19 bytes,  to ");
  EXPECT_EQ(verdict("PROXY UNKNOWN ::1 ::2 1 2\r\n"), "27 bytes,  to ");
  EXPECT_EQ(verdict("PROXY UNKNOWN \r\n"), "16 bytes,  to ");
}

TEST(ProxyLine, HasAtMost107Bytes) {
  const std::string begin = "PROXY UNKNOWN ";
  EXPECT_EQ(verdict(begin + std::string(107 - begin.size() - 2, 'x') + "\r\n"), "107 bytes,  to ");
  EXPECT_EQ(refused_after(begin + std::string(108 - begin.size() - 2, 'x') + "\r\n",
                          ProxyErrc::header_too_long),
            107U);
  EXPECT_EQ(refused_after(begin + std::string(100'000, 'x'), ProxyErrc::header_too_long), 107U);
}

TEST(ProxyLine, IsHeldToASmallerLimit) {
  const std::string line = "PROXY TCP4 1.1.1.1 2.2.2.2 8080 8888\r\n";
  EXPECT_EQ(describe(parse(line, line.size())), "38 bytes, 1.1.1.1:8080 to 2.2.2.2:8888");
  EXPECT_EQ(describe(parse(line, line.size() - 1)), message(ProxyErrc::header_too_long));
  EXPECT_EQ(describe(parse("", 0)), message(ProxyErrc::header_too_long));
}

struct Refused {
  std::string text;
  ProxyErrc code;
  std::size_t after;  // bytes
};

class RefusedLine : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedLine, AtTheByteThatShowsIt) {
  EXPECT_EQ(refused_after(GetParam().text, GetParam().code), GetParam().after) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Begin, RefusedLine,
    ::testing::Values(Refused{"NOTPROXY TCP4 1.1.1.1", ProxyErrc::not_a_header, 1},
                      Refused{"GET / HTTP/1.1\r\n", ProxyErrc::not_a_header, 1},
                      Refused{"\x16\x03\x01\x02", ProxyErrc::not_a_header, 1},
                      Refused{"\n", ProxyErrc::not_a_header, 1},
                      Refused{"proxy TCP4", ProxyErrc::not_a_header, 1},
                      Refused{"POST / HTTP/1.1\r\n", ProxyErrc::not_a_header, 2},
                      Refused{"PROXYTCP4 1.1.1.1", ProxyErrc::not_a_header, 6},
                      Refused{"PROXY\r\n", ProxyErrc::not_a_header, 6},
                      Refused{"PROXY \r\n", ProxyErrc::bad_protocol, 7},
                      Refused{"PROXY  TCP4 1.1.1.1", ProxyErrc::bad_protocol, 7},
                      Refused{"PROXY WUTPROTO 1.1.1.1", ProxyErrc::bad_protocol, 7},
                      Refused{"PROXY TCP5 1.1.1.1", ProxyErrc::bad_protocol, 10},
                      Refused{"PROXY TCP44", ProxyErrc::bad_protocol, 11},
                      Refused{"PROXY TCP4\r\n", ProxyErrc::bad_protocol, 11},
                      Refused{"PROXY tcp4 1.1.1.1", ProxyErrc::bad_protocol, 7},
                      Refused{"PROXY UNKNOWNS\r\n", ProxyErrc::bad_protocol, 14},
                      Refused{"PROXY UNKNOWN\n", ProxyErrc::bad_line, 14},
                      Refused{"PROXY UNKNOWN a\nb\r\n", ProxyErrc::bad_line, 16},
                      Refused{"PROXY UNKNOWN\rx\r\n", ProxyErrc::bad_line, 15},
                      Refused{"PROXY UNKNOWN\r\r\n", ProxyErrc::bad_line, 15}));

INSTANTIATE_TEST_SUITE_P(
    Address, RefusedLine,
    ::testing::Values(Refused{"PROXY TCP4 \r\n", ProxyErrc::bad_address, 12},
                      Refused{"PROXY TCP4  1.1.1.1", ProxyErrc::bad_address, 12},
                      Refused{"PROXY TCP4\t1.1.1.1", ProxyErrc::bad_protocol, 11},
                      Refused{"PROXY TCP4 ::1 ::2 1 2\r\n", ProxyErrc::bad_address, 12},
                      Refused{"PROXY TCP4 999.1.1.1 2.2.2.2 1 2\r\n", ProxyErrc::bad_address, 21},
                      Refused{"PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n", ProxyErrc::bad_address, 20},
                      Refused{"PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n", ProxyErrc::bad_address, 17},
                      Refused{"PROXY TCP4 1.1.1.1.1 2.2.2.2 1 2\r\n", ProxyErrc::bad_address, 21},
                      Refused{"PROXY TCP4 0x1.1.1.1 2.2.2.2 1 2\r\n", ProxyErrc::bad_address, 13},
                      Refused{"PROXY TCP4 1.1.1.1:80", ProxyErrc::bad_address, 19},
                      Refused{"PROXY TCP4 1.1.1.1\0"s, ProxyErrc::bad_address, 19},
                      Refused{"PROXY TCP4 1111111111111111", ProxyErrc::bad_address, 27},
                      Refused{"PROXY TCP4 1.1.1.1\r\n", ProxyErrc::bad_line, 19},
                      Refused{"PROXY TCP4 1.1.1.1 \r\n", ProxyErrc::bad_address, 20},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.256 1 2\r\n", ProxyErrc::bad_address, 29},
                      Refused{"PROXY TCP6 1.1.1.1 ::1 1 2\r\n", ProxyErrc::bad_address, 19},
                      Refused{"PROXY TCP6 [::1] ::1 1 2\r\n", ProxyErrc::bad_address, 12},
                      Refused{"PROXY TCP6 fe80::1%2 ::1 1 2\r\n", ProxyErrc::bad_address, 19},
                      Refused{"PROXY TCP6 ::1::2 ::1 1 2\r\n", ProxyErrc::bad_address, 18},
                      Refused{"PROXY TCP6 ::12345 ::1 1 2\r\n", ProxyErrc::bad_address, 19},
                      Refused{"PROXY TCP6 " + std::string(46, ':'), ProxyErrc::bad_address, 57}));

INSTANTIATE_TEST_SUITE_P(
    Ports, RefusedLine,
    ::testing::Values(Refused{"PROXY TCP4 1.1.1.1 2.2.2.2\r\n", ProxyErrc::bad_line, 27},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", ProxyErrc::bad_line, 29},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 \r\n", ProxyErrc::bad_port, 28},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2  1 2\r\n", ProxyErrc::bad_port, 28},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 1 \r\n", ProxyErrc::bad_port, 30},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 99999 1\r\n", ProxyErrc::bad_port, 32},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 65536 1\r\n", ProxyErrc::bad_port, 32},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n", ProxyErrc::bad_port, 34},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 123456 1\r\n", ProxyErrc::bad_port, 33},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 x 1\r\n", ProxyErrc::bad_port, 28},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 1x 1\r\n", ProxyErrc::bad_port, 29},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 -1 1\r\n", ProxyErrc::bad_port, 28},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 +1 1\r\n", ProxyErrc::bad_port, 28},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 080 1\r\n", ProxyErrc::bad_port, 29},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 1 00\r\n", ProxyErrc::bad_port, 31}));

INSTANTIATE_TEST_SUITE_P(
    LineEnd, RefusedLine,
    ::testing::Values(Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 x\r\n", ProxyErrc::bad_line, 31},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n", ProxyErrc::bad_line, 31},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", ProxyErrc::bad_line, 31},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r\n", ProxyErrc::bad_line, 32},
                      Refused{"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rx", ProxyErrc::bad_line, 32},
                      Refused{"PROXY TCP4 1.1.1.1\n2.2.2.2 1 2\r\n", ProxyErrc::bad_line, 19}));

// ---- version 2 ----

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

// A header with this command and family; `length` is that of `rest`, unless told otherwise.
std::string binary(char command, char family, std::string_view rest, int length = -1) {
  const auto said = static_cast<unsigned>(length < 0 ? static_cast<int>(rest.size()) : length);
  std::string header = signature + command + family;
  header += static_cast<char>(said >> 8);
  header += static_cast<char>(said & 0xff);
  return header += rest;
}

const std::string ipv4_ends("\x01\x01\x01\x01\x02\x02\x02\x02\x1f\x90\x22\xb8", 12);
const std::string ipv4_told = ", 1.1.1.1:8080 to 2.2.2.2:8888";

std::string with_tlvs(std::string_view tlvs) {
  return binary('\x21', '\x11', ipv4_ends + std::string(tlvs));
}

TEST(ProxyBinary, TellsBothEndsOverIPv4) {
  EXPECT_EQ(verdict(binary('\x21', '\x11', ipv4_ends) + "data"), "28 bytes" + ipv4_told);
}

TEST(ProxyBinary, TellsBothEndsOverIPv6) {
  const std::string ends = std::string(15, '\0') + '\1' + std::string(15, '\0') + '\2' +
                           std::string("\xff\xff\x00\x00", 4);
  EXPECT_EQ(verdict(binary('\x21', '\x21', ends)), "52 bytes, [::1]:65535 to [::2]:0");
}

std::string path_field(std::string path) {
  path.resize(108, '\0');
  return path;
}

TEST(ProxyBinary, TellsUnixSockets) {
  EXPECT_EQ(verdict(binary('\x21', '\x31', path_field("/run/a.sock") + path_field("/run/b.sock"))),
            "232 bytes, unix:/run/a.sock to unix:/run/b.sock");
  EXPECT_EQ(verdict(binary('\x21', '\x31', path_field("") + path_field("\0name"s))),
            "232 bytes, unix: to unix:@name");
  const std::string longest(108, 'x');
  EXPECT_EQ(verdict(binary('\x21', '\x31', path_field(longest) + path_field(""))),
            "232 bytes, unix:" + longest + " to unix:");
}

TEST(ProxyBinary, LocalAndUnspecifiedLeaveTheSocketsAddresses) {
  EXPECT_EQ(verdict(binary('\x20', '\x00', "")), "16 bytes,  to ");
  EXPECT_EQ(verdict(binary('\x21', '\x00', "")), "16 bytes,  to ");
  EXPECT_EQ(verdict(binary('\x21', '\x00', "whatever")), "24 bytes,  to ");
}

TEST(ProxyBinary, LocalIsDiscardedWithItsFamilyWhateverThatIs) {
  EXPECT_EQ(verdict(binary('\x20', '\x11', ipv4_ends)), "28 bytes,  to ");
  EXPECT_EQ(verdict(binary('\x20', '\x11', "short")), "21 bytes,  to ");
  EXPECT_EQ(verdict(binary('\x20', '\xff', "")), "16 bytes,  to ");
}

TEST(ProxyBinary, WantsVersionCommandAndFamilyThatThereAre) {
  EXPECT_EQ(refused_after(binary('\x11', '\x11', ipv4_ends), ProxyErrc::bad_version), 13U);
  EXPECT_EQ(refused_after(binary('\x31', '\x11', ipv4_ends), ProxyErrc::bad_version), 13U);
  EXPECT_EQ(refused_after(binary('\x22', '\x11', ipv4_ends), ProxyErrc::bad_command), 13U);
  EXPECT_EQ(refused_after(binary('\x2f', '\x11', ipv4_ends), ProxyErrc::bad_command), 13U);
  for (const char family :
       {'\x01', '\x02', '\x10', '\x12', '\x20', '\x22', '\x30', '\x32', '\x13', '\x41', '\xff'}) {
    EXPECT_EQ(refused_after(binary('\x21', family, ipv4_ends), ProxyErrc::bad_family), 14U);
  }
}

TEST(ProxyBinary, WantsItsSignatureToTheLastByte) {
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string header = binary('\x21', '\x11', ipv4_ends);
    header[i] = 'x';
    EXPECT_EQ(refused_after(header, ProxyErrc::not_a_header), i + 1);
  }
}

TEST(ProxyBinary, WantsRoomForItsAddresses) {
  for (int length = 0; length < 12; ++length) {
    EXPECT_EQ(refused_after(binary('\x21', '\x11', "", length), ProxyErrc::bad_length), 16U);
  }
  EXPECT_EQ(refused_after(binary('\x21', '\x21', "", 35), ProxyErrc::bad_length), 16U);
  EXPECT_EQ(refused_after(binary('\x21', '\x31', "", 215), ProxyErrc::bad_length), 16U);
}

TEST(ProxyBinary, IsRefusedOnItsLengthBeforeMoreHasCome) {
  EXPECT_EQ(refused_after(binary('\x21', '\x11', "", 0xffff), ProxyErrc::header_too_long), 16U);
  EXPECT_EQ(refused_after(binary('\x20', '\x00', "", 0xffff), ProxyErrc::header_too_long), 16U);
  EXPECT_EQ(refused_after(binary('\x21', '\x11', "", limit - 15), ProxyErrc::header_too_long), 16U);
}

TEST(ProxyBinary, MayBeAsLongAsTheLimit) {
  std::string tlvs(limit - 16 - 12, '\0');
  tlvs[0] = '\x04';  // NOOP, to the end
  tlvs[1] = static_cast<char>((tlvs.size() - 3) >> 8);
  tlvs[2] = static_cast<char>((tlvs.size() - 3) & 0xff);
  EXPECT_EQ(describe(parse(with_tlvs(tlvs))), std::to_string(limit) + " bytes" + ipv4_told);
  EXPECT_EQ(describe(parse(with_tlvs(tlvs), limit - 1)), message(ProxyErrc::header_too_long));
}

TEST(ProxyBinary, AsksForExactlyWhatItsLengthSays) {
  const ProxyHeader begin = parse(binary('\x21', '\x11', "", 1000));
  EXPECT_EQ(begin.status, Status::incomplete);
  EXPECT_EQ(begin.bytes, 1000U);
}

// ---- what follows the addresses of version 2 ----

TEST(ProxyTlvs, AreSkipped) {
  EXPECT_EQ(verdict(with_tlvs("\x04\x00\x04noop"s)), "35 bytes" + ipv4_told);
  EXPECT_EQ(verdict(with_tlvs("\x02\x00\x0b"
                              "example.com\x05\x00\x00"s)),
            "45 bytes" + ipv4_told);
  EXPECT_EQ(verdict(with_tlvs("\xff\x00\x01x"s)), "32 bytes" + ipv4_told);
}

TEST(ProxyTlvs, EndWithinTheHeader) {
  for (const std::string& tlvs :
       {"\x04"s, "\x04\x00"s, "\x04\x00\x01"s, "\x04\x00\x05noop"s, "\x04\xff\xffnoop"s,
        "\x04\x00\x01x\x04"s, "\x04\x00\x00\x04\x00\x01"s}) {
    EXPECT_EQ(verdict(with_tlvs(tlvs)), message(ProxyErrc::bad_tlv));
    // Bytes of the conversation behind the header do not lengthen it.
    EXPECT_EQ(verdict(with_tlvs(tlvs) + std::string(300, 'x')), message(ProxyErrc::bad_tlv));
  }
}

// CRC32c of the header with zeros in its place, by another way than the parser's: bit by bit.
std::string with_checksum(std::string header, std::size_t at) {
  std::uint32_t crc = ~0U;
  for (const char byte : header) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? crc >> 1 ^ 0x82f63b78U : crc >> 1;
  }
  for (std::size_t i = 0; i < 4; ++i) header[at + i] = static_cast<char>(~crc >> (24 - 8 * i));
  return header;
}

TEST(ProxyChecksum, IsVerified) {
  const std::string header = with_checksum(with_tlvs("\x03\x00\x04\0\0\0\0\x04\x00\x01x"s), 28 + 3);
  EXPECT_EQ(verdict(header + "data"), "39 bytes" + ipv4_told);
}

TEST(ProxyChecksum, HasAKnownAnswer) {
  // PROXY from 1.1.1.1:8080 to 2.2.2.2:8888, nothing but the checksum behind it.
  const std::string header = with_checksum(with_tlvs("\x03\x00\x04\0\0\0\0"s), 28 + 3);
  EXPECT_EQ(header.substr(31), "\xcb\xf3\xaa\x59"s);
}

TEST(ProxyChecksum, ShowsEveryChangedBit) {
  const std::string header = with_checksum(with_tlvs("\x03\x00\x04\0\0\0\0"s), 28 + 3);
  for (std::size_t at = 16; at < header.size(); ++at) {
    if (at >= 28 && at < 31) continue;  // another type or length is another TLV
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = header;
      changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
      EXPECT_EQ(describe(parse(changed)), message(ProxyErrc::bad_checksum)) << at;
    }
  }
}

TEST(ProxyChecksum, HasFourBytesAndComesOnce) {
  EXPECT_EQ(verdict(with_tlvs("\x03\x00\x00"s)), message(ProxyErrc::bad_tlv));
  EXPECT_EQ(verdict(with_tlvs("\x03\x00\x03\0\0\0"s)), message(ProxyErrc::bad_tlv));
  EXPECT_EQ(verdict(with_tlvs("\x03\x00\x05\0\0\0\0\0"s)), message(ProxyErrc::bad_tlv));
  EXPECT_EQ(verdict(with_tlvs("\x03\x00\x04\0\0\0\0\x03\x00\x04\0\0\0\0"s)),
            message(ProxyErrc::bad_tlv));
}

TEST(ProxyErrors, AreForDecisionsAsWell) {
  EXPECT_EQ(make_error_code(ProxyErrc::untrusted_source), Condition::refused);
  EXPECT_EQ(make_error_code(ProxyErrc::header_too_long), Condition::limit);
  for (int code = static_cast<int>(ProxyErrc::truncated_header);
       code <= static_cast<int>(ProxyErrc::bad_checksum); ++code) {
    const std::error_code error = make_error_code(static_cast<ProxyErrc>(code));
    EXPECT_EQ(error, Condition::malformed);
    EXPECT_NE(error.message(), "unknown error");
  }
}

}  // namespace
}  // namespace twister::detail
