#include <map>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/network.hpp>

namespace twister {
namespace {

using ::testing::HasSubstr;

struct Form {
  std::string text;
  std::string formatted;
};

class NetworkForms : public ::testing::TestWithParam<Form> {};

TEST_P(NetworkForms, AreReadAndWritten) {
  const Network network = Network::parse(GetParam().text);
  EXPECT_EQ(network.to_string(), GetParam().formatted);
  EXPECT_EQ(Network::parse(network.to_string()), network);
}

INSTANTIATE_TEST_SUITE_P(
    Table, NetworkForms,
    ::testing::Values(Form{"10.0.0.0/8", "10.0.0.0/8"}, Form{"0.0.0.0/0", "0.0.0.0/0"},
                      Form{"127.0.0.1", "127.0.0.1"}, Form{"127.0.0.1/32", "127.0.0.1"},
                      Form{"192.0.2.128/25", "192.0.2.128/25"}, Form{"::1", "::1"},
                      Form{"::1/128", "::1"}, Form{"::/0", "::/0"}, Form{"FD00::/8", "fd00::/8"},
                      Form{"2001:db8:0:8000::/49", "2001:db8:0:8000::/49"},
                      Form{"::ffff:10.0.0.7", "10.0.0.7"},
                      Form{"::ffff:10.0.0.0/104", "10.0.0.0/8"}, Form{"::ffff:0:0/96", "0.0.0.0/0"},
                      Form{"unix:", "unix:"}));

struct Membership {
  std::string network;
  std::string address;
  bool inside;
};

class NetworkMembership : public ::testing::TestWithParam<Membership> {};

TEST_P(NetworkMembership, IsDecidedByThePrefix) {
  const Network network = Network::parse(GetParam().network);
  EXPECT_EQ(network.contains(Address::parse(GetParam().address)), GetParam().inside);
}

INSTANTIATE_TEST_SUITE_P(
    Table, NetworkMembership,
    ::testing::Values(
        Membership{"10.0.0.0/8", "10.255.255.255:80", true},
        Membership{"10.0.0.0/8", "11.0.0.0:80", false},
        Membership{"10.0.0.0/8", "9.255.255.255:80", false},
        Membership{"192.0.2.128/25", "192.0.2.128:0", true},
        Membership{"192.0.2.128/25", "192.0.2.127:0", false},
        Membership{"0.0.0.0/0", "255.1.2.3:9", true}, Membership{"0.0.0.0/0", "[::1]:9", false},
        Membership{"127.0.0.1", "127.0.0.1:65535", true},
        Membership{"127.0.0.1", "127.0.0.2:1", false}, Membership{"::1", "[::1]:80", true},
        Membership{"::1", "[::]:80", false}, Membership{"::/0", "[fe80::1]:80", true},
        Membership{"fd00::/8", "[fdff::1]:80", true}, Membership{"fd00::/8", "[fc00::1]:80", false},
        Membership{"fe80::/64", "[fe80::1%2]:80", true},
        // The same host, by either kind of socket.
        Membership{"10.0.0.0/8", "[::ffff:10.0.0.7]:80", true},
        Membership{"::ffff:10.0.0.0/104", "10.0.0.7:80", true},
        Membership{"::/0", "[::ffff:10.0.0.7]:80", false}, Membership{"unix:", "unix:", true},
        Membership{"unix:", "unix:/run/x.sock", true}, Membership{"unix:", "unix:@name", true},
        Membership{"unix:", "127.0.0.1:80", false}, Membership{"unix:", "", false},
        Membership{"0.0.0.0/0", "unix:", false}, Membership{"::/0", "", false}));

class NetworkRubbish : public ::testing::TestWithParam<std::string> {};

TEST_P(NetworkRubbish, IsRefusedAndQuoted) {
  const std::string quoted = "\"" + GetParam().substr(0, GetParam().find('\0'));
  EXPECT_FALSE(Network::try_parse(GetParam()));
  try {
    Network::parse(GetParam());
    FAIL() << "no exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr(quoted));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, NetworkRubbish,
    ::testing::Values("", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
                      "10.0.0.0/08", "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0/8/8", "10.0.0/8",
                      "10/8", "010.0.0.0/8", "10.0.0.0/99999999999999999999", "10.0.0.0:80",
                      "localhost", "[::1]", "[::1]/128", "::1/129", "::1%lo", "fe80::%1/64",
                      ":::/0", "unix", "unix:/run/x.sock", "*", std::string("10.0.0.0\0", 9),
                      std::string("10.0.0.0/8\0", 11), "::ffff:0:0/95", std::string(100'000, ':')));

TEST(Network, BitsBehindThePrefixAreRefusedWithTheNetworkThatWasMeant) {
  for (const auto& [text, meant] :
       std::map<std::string, std::string>{{"10.0.0.7/8", "10.0.0.0/8"},
                                          {"10.0.0.0/0", "0.0.0.0/0"},
                                          {"fd00::1/64", "fd00::/64"}}) {
    try {
      Network::parse(text);
      FAIL() << "no exception for " << text;
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), HasSubstr("\"" + text + "\""));
      EXPECT_THAT(error.what(), HasSubstr("lies in " + meant));
    }
  }
}

TEST(Network, TheDefaultContainsNothing) {
  const Network nothing;
  EXPECT_EQ(nothing.to_string(), "");
  for (const char* address : {"", "unix:", "0.0.0.0:0", "[::]:0"}) {
    EXPECT_FALSE(nothing.contains(Address::parse(address))) << address;
  }
}

TEST(Network, EveryLengthOfPrefixIsReadAndContainsItsFirstAddress) {
  for (const char* text : {"[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:80", "255.255.255.255:80"}) {
    const Address address = Address::parse(text);
    const unsigned width = address.family() == Address::Family::ipv4 ? 32 : 128;
    for (unsigned bits = 0; bits <= width; ++bits) {
      const Address first = address.network(bits, bits);
      const Network network = Network::parse(first.host() + "/" + std::to_string(bits));
      EXPECT_TRUE(network.contains(address)) << network.to_string();
      EXPECT_TRUE(network.contains(first)) << network.to_string();
      EXPECT_EQ(Network::parse(network.to_string()), network);
    }
  }
}

}  // namespace
}  // namespace twister
