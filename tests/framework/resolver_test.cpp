// Names and addresses: lookups on threads, by a getaddrinfo that a test controls.
#include <netdb.h>

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/destination.hpp>
#include <twister/error.hpp>
#include <twister/resolver.hpp>

#include "memory/client_parts.hpp"
#include "support/lookup_faults.hpp"
#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Answer {
  int calls = 0;
  std::error_code error;
  std::vector<std::string> addresses;

  Resolver::Handler handler() {
    return [this](std::error_code failure, const std::vector<Address>& found) {
      ++calls;
      error = failure;
      for (const Address& each : found) addresses.push_back(each.to_string());
    };
  }
};

class ResolverTest : public ::testing::Test {
 protected:
  std::function<void()> ask(std::string_view host, Address::Family family = {}) {
    return resolver->resolve(host, 80, family, answer.handler());
  }
  const Answer& wait() {
    run_until(loop, [this] { return answer.calls > 0; });
    return answer;
  }

  LookupFaults lookups;
  IOLoop loop;
  std::optional<SystemResolver> resolver{std::in_place, loop};
  Answer answer;
};

// ---- SystemResolver ----

TEST_F(ResolverTest, AnswersAnAddressFromTheLoopWithoutAThread) {
  ask("192.0.2.1");
  EXPECT_EQ(answer.calls, 0);
  loop.run_until_idle();
  EXPECT_THAT(answer.addresses, ElementsAre("192.0.2.1:80"));
  ask("::1");
  loop.run_until_idle();
  EXPECT_THAT(answer.addresses, ElementsAre("192.0.2.1:80", "[::1]:80"));
}

TEST_F(ResolverTest, LooksANameUp) {
  ask("name.test");
  EXPECT_EQ(answer.calls, 0);
  EXPECT_THAT(wait().addresses, ElementsAre("127.0.0.1:80"));
  EXPECT_FALSE(answer.error);
}

TEST_F(ResolverTest, DoesNotHoldUpTheLoop) {
  ask("slow.test");
  run_until(loop, [this] { return lookups.waiting() == 1; });
  bool ran = false;
  loop.add_callback([&] { ran = true; });
  loop.run_until_idle();
  EXPECT_TRUE(ran);
  EXPECT_EQ(answer.calls, 0);
  lookups.release();
  EXPECT_THAT(wait().addresses, ElementsAre("127.0.0.1:80"));
}

TEST_F(ResolverTest, WakesALoopThatSleeps) {
  resolver->resolve("name.test", 80, {},
                    [this](std::error_code, const std::vector<Address>&) { loop.stop(); });
  loop.run();
}

TEST_F(ResolverTest, TellsWhatTheSystemSays) {
  ask("nosuch.test");
  EXPECT_STREQ(wait().error.category().name(), "twister.resolver");
  EXPECT_EQ(answer.error.value(), EAI_NONAME);
  EXPECT_EQ(answer.error.message(), "Name or service not known");
}

TEST_F(ResolverTest, TellsWhatTheKernelSays) {
  ask("broken.test");
  EXPECT_EQ(wait().error, std::errc::too_many_files_open);
}

TEST_F(ResolverTest, ANameWithoutAnAddressOfUseIsAnError) {
  ask("strange.test");
  EXPECT_EQ(wait().error, Errc::lookup_failed);
}

TEST_F(ResolverTest, AnAddressOfTheWrongFamilyIsAnError) {
  ask("192.0.2.1", Address::Family::ipv6);
  loop.run_until_idle();
  EXPECT_EQ(answer.error, Errc::lookup_failed);
}

TEST_F(ResolverTest, RefusesWhatIsNoName) {
  for (const std::string& host : {std::string(), std::string(256, 'x'), std::string("a\0b", 3)}) {
    answer = {};
    ask(host);
    loop.run_until_idle();
    EXPECT_EQ(answer.error, Errc::lookup_failed);
  }
  EXPECT_EQ(lookups.begun(), 0);
}

TEST_F(ResolverTest, IsSilentOnceALookupIsEnded) {
  const auto end = ask("slow.test");
  run_until(loop, [this] { return lookups.waiting() == 1; });
  end();
  end();
  lookups.release();
  Answer other;
  resolver->resolve("name.test", 80, {}, other.handler());
  run_until(loop, [&] { return other.calls == 1; });
  EXPECT_EQ(answer.calls, 0);
}

TEST_F(ResolverTest, EndingOneAfterItsAnswerHasNoEffect) {
  const auto end = ask("192.0.2.1");
  loop.run_until_idle();
  end();
  EXPECT_EQ(answer.calls, 1);
}

TEST_F(ResolverTest, DestroyingItEndsItsLookups) {
  const auto end = ask("slow.test");
  run_until(loop, [this] { return lookups.waiting() == 1; });
  resolver.reset();
  end();
  lookups.release();
  loop.run_until_idle();
  EXPECT_EQ(answer.calls, 0);
}

TEST_F(ResolverTest, ALoopMayEndWhileALookupRuns) {
  auto own_loop = std::make_unique<IOLoop>();
  SystemResolver own(*own_loop);
  own.resolve("slow.test", 80, {}, answer.handler());
  run_until(loop, [this] { return lookups.waiting() == 1; });
  own_loop.reset();
  lookups.release();
  EXPECT_EQ(answer.calls, 0);
}

TEST_F(ResolverTest, AsksForEightNamesAtOnceAndTheOthersWait) {
  for (int i = 0; i < 20; ++i) ask("slow.test");
  run_until(loop, [this] { return lookups.waiting() == 8; });
  EXPECT_EQ(lookups.begun(), 8);
  lookups.release();
  run_until(loop, [this] { return answer.calls == 20; });
}

TEST_F(ResolverTest, ALookupThatIsEndedBeforeItsTurnIsNeverMade) {
  for (int i = 0; i < 8; ++i) ask("slow.test");
  run_until(loop, [this] { return lookups.waiting() == 8; });
  const auto end = ask("slow.test");
  end();
  lookups.release();
  run_until(loop, [this] { return answer.calls == 8; });
  ask("name.test");
  run_until(loop, [this] { return answer.calls == 9; });
  EXPECT_EQ(lookups.begun(), 9);
}

TEST_F(ResolverTest, RefusesWhatWouldWaitBehindAThousandOthers) {
  for (int i = 0; i < 8; ++i) ask("slow.test");
  run_until(loop, [this] { return lookups.waiting() == 8; });
  for (int i = 0; i < 1024; ++i) ask("slow.test");
  loop.run_until_idle();
  EXPECT_EQ(answer.calls, 0);
  ask("slow.test");
  loop.run_until_idle();
  EXPECT_EQ(answer.error, std::errc::resource_unavailable_try_again);
  resolver.reset();  // takes them out again
  lookups.release();
}

TEST_F(ResolverTest, AHandlerMayDestroyIt) {
  resolver->resolve("192.0.2.1", 80, {},
                    [this](std::error_code, const std::vector<Address>&) { resolver.reset(); });
  loop.run_until_idle();
  EXPECT_FALSE(resolver);
}

// ---- OverrideResolver ----

class OverrideTest : public MemoryTest {
 protected:
  std::string asked(const std::map<std::string, std::string>& overrides, std::string_view host,
                    std::uint16_t port) {
    ManualResolver inner(loop);
    OverrideResolver resolver(inner, overrides);
    resolver.resolve(host, port, {}, {});
    return inner.questions()[0].host + " " + std::to_string(inner.questions()[0].port);
  }
};

TEST_F(OverrideTest, SendsANameElsewhere) {
  EXPECT_EQ(asked({{"example.com", "127.0.0.1"}}, "example.com", 80), "127.0.0.1 80");
  EXPECT_EQ(asked({{"example.com", "localhost:8080"}}, "example.com", 80), "localhost 8080");
  EXPECT_EQ(asked({{"example.com", "::1"}}, "example.com", 80), "::1 80");
  EXPECT_EQ(asked({{"example.com", "[::1]:8080"}}, "example.com", 80), "::1 8080");
}

TEST_F(OverrideTest, PrefersTheEntryWithThePort) {
  const std::map<std::string, std::string> both{{"a", "b"}, {"a:443", "c:8443"}};
  EXPECT_EQ(asked(both, "a", 443), "c 8443");
  EXPECT_EQ(asked(both, "a", 80), "b 80");
}

TEST_F(OverrideTest, ComparesNamesWithoutRegardToCase) {
  EXPECT_EQ(asked({{"Example.COM", "B"}}, "example.com", 80), "B 80");
  EXPECT_EQ(asked({{"example.com:443", "b:1"}}, "EXAMPLE.com", 443), "b 1");
}

TEST_F(OverrideTest, LeavesOthersAsTheyAre) {
  EXPECT_EQ(asked({{"a", "b"}}, "other", 80), "other 80");
  EXPECT_EQ(asked({{"a:81", "b"}}, "a", 80), "a 80");
}

TEST_F(OverrideTest, RefusesEntriesThatCannotBeRead) {
  ManualResolver inner(loop);
  EXPECT_THROW(OverrideResolver(inner, {{"a:x", "b"}}), std::invalid_argument);
  EXPECT_THROW(OverrideResolver(inner, {{"a", "b:99999"}}), std::invalid_argument);
  EXPECT_THROW(OverrideResolver(inner, {{"", "b"}}), std::invalid_argument);
}

// ---- Destination ----

TEST(Destination, IsNotLongerThanANameMayBe) {
  EXPECT_EQ(Destination(std::string(253, 'a'), 80).host().size(), 253U);
  EXPECT_THROW(Destination(std::string(254, 'a'), 80), std::invalid_argument);
  EXPECT_THROW(Destination(std::string(254, 'a') + ":80"), std::invalid_argument);
}

TEST(Destination, ReadsEveryForm) {
  EXPECT_EQ(Destination("example.com:80").host(), "example.com");
  EXPECT_EQ(Destination("example.com:80").port(), 80);
  EXPECT_EQ(Destination("[::1]:80").host(), "::1");
  EXPECT_FALSE(Destination("127.0.0.1:80").address());
  EXPECT_EQ(Destination("unix:/run/x").address(), Address::parse("unix:/run/x"));
  EXPECT_EQ(Destination({"::1", 80}).to_string(), "[::1]:80");
  EXPECT_EQ(Destination(Address::parse("[::1]:80")).host(), "::1");
}

TEST(Destination, SaysWhatItReads) {
  for (const char* text : {"example.com:80", "[::1]:80", "127.0.0.1:1", "unix:/run/x", "unix:@x"}) {
    EXPECT_EQ(Destination(text).to_string(), text);
  }
}

TEST(Destination, RefusesEverythingElse) {
  const std::vector<std::string> wrong{"",
                                       "example.com",
                                       "example.com:",
                                       ":80",
                                       "a:-1",
                                       "a:65536",
                                       "a:80x",
                                       "::1:80",
                                       "[::1]",
                                       "[::1]80",
                                       "[::1:80",
                                       "[]:80",
                                       "unix:",
                                       std::string("a\0b:80", 6),
                                       std::string(300, 'a') + ":80"};
  for (const std::string& text : wrong) {
    EXPECT_FALSE(Destination::try_parse(text)) << text;
    EXPECT_THROW(Destination{text}, std::invalid_argument) << text;
  }
  EXPECT_THROW((Destination{"", 80}), std::invalid_argument);
  EXPECT_THROW(Destination{Address()}, std::invalid_argument);
}

TEST(IsValidIp, KnowsAddressesFromNames) {
  for (const char* text : {"127.0.0.1", "::1", "fe80::1", "2620:0:1cfe:face:b00c::3"}) {
    EXPECT_TRUE(is_valid_ip(text)) << text;
  }
  for (const std::string text : {"", "localhost", "4.4.4.4<", " 127.0.0.1", "127.0.0.1 ", "127.1",
                                 "[::1]", "::1:::", "unix:x", "example.com", "1.2.3.4:5"}) {
    EXPECT_FALSE(is_valid_ip(text)) << text;
  }
  EXPECT_FALSE(is_valid_ip(std::string("::1\0", 4)));
  EXPECT_FALSE(is_valid_ip(std::string(100, '1')));
}

}  // namespace
}  // namespace twister::testing
