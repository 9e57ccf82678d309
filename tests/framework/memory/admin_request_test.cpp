// The head of an HTTP request, in every split, and what is no such head.
#include "admin_request.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace twister::detail {
namespace {

using Status = AdminRequestParser::Status;

// What is made of the text when it comes in pieces of `step` bytes.
AdminRequestParser parse(std::string_view text, std::size_t step) {
  AdminRequestParser parser;
  while (!text.empty() && parser.status() == Status::incomplete) {
    const std::string piece(text.substr(0, step));  // of its own, for AddressSanitizer
    const std::size_t used = parser.feed(as_bytes(piece));
    if (parser.status() == Status::incomplete) {
      EXPECT_EQ(used, piece.size());
    }
    text.remove_prefix(used);
  }
  return parser;
}

// The status, the same for the whole, byte by byte and cut in two anywhere.
Status status_of(std::string_view text) {
  const Status whole = parse(text, text.size() + 1).status();
  for (std::size_t step = 1; step < text.size(); ++step)
    EXPECT_EQ(parse(text, step).status(), whole) << "in steps of " << step << ": " << text;
  return whole;
}

std::string with(std::string_view header) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(header) + "\r\n\r\n";
}

TEST(AdminRequest, IsReadAlikeHoweverItIsCut) {
  const std::string_view text = "GET /metrics?a=b HTTP/1.1\r\nhOst: \tlocalhost:9100 \r\n\r\n";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    const AdminRequestParser parser = parse(text, step);
    ASSERT_EQ(parser.status(), Status::complete) << step;
    EXPECT_FALSE(parser.request().head);
    EXPECT_EQ(parser.request().path, "/metrics");
    EXPECT_EQ(parser.request().host, "localhost:9100");
    EXPECT_TRUE(parser.request().keep_alive);
  }
}

TEST(AdminRequest, EveryBeginningOfOneIsIncomplete) {
  const std::string text = with("Accept: */*\r\nX-Empty:");
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_EQ(status_of(std::string_view(text).substr(0, size)), Status::incomplete) << size;
  EXPECT_EQ(status_of(text), Status::complete);
}

TEST(AdminRequest, LeavesWhatFollowsToTheNext) {
  const std::string one = with("A: b");
  AdminRequestParser parser;
  EXPECT_EQ(parser.feed(as_bytes(one + "HEAD /x HTTP/1.1\r\n")), one.size());
  EXPECT_EQ(parser.feed(as_bytes("HEAD")), 0u);
  parser.reset();
  EXPECT_EQ(parser.feed(as_bytes("HEAD /x HTTP/1.0\r\n\r\n")), 20u);
  EXPECT_EQ(parser.status(), Status::complete);
  EXPECT_TRUE(parser.request().head);
  EXPECT_EQ(parser.request().path, "/x");
}

TEST(AdminRequest, KeepsTheConnectionAsItsVersionAndHeadersSay) {
  const auto keeps = [](const std::string& text) {
    const AdminRequestParser parser = parse(text, text.size());
    EXPECT_EQ(parser.status(), Status::complete) << text;
    return parser.request().keep_alive;
  };
  EXPECT_TRUE(keeps(with("Connection: upgrade")));
  EXPECT_FALSE(keeps(with("Connection: close")));
  EXPECT_FALSE(keeps(with("CONNECTION: Keep-Alive , CLOSE")));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive-not\r\n\r\n"));
}

TEST(AdminRequest, OtherMethodsAreKnownAsSuch) {
  for (const char* method : {"POST", "get", "GETS", "OPTIONS", "PRI"})
    EXPECT_EQ(status_of(std::string(method) + " / HTTP/1.1\r\n"), Status::method) << method;
}

TEST(AdminRequest, RefusesARequestLineThatIsNone) {
  for (const char* line : {" / HTTP/1.1\r\n",
                           "GET  / HTTP/1.1\r\n",
                           "GET\t/ HTTP/1.1\r\n",
                           "GET / HTTP/1.1\n",
                           "GET / HTTP/2.0\r\n",
                           "GET / HTTP/1.2\r\n",
                           "GET / HTTP/1.11\r\n",
                           "GET / http/1.1\r\n",
                           "GET / HTTP/1.\r\n",
                           "GET /\r\n",
                           "GET / \r\n",
                           "GET  HTTP/1.1\r\n",
                           "GET a HTTP/1.1\r\n",
                           "GET http://a/ HTTP/1.1\r\n",
                           "GET * HTTP/1.1\r\n",
                           "GET /\x7f HTTP/1.1\r\n",
                           "GET /\xc3\xa4 HTTP/1.1\r\n",
                           "\r\nGET / HTTP/1.1\r\n",
                           "GET / HTTP/1.1\rX",
                           "GET / HTTP/1.1 \r\n",
                           "{\"json\": 1}\n",
                           "\x16\x03\x01\x02",
                           "SSH-2.0-x\r\n"})
    EXPECT_EQ(status_of(line), Status::malformed) << line;
  EXPECT_EQ(status_of(std::string_view("G\0T / HTTP/1.1\r\n", 16)), Status::malformed);
}

TEST(AdminRequest, RefusesHeadersThatSmuggleOrBreakTheRules) {
  for (const char* header : {"Content-Length: 1",
                             "Content-Length: +0",
                             "Content-Length: 0x0",
                             "Content-Length: -1",
                             "Content-Length: 18446744073709551616",
                             "Content-Length:",
                             "Content-Length: 0, 0",
                             "Content-Length: 0\r\nContent-Length: 0",
                             "Transfer-Encoding: chunked",
                             "Transfer-Encoding: identity",
                             "tRANSFER-eNCODING: x",
                             "Name : value",
                             ": value",
                             "no colon",
                             " folded: x",
                             "A: b\r\n continued",
                             "A: b\nC: d",
                             "A: b\rC: d",
                             "A: \x01",
                             "A: \x7f",
                             "Host: again",
                             "A\xc3\xa4: x",
                             "A(b): x"})
    EXPECT_EQ(status_of(with(header)), Status::malformed) << header;
  EXPECT_EQ(status_of(std::string("GET / HTTP/1.1\r\nHost: a\r\nA: \0\r\n\r\n", 32)),
            Status::malformed);
}

TEST(AdminRequest, AllowsABodyOfNothingAndHeadersOfAnyKind) {
  for (const char* header : {"Content-Length: 0", "Expect: 100-continue", "A:", "A: \xc3\xa4\t b",
                             "!#$%&'*+-.^_`|~09: x", "A: b\r\nA: b"})
    EXPECT_EQ(status_of(with(header)), Status::complete) << header;
}

TEST(AdminRequest, HasToNameItsHostFromVersion11On) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), Status::malformed);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), Status::complete);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost:\r\n\r\n"), Status::complete);
}

TEST(AdminRequest, MayBeAsLongAsTheLimitAndNoByteLonger) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
  const auto sized = [&](std::size_t bytes) {
    return start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(parse(sized(max_request_bytes), 1000).status(), Status::complete);
  EXPECT_EQ(parse(sized(max_request_bytes + 1), 1000).status(), Status::too_large);
  EXPECT_EQ(parse(sized(max_request_bytes + 1), 100'000).status(), Status::too_large);
}

TEST(AdminRequest, IsTooLargeBeforeItsEndHasCome) {
  for (const char* start : {"", "GET /", "GET / HTTP/1.1\r\nA", "GET / HTTP/1.1\r\nA: "}) {
    const std::string endless = start + std::string(max_request_bytes + 1, 'x');
    AdminRequestParser parser;
    EXPECT_EQ(parser.feed(as_bytes(endless)), max_request_bytes);
    EXPECT_EQ(parser.status(), Status::too_large) << start;
  }
}

TEST(AdminRequest, MayHaveAHundredHeaders) {
  const auto headers = [](std::size_t count) {
    std::string text = "GET / HTTP/1.0\r\n";
    for (std::size_t i = 0; i < count; ++i) text += "A: b\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(parse(headers(max_request_headers), 7).status(), Status::complete);
  EXPECT_EQ(parse(headers(max_request_headers + 1), 7).status(), Status::too_large);
}

}  // namespace
}  // namespace twister::detail
