#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/bind_sockets.hpp>

#include "support/client.hpp"
#include "support/lookup_faults.hpp"

namespace twister::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// What bind_sockets has to say against an address.
std::system_error refusal(const std::string& address, const BindOptions& options = {}) {
  try {
    bind_sockets(address, options);
  } catch (const std::system_error& error) {
    return error;
  }
  return {std::error_code(), "nothing"};
}

std::uint16_t port_of(const ListeningSocket& socket) {
  return socket.local_address().port();
}

TEST(BindSockets, ListensWhereItWasTold) {
  const auto sockets = bind_sockets("127.0.0.1:0");
  ASSERT_EQ(sockets.size(), 1U);
  EXPECT_EQ(sockets[0].local_address().host(), "127.0.0.1");
  EXPECT_NE(port_of(sockets[0]), 0);
  const Client client(sockets[0].local_address());
}

TEST(BindSockets, SocketsDoNotBlockAndAreNotInherited) {
  const auto sockets = bind_sockets("127.0.0.1:0");
  EXPECT_NE(::fcntl(sockets[0].native_handle(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(sockets[0].native_handle(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(BindSockets, ADuplicateListensOnTheSameQueue) {
  auto sockets = bind_sockets("127.0.0.1:0");
  const Client waiting(sockets[0].local_address());
  const ListeningSocket duplicate = sockets[0].duplicate();
  sockets.clear();
  const int accepted = ::accept4(duplicate.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
  EXPECT_GE(accepted, 0);
  ::close(accepted);
}

TEST(BindSockets, EveryInterfaceOfBothFamiliesSharesOnePort) {
  const auto sockets = bind_sockets(":0");
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_EQ(sockets[0].local_address().host(), "0.0.0.0");
  EXPECT_EQ(sockets[1].local_address().host(), "::");
  EXPECT_EQ(port_of(sockets[0]), port_of(sockets[1]));
}

TEST(BindSockets, LocalhostSharesOnePort) {
  if (!localhost_resolves()) GTEST_SKIP() << "this machine does not resolve localhost";
  const auto sockets = bind_sockets("localhost:0");
  ASSERT_FALSE(sockets.empty());
  EXPECT_EQ(sockets.front().local_address().host(), "127.0.0.1");
  for (const ListeningSocket& socket : sockets) {
    EXPECT_EQ(port_of(socket), port_of(sockets.front()));
    const Client client(socket.local_address());
  }
}

TEST(BindSockets, TakesIPv6InBrackets) {
  const auto sockets = bind_sockets("[::1]:0");
  ASSERT_EQ(sockets.size(), 1U);
  EXPECT_EQ(sockets[0].local_address().host(), "::1");
  const Client client(sockets[0].local_address());
}

TEST(BindSockets, PortInUseNamesTheAddress) {
  const auto taken = bind_sockets("127.0.0.1:0");
  const std::string address = taken[0].local_address().to_string();
  const std::system_error error = refusal(address);
  EXPECT_EQ(error.code(), std::errc::address_in_use);
  EXPECT_THAT(error.what(), HasSubstr("cannot listen on " + address));
}

TEST(BindSockets, PortInUseOnTheSecondFamilyLeavesNothingOpen) {
  const auto taken = bind_sockets("[::]:0");
  const std::string address = ":" + std::to_string(port_of(taken[0]));
  const std::size_t before = open_descriptors();
  EXPECT_EQ(refusal(address).code(), std::errc::address_in_use);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(BindSockets, AnAddressOfAnotherMachineCannotBeBound) {
  const std::system_error error = refusal("192.0.2.1:0");
  EXPECT_EQ(error.code(), std::errc::address_not_available);
  EXPECT_THAT(error.what(), HasSubstr("192.0.2.1:0"));
}

TEST(BindSockets, ANameThatDoesNotResolveIsNamed) {
  EXPECT_THAT(refusal("no-such-host.invalid:0").what(), HasSubstr("no-such-host.invalid:0"));
}

TEST(BindSockets, AnAddressThatIsFoundTwiceIsBoundOnce) {
  const LookupFaults lookups;
  EXPECT_THAT(bind_sockets("twice.test:0"), SizeIs(1));
}

TEST(BindSockets, RestartsAtOnceOnAPortWithOldConnections) {
  auto sockets = bind_sockets("127.0.0.1:0");
  const Address address = sockets[0].local_address();
  Client client(address);
  const int accepted = ::accept(sockets[0].native_handle(), nullptr, nullptr);
  ::close(accepted);  // the server's end waits in TIME_WAIT
  client.close();
  sockets.clear();
  EXPECT_EQ(bind_sockets(address.to_string()).size(), 1U);
}

TEST(BindSockets, ReusePortSharesAnAddress) {
  const auto first = bind_sockets("127.0.0.1:0", {.reuse_port = true});
  const std::string address = first[0].local_address().to_string();
  const auto second = bind_sockets(address, {.reuse_port = true});
  EXPECT_EQ(port_of(second[0]), port_of(first[0]));
  EXPECT_EQ(refusal(address).code(), std::errc::address_in_use);
}

TEST(BindSockets, ClosesWhatItIsMovedOver) {
  const std::size_t before = open_descriptors();
  {
    auto first = bind_sockets("127.0.0.1:0");
    auto second = bind_sockets("127.0.0.1:0");
    first[0] = std::move(second[0]);
    EXPECT_NE(port_of(first[0]), 0);
  }
  EXPECT_EQ(open_descriptors(), before);
}

class BadAddress : public ::testing::TestWithParam<const char*> {};

TEST_P(BadAddress, IsInvalidAndQuoted) {
  const std::size_t before = open_descriptors();
  try {
    bind_sockets(GetParam());
    FAIL() << "no exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr(GetParam()));
  }
  EXPECT_EQ(open_descriptors(), before);
}

INSTANTIATE_TEST_SUITE_P(Table, BadAddress,
                         ::testing::Values("", "localhost", "127.0.0.1",
                                           "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536",
                                           "127.0.0.1:-1", "127.0.0.1: 1", "::1:80", "[::1]",
                                           "[::1:80", "::1]:80", "[::1]x:80", "unix:"));

TEST(BindSockets, RefusesWhatIsBehindANul) {
  EXPECT_THROW(bind_sockets(std::string_view("127.0.0.1\0x:0", 13)), std::invalid_argument);
}

class UnixSockets : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = ::testing::TempDir() + "twister-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    path = folder + "/x.sock";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  unsigned mode() const {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0U;
  }

  std::string folder;
  std::string path;
};

TEST_F(UnixSockets, AreForTheirOwnerOnly) {
  const auto sockets = bind_sockets("unix:" + path);
  ASSERT_EQ(sockets.size(), 1U);
  EXPECT_EQ(sockets[0].local_address().to_string(), "unix:" + path);
  EXPECT_EQ(mode(), 0600U);
  const Client client(sockets[0].local_address());
}

TEST_F(UnixSockets, TakeAnotherMode) {
  const auto sockets = bind_sockets("unix:" + path, {.unix_mode = 0660});
  EXPECT_EQ(mode(), 0660U);
}

TEST_F(UnixSockets, ReplaceAStaleOne) {
  ::close(bind_sockets("unix:" + path)[0].release());  // as when a server crashes
  ASSERT_TRUE(std::filesystem::exists(path));
  const auto sockets = bind_sockets("unix:" + path);
  const Client client(sockets[0].local_address());
}

TEST_F(UnixSockets, DoNotReplaceALiveOne) {
  const auto live = bind_sockets("unix:" + path);
  const std::size_t before = open_descriptors();
  const std::system_error error = refusal("unix:" + path);
  EXPECT_EQ(error.code(), std::errc::address_in_use);
  EXPECT_THAT(error.what(), HasSubstr("unix:" + path));
  EXPECT_EQ(open_descriptors(), before);
  const Client client(live[0].local_address());
}

TEST_F(UnixSockets, DoNotReplaceALiveOneWithAFullQueue) {
  const auto live = bind_sockets("unix:" + path, {.backlog = 0});
  const Client queued(live[0].local_address());
  EXPECT_EQ(refusal("unix:" + path).code(), std::errc::address_in_use);
}

TEST_F(UnixSockets, DoNotReplaceARegularFile) {
  std::ofstream(path) << "precious";
  const std::system_error error = refusal("unix:" + path);
  EXPECT_EQ(error.code(), std::errc::file_exists);
  EXPECT_THAT(error.what(), HasSubstr(path));
  EXPECT_EQ(std::filesystem::file_size(path), 8U);
}

TEST_F(UnixSockets, DoNotFollowALinkToARegularFile) {
  std::ofstream(folder + "/precious") << "precious";
  std::filesystem::create_symlink(folder + "/precious", path);
  EXPECT_EQ(refusal("unix:" + path).code(), std::errc::file_exists);
  EXPECT_TRUE(std::filesystem::is_symlink(path));
}

TEST_F(UnixSockets, TheFileGoesWithTheLastOfTheDuplicates) {
  auto sockets = bind_sockets("unix:" + path);
  {
    const ListeningSocket duplicate = sockets[0].duplicate();
    sockets.clear();
    const Client client(duplicate.local_address());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(UnixSockets, TheFileStaysWhenAForkedCopyCloses) {
  auto sockets = bind_sockets("unix:" + path);
  const pid_t child = ::fork();
  if (child == 0) {
    sockets.clear();
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const Client client(sockets[0].local_address());
}

TEST_F(UnixSockets, TheFileStaysWhenItIsToldTo) {
  bind_sockets("unix:" + path)[0].keep_file();
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(UnixSockets, NeedAFolder) {
  EXPECT_EQ(refusal("unix:" + folder + "/none/x.sock").code(),
            std::errc::no_such_file_or_directory);
}

TEST_F(UnixSockets, AbstractOnesHaveNoFile) {
  const std::string name = "unix:@" + path;
  {
    const auto sockets = bind_sockets(name);
    EXPECT_EQ(sockets[0].local_address().to_string(), name);
    EXPECT_FALSE(std::filesystem::exists(path));
    const Client client(sockets[0].local_address());
    EXPECT_EQ(refusal(name).code(), std::errc::address_in_use);
  }
  EXPECT_EQ(bind_sockets(name).size(), 1U);
}

}  // namespace
}  // namespace twister::testing
