#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <twister/address.hpp>

namespace twister {
namespace {

using namespace std::string_view_literals;

struct Form {
  std::string text;
  std::string formatted;
  std::string host;
  std::uint16_t port;
  Address::Family family;
};

class AddressForms : public ::testing::TestWithParam<Form> {};

TEST_P(AddressForms, AreReadAndWritten) {
  const Address address = Address::parse(GetParam().text);
  EXPECT_EQ(address.to_string(), GetParam().formatted);
  EXPECT_EQ(address.host(), GetParam().host);
  EXPECT_EQ(address.port(), GetParam().port);
  EXPECT_EQ(address.family(), GetParam().family);
}

TEST_P(AddressForms, ReadBackWhatTheyWrite) {
  const Address address = Address::parse(GetParam().text);
  EXPECT_EQ(Address::parse(address.to_string()), address);
}

TEST_P(AddressForms, SurviveTheKernelsForm) {
  const Address address = Address::parse(GetParam().text);
  sockaddr_storage storage{};
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  const std::size_t size = address.to_sockaddr(raw);
  EXPECT_EQ(Address::from_sockaddr(*raw, size), address);
}

constexpr auto ipv4 = Address::Family::ipv4;
constexpr auto ipv6 = Address::Family::ipv6;
constexpr auto local = Address::Family::unix_domain;

INSTANTIATE_TEST_SUITE_P(
    Table, AddressForms,
    ::testing::Values(
        Form{"127.0.0.1:80", "127.0.0.1:80", "127.0.0.1", 80, ipv4},
        Form{"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0", 0, ipv4},
        Form{"255.255.255.255:65535", "255.255.255.255:65535", "255.255.255.255", 65535, ipv4},
        Form{"10.0.0.7:0080", "10.0.0.7:80", "10.0.0.7", 80, ipv4},
        Form{":8888", "0.0.0.0:8888", "0.0.0.0", 8888, ipv4},
        Form{"[::1]:80", "[::1]:80", "::1", 80, ipv6}, Form{"[::]:0", "[::]:0", "::", 0, ipv6},
        Form{"[2001:DB8:0:0:0:0:0:1]:443", "[2001:db8::1]:443", "2001:db8::1", 443, ipv6},
        Form{"[::ffff:10.0.0.7]:80", "[::ffff:10.0.0.7]:80", "::ffff:10.0.0.7", 80, ipv6},
        Form{"[fe80::1%2]:80", "[fe80::1%2]:80", "fe80::1%2", 80, ipv6},
        Form{"[fe80::1%lo]:80", "[fe80::1%1]:80", "fe80::1%1", 80, ipv6},
        Form{"unix:/run/x.sock", "unix:/run/x.sock", "/run/x.sock", 0, local},
        Form{"unix:relative.sock", "unix:relative.sock", "relative.sock", 0, local},
        Form{"unix:@name", "unix:@name", "@name", 0, local}, Form{"unix:", "unix:", "", 0, local},
        Form{"unix:/" + std::string(106, 'x'), "unix:/" + std::string(106, 'x'),
             "/" + std::string(106, 'x'), 0, local}));

class AddressRubbish : public ::testing::TestWithParam<std::string> {};

TEST_P(AddressRubbish, IsRefusedAndQuoted) {
  // What the text of an exception can hold.
  const std::string quoted = "\"" + GetParam().substr(0, GetParam().find('\0'));
  EXPECT_FALSE(Address::try_parse(GetParam()));
  try {
    Address::parse(GetParam());
    FAIL() << "no exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find(quoted), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, AddressRubbish,
    ::testing::Values(
        "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
        "127.0.0.1: 1", "127.0.0.1:1 ", "127.0.0.1:99999999999999999999", "127.0.0:80",
        "127.0.0.1.1:80", "256.0.0.1:80", "0x7f.0.0.1:80", " 127.0.0.1:80", "localhost:80",
        "::1:80", "[::1]", "[::1]80", "[::1:80", "::1]:80", "[]:80", "[:80", "]:80", "[[::1]]:80",
        "[127.0.0.1]:80", "[::1%]:80", "[::1%nosuch]:80", "[::1%99999999999]:80", "[::g]:80", ":",
        "::", "80", "x", std::string("127.0.0.1\0:80", 13), std::string("[::1\0]:80", 9),
        std::string("unix:/a\0b", 9), "unix:/" + std::string(107, 'x'), std::string(100'000, ':')));

TEST(AddressNone, IsTheDefaultAndTheEmptyText) {
  EXPECT_EQ(Address(), Address::parse(""));
  EXPECT_EQ(Address().family(), Address::Family::none);
  EXPECT_EQ(Address().to_string(), "");
  EXPECT_EQ(Address().host(), "");
  EXPECT_EQ(Address().port(), 0);
}

TEST(AddressNone, ComesFromAnUnknownFamily) {
  sockaddr raw{};
  raw.sa_family = AF_APPLETALK;
  EXPECT_EQ(Address::from_sockaddr(raw, sizeof raw), Address());
}

TEST(AddressNone, ComesFromAUnixPeerWithoutAName) {
  sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  const Address address =
      Address::from_sockaddr(reinterpret_cast<const sockaddr&>(raw), sizeof raw.sun_family);
  EXPECT_TRUE(address.is_unix());
  EXPECT_EQ(address.to_string(), "unix:");
}

TEST(AddressEquality, TellsPortsHostsAndZonesApart) {
  EXPECT_EQ(Address::parse("127.0.0.1:80"), Address::parse("127.0.0.1:80"));
  EXPECT_NE(Address::parse("127.0.0.1:80"), Address::parse("127.0.0.1:81"));
  EXPECT_NE(Address::parse("127.0.0.1:80"), Address::parse("127.0.0.2:80"));
  EXPECT_NE(Address::parse("[fe80::1%1]:80"), Address::parse("[fe80::1%2]:80"));
  EXPECT_NE(Address::parse("unix:/a"), Address::parse("unix:/b"));
  EXPECT_NE(Address::parse("0.0.0.0:0"), Address());
}

TEST(AddressFromIp, TakesFourBytesOrSixteen) {
  EXPECT_EQ(Address::from_ip(as_bytes("\x0a\x00\x00\x07"sv), 80), Address::parse("10.0.0.7:80"));
  const std::string loopback = std::string(15, '\0') + '\1';
  EXPECT_EQ(Address::from_ip(as_bytes(loopback), 81), Address::parse("[::1]:81"));
  EXPECT_EQ(Address::from_ip(as_bytes("12345"), 80), Address());
  EXPECT_EQ(Address::from_ip({}, 80), Address());
}

TEST(AddressIp, IsItsBytesInNetworkOrder) {
  const Address private_host = Address::parse("10.0.0.7:80");
  EXPECT_EQ(as_text(private_host.ip()), "\x0a\x00\x00\x07"sv);
  const Address loopback = Address::parse("[::1]:80");
  EXPECT_EQ(as_text(loopback.ip()), std::string(15, '\0') + '\1');
  EXPECT_TRUE(Address::parse("unix:/a").ip().empty());
  EXPECT_TRUE(Address().ip().empty());
}

TEST(AddressWithPort, KeepsTheHost) {
  EXPECT_EQ(Address::parse("[fe80::1%1]:80").with_port(81), Address::parse("[fe80::1%1]:81"));
}

}  // namespace
}  // namespace twister
