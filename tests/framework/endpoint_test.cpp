#include <algorithm>
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/address.hpp>
#include <twister/endpoint.hpp>

namespace twister {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Scheme = Endpoint::Scheme;

struct Form {
  std::string text;
  std::string formatted;
  std::string address;  // for bind_sockets() and Address
  Scheme scheme;
};

class EndpointForms : public ::testing::TestWithParam<Form> {};

TEST_P(EndpointForms, AreReadAndWritten) {
  const Endpoint endpoint = Endpoint::parse_server(GetParam().text);
  EXPECT_EQ(endpoint.scheme, GetParam().scheme);
  EXPECT_EQ(endpoint.address(), GetParam().address);
  EXPECT_EQ(endpoint.to_string(), GetParam().formatted);
}

TEST_P(EndpointForms, ReadBackWhatTheyWrite) {
  const Endpoint endpoint = Endpoint::parse_server(GetParam().text);
  EXPECT_EQ(Endpoint::parse_server(endpoint.to_string()), endpoint);
}

INSTANTIATE_TEST_SUITE_P(
    Tcp, EndpointForms,
    ::testing::Values(
        Form{"tcp:127.0.0.1:80", "tcp:127.0.0.1:80", "127.0.0.1:80", Scheme::tcp},
        Form{"127.0.0.1:80", "tcp:127.0.0.1:80", "127.0.0.1:80", Scheme::tcp},
        Form{"localhost:8888", "tcp:localhost:8888", "localhost:8888", Scheme::tcp},
        Form{"tcp:a-b_c.example.com.:1", "tcp:a-b_c.example.com.:1", "a-b_c.example.com.:1",
             Scheme::tcp},
        Form{"tcp:[::1]:80", "tcp:[::1]:80", "[::1]:80", Scheme::tcp},
        Form{"[fe80::1%eth0]:80", "tcp:[fe80::1%eth0]:80", "[fe80::1%eth0]:80", Scheme::tcp},
        Form{"tcp::8888", "tcp::8888", ":8888", Scheme::tcp},
        Form{":8888", "tcp::8888", ":8888", Scheme::tcp},
        Form{"tcp::0", "tcp::0", ":0", Scheme::tcp},
        Form{"tcp::65535", "tcp::65535", ":65535", Scheme::tcp},
        Form{"tcp:tcp:80", "tcp:tcp:80", "tcp:80", Scheme::tcp},
        Form{"tcp:3com.example:80", "tcp:3com.example:80", "3com.example:80", Scheme::tcp},
        Form{":1?backlog=7&reuse-port=yes", "tcp::1?backlog=7&reuse-port=yes", ":1", Scheme::tcp}));

INSTANTIATE_TEST_SUITE_P(
    Others, EndpointForms,
    ::testing::Values(
        Form{"tls::443?cert=a.pem&key=b.pem", "tls::443?cert=a.pem&key=b.pem", ":443", Scheme::tls},
        Form{"tls:[::1]:443?key=b%26c%25d&cert=a=b?c", "tls:[::1]:443?key=b%26c%25d&cert=a=b?c",
             "[::1]:443", Scheme::tls},
        Form{"tls::1?client-ca=c.pem&client-cert=optional",
             "tls::1?client-ca=c.pem&client-cert=optional", ":1", Scheme::tls},
        Form{"tls::1?cert=%C3%A9+%2f", "tls::1?cert=\xc3\xa9+/", ":1", Scheme::tls},
        Form{"tls::1?cert=a b\n", "tls::1?cert=a%20b%0A", ":1", Scheme::tls},
        Form{"unix:/run/x.sock", "unix:/run/x.sock", "unix:/run/x.sock", Scheme::unix_domain},
        Form{"unix:/run/x.sock?mode=0660", "unix:/run/x.sock?mode=0660", "unix:/run/x.sock",
             Scheme::unix_domain},
        Form{"unix:relative", "unix:relative", "unix:relative", Scheme::unix_domain},
        Form{"unix:@name", "unix:@name", "unix:@name", Scheme::unix_domain},
        Form{"unix:/a%3Fb%25c:d&e", "unix:/a%3Fb%25c:d&e", "unix:/a?b%c:d&e", Scheme::unix_domain},
        Form{"unix:/" + std::string(106, 'x'), "unix:/" + std::string(106, 'x'),
             "unix:/" + std::string(106, 'x'), Scheme::unix_domain},
        Form{"fd:3", "fd:3", "", Scheme::fd},
        Form{"fd:2147483647", "fd:2147483647", "", Scheme::fd}));

TEST(Endpoint, TakesItsPartsApart) {
  const Endpoint endpoint = Endpoint::parse_client("tls:[::1]:443?hostname=a.example&timeout=5s");
  EXPECT_EQ(endpoint.host, "::1");
  EXPECT_EQ(endpoint.port, 443);
  EXPECT_THAT(endpoint.options, ElementsAre(EndpointOption{"hostname", "a.example"},
                                            EndpointOption{"timeout", "5s"}));
  EXPECT_EQ(Endpoint::parse_server("unix:@name").path, "@name");
  EXPECT_EQ(Endpoint::parse_server("fd:3").descriptor, 3);
}

TEST(Endpoint, ItsAddressIsOneThatAddressesAreReadFrom) {
  for (const char* text :
       {"tcp:127.0.0.1:80", "tcp:[::1]:80", "tcp::80", "unix:/a%3Fb", "unix:@n"}) {
    EXPECT_TRUE(Address::try_parse(Endpoint::parse_server(text).address())) << text;
  }
}

TEST(EndpointOptions, AreFoundByName) {
  const Endpoint endpoint = Endpoint::parse_server("tls::1?key=b%26c&cert=a.pem");
  EXPECT_EQ(endpoint.option("cert"), "a.pem");
  EXPECT_EQ(endpoint.option("key"), "b&c");
  EXPECT_EQ(endpoint.option("alpn"), std::nullopt);
}

TEST(EndpointOptions, BecomeBindOptions) {
  const BindOptions tcp =
      Endpoint::parse_server(":1?backlog=7&reuse-port=yes").bind_options({.unix_mode = 0640});
  EXPECT_EQ(tcp.backlog, 7);
  EXPECT_TRUE(tcp.reuse_port);
  EXPECT_EQ(tcp.unix_mode, 0640U);
  EXPECT_EQ(Endpoint::parse_server("unix:/a?mode=0660").bind_options().unix_mode, 0660U);
  EXPECT_EQ(Endpoint::parse_server("unix:/a?mode=600").bind_options().unix_mode, 0600U);
  const BindOptions defaults = Endpoint::parse_server(":1").bind_options({.backlog = 9});
  EXPECT_EQ(defaults.backlog, 9);
  EXPECT_FALSE(defaults.reuse_port);
}

TEST(EndpointOptions, BecomeFlagsNamesAndTimes) {
  const Endpoint endpoint =
      Endpoint::parse_client("tls:a:1?verify=no&alpn=h2,http/1.1&timeout=1500ms");
  EXPECT_FALSE(endpoint.flag("verify", true));
  EXPECT_TRUE(endpoint.flag("other", true));
  EXPECT_THAT(endpoint.names("alpn"), ElementsAre("h2", "http/1.1"));
  EXPECT_THAT(endpoint.names("other"), ElementsAre());
  EXPECT_EQ(endpoint.time("timeout", 1s), 1500ms);
  EXPECT_EQ(endpoint.time("other", 1s), 1s);
  EXPECT_EQ(Endpoint::parse_client("a:1?timeout=86400s").time("timeout", 1s), 24h);
}

struct Refused {
  std::string text;
  std::size_t character;  // counted from 1, as in the message
  std::string why;
};

void expect_refused(const Refused& refused, Endpoint (*parse)(std::string_view)) {
  try {
    parse(refused.text);
    FAIL() << "no exception for " << refused.text;
  } catch (const EndpointError& error) {
    EXPECT_THAT(error.what(), HasSubstr(refused.why)) << refused.text;
    EXPECT_EQ(error.position() + 1, refused.character) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("\" at character " + std::to_string(refused.character)));
    std::string quoted = "\"" + refused.text + "\"";
    std::replace(quoted.begin(), quoted.end(), '\0', '?');
    EXPECT_THAT(error.what(), HasSubstr(quoted));
  }
}

// 254 bytes, in labels of 49.
std::string long_host() {
  std::string host;
  while (host.size() < 254) host.append(49, 'a').append(1, '.');
  host.resize(254);
  return host;
}

class EndpointRubbish : public ::testing::TestWithParam<Refused> {};

TEST_P(EndpointRubbish, IsRefusedWithItsPlace) {
  expect_refused(GetParam(), Endpoint::parse_server);
}

INSTANTIATE_TEST_SUITE_P(
    Addresses, EndpointRubbish,
    ::testing::Values(
        Refused{"", 1, "port are missing"}, Refused{"localhost", 10, "port are missing"},
        Refused{"tcp:80", 7, "port are missing"}, Refused{"tcp:a:", 7, "a port is missing"},
        Refused{"tcp", 4, "port are missing"}, Refused{"?backlog=1", 1, "port are missing"},
        Refused{"tcp:a?backlog=1:2", 6, "port are missing"}, Refused{"a:80x", 5, "only digits"},
        Refused{"a:65536", 3, "0 to 65535"}, Refused{"a:99999999999999999999999", 3, "0 to 65535"},
        Refused{"a:-1", 3, "0 to 65535"}, Refused{"a: 1", 3, "0 to 65535"},
        Refused{"a:http", 3, "not a port"}, Refused{"tcp:x:y:80", 7, "not a port"},
        Refused{"http://a:80/", 1, "unknown scheme \"http\""},
        Refused{"ssl:a:80", 1, "known are tcp, tls, unix, fd"},
        Refused{"TCP:a:80", 1, "unknown scheme"}, Refused{"::1:80", 1, "in brackets"},
        Refused{"tcp:2001:db8::1:80", 5, "in brackets"}, Refused{"[::1:80", 1, "without \"]\""},
        Refused{"[::1]", 6, "port are missing"}, Refused{"[::1]80", 6, "a port is expected"},
        Refused{"tcp:[127.0.0.1]:80", 6, "not an IPv6 address"},
        Refused{"[]:80", 2, "not an IPv6 address"}, Refused{"[::1%]:80", 2, "not an IPv6 address"},
        Refused{"[::1%a b]:80", 2, "not an IPv6 address"},
        Refused{"[::1%a-zone-too-long1]:80", 2, "not an IPv6 address"},
        Refused{"tcp:a b:80", 6, "not a host's name"}, Refused{"a..b:80", 3, "not a host's name"},
        Refused{".a:80", 1, "not a host's name"}, Refused{"a%41:80", 2, "not a host's name"},
        Refused{"a\0b:80"s, 2, "not a host's name"},
        Refused{"h\xc3\xa9:80", 2, "not a host's name"},
        Refused{"256.1.1.1:80", 1, "not a host's name"},
        Refused{"127.1:80", 1, "not a host's name"},
        Refused{"2130706433:80", 1, "not a host's name"},
        Refused{"0x7f000001:80", 1, "not a host's name"},
        Refused{std::string(64, 'a') + ":80", 64, "not a host's name"},
        Refused{long_host() + ":80", 254, "not a host's name"}));

INSTANTIATE_TEST_SUITE_P(
    Others, EndpointRubbish,
    ::testing::Values(Refused{"unix:", 6, "a path is missing"},
                      Refused{"unix:?mode=600", 6, "a path is missing"},
                      Refused{"unix:@", 7, "a path is missing"},
                      Refused{"unix:/" + std::string(107, 'x'), 6, "longer than 107 bytes"},
                      Refused{"unix:/a%00b", 8, "NUL"}, Refused{"unix:/a\0b"s, 8, "NUL"},
                      Refused{"unix:/a%", 8, "%25"}, Refused{"unix:/a%4", 8, "%25"},
                      Refused{"unix:/a%g1", 8, "%25"}, Refused{"unix:/a%4?mode=600", 8, "%25"},
                      Refused{"fd:", 4, "a descriptor's number is missing"},
                      Refused{"fd:-1", 4, "not a descriptor"}, Refused{"fd:3x", 5, "only digits"},
                      Refused{"fd:2147483648", 4, "0 to 2147483647"}));

INSTANTIATE_TEST_SUITE_P(
    Options, EndpointRubbish,
    ::testing::Values(
        Refused{"tls::443?cert=a&crt=b", 17,
                "unknown option \"crt\"; known are backlog, reuse-port, cert, key, client-ca, "
                "client-cert, alpn for a tls server"},
        Refused{":1?mode=600", 4, "known are backlog, reuse-port for a tcp server"},
        Refused{":1?timeout=1s", 4, "unknown option \"timeout\""},
        Refused{":1?Backlog=1", 4, "unknown option \"Backlog\""},
        Refused{":1? backlog=1", 4, "unknown option \" backlog\""},
        Refused{":1?%62acklog=1", 4, "unknown option"}, Refused{":1?=1", 4, "unknown option \"\""},
        Refused{"unix:/a?reuse-port=yes", 9, "known are backlog, mode for a unix server"},
        Refused{"fd:3?backlog=1", 6, "there are none for a fd server"},
        Refused{":1?", 4, "an option is missing"},
        Refused{":1?backlog=1&", 14, "an option is missing"},
        Refused{":1?&backlog=1", 4, "an option is missing"},
        Refused{":1?backlog=1&&reuse-port=no", 14, "an option is missing"},
        Refused{":1?backlog=1&backlog=1", 14, "given twice"},
        Refused{":1?backlog", 11, "lacks its value, a number from 1 to 65535"},
        Refused{":1?backlog=", 12, "lacks its value"},
        Refused{":1?backlog=&reuse-port=no", 12, "lacks its value"},
        Refused{":1?backlog=0", 12, "\"0\" is not a number from 1"},
        Refused{":1?backlog=65536", 12, "\"65536\""}, Refused{":1?backlog=+1", 12, "\"+1\""},
        Refused{":1?backlog=1x", 12, "\"1x\""},
        Refused{":1?reuse-port=true", 15, "\"true\" is not yes or no"},
        Refused{"unix:/a?mode=1000", 14, "octal number up to 0777"},
        Refused{"unix:/a?mode=689", 14, "octal"}, Refused{"unix:/a?mode=rw", 14, "octal"},
        Refused{"tls::1?cert=a%0", 14, "%25"}, Refused{"tls::1?cert=%00", 13, "NUL"},
        Refused{"tls::1?cert=a%&key=b", 14, "%25"}, Refused{"tls::1?alpn=h2,,x", 13, "commas"},
        Refused{"tls::1?alpn=,", 13, "commas"},
        Refused{"tls::1?alpn=" + std::string(256, 'a'), 13, "1 to 255 bytes"}));

class ClientEndpointRubbish : public ::testing::TestWithParam<Refused> {};

TEST_P(ClientEndpointRubbish, IsRefusedWithItsPlace) {
  expect_refused(GetParam(), Endpoint::parse_client);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ClientEndpointRubbish,
    ::testing::Values(
        Refused{"tcp::80", 5, "a client needs a host"}, Refused{":80", 1, "a client needs a host"},
        Refused{"a:0", 3, "a port above 0"}, Refused{"fd:3", 1, "a descriptor is for a server"},
        Refused{"ssl:a:80", 1, "known are tcp, tls, unix"},
        Refused{"a:1?backlog=1", 5, "known are source, timeout for a tcp client"},
        Refused{"unix:/a?mode=600", 9, "known are timeout for a unix client"},
        Refused{"tls:a:1?client-ca=x", 9, "unknown option \"client-ca\""},
        Refused{"tls:a:1?verify=never", 16, "\"never\" is not yes or no"},
        Refused{"a:1?source=localhost", 12, "an IP address"},
        Refused{"a:1?source=[::1]", 12, "an IP address"},
        Refused{"tls:a:1?hostname=a b", 18, "a host's name or IP address"},
        Refused{"tls:a:1?hostname=%2e", 18, "a host's name or IP address"},
        Refused{"a:1?timeout=5", 13, "in ms or s"}, Refused{"a:1?timeout=0s", 13, "from 1ms"},
        Refused{"a:1?timeout=s", 13, "from 1ms"}, Refused{"a:1?timeout=1.5s", 13, "from 1ms"},
        Refused{"a:1?timeout=-1s", 13, "from 1ms"}, Refused{"a:1?timeout=86401s", 13, "to 86400s"},
        Refused{"a:1?timeout=99999999999999s", 13, "to 86400s"}));

TEST(EndpointClient, TakesItsOwnOptions) {
  const Endpoint endpoint = Endpoint::parse_client(
      "tls:example.com:443?ca=ca.pem&cert=c&key=k&hostname=10.0.0.7&source=::1");
  EXPECT_EQ(endpoint.option("source"), "::1");
  EXPECT_EQ(Endpoint::parse_client(endpoint.to_string()), endpoint);
}

}  // namespace
}  // namespace twister
