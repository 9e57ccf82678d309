// Listeners from outside, and words to whoever gave them: the environment is changed, and descriptors
// from 3 on are what the test wants there.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/inherited_sockets.hpp>
#include <twister/spawn_with_listeners.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// A variable of the environment, for the duration of a test.
void set_variable(const char* name, const std::string& value) {
  ::setenv(name, value.c_str(), 1);
}

template <class Error, class Action>
std::string what_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

// ---- adopt_listener ----

TEST(AdoptListener, LeavesTheCallersDescriptorAlone) {
  const auto bound = bind_sockets("127.0.0.1:0");
  const int fd = bound[0].native_handle();
  const ListeningSocket adopted = adopt_listener(fd);
  EXPECT_NE(adopted.native_handle(), fd);
  EXPECT_EQ(adopted.local_address(), bound[0].local_address());
}

TEST(AdoptListener, ListensWhenTheCallersDescriptorIsClosed) {
  auto bound = bind_sockets("127.0.0.1:0");
  const ListeningSocket adopted = adopt_listener(bound[0].native_handle());
  bound.clear();
  EXPECT_FALSE(connect_refused(adopted.local_address()));
}

TEST(AdoptListener, MakesItNonBlockingAndNotInherited) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::listen(fd, 1), 0);  // binds it to a port of the kernel's choice
  const ListeningSocket adopted = adopt_listener(fd);
  ::close(fd);
  EXPECT_NE(::fcntl(adopted.native_handle(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(adopted.native_handle(), F_GETFD) & FD_CLOEXEC, 0);
}

class Adopted : public SocketTest {};

TEST_P(Adopted, IsServed) {
  const auto bound = bind_sockets("127.0.0.1:0");
  server = std::make_unique<TcpServer>(loop, "", build<EchoBack>());
  std::vector<ListeningSocket> sockets;
  sockets.push_back(adopt_listener(bound[0].native_handle()));
  server->add_sockets(std::move(sockets));
  Client client(bound[0].local_address());
  EXPECT_TRUE(echoes(client, "hello"));
}

INSTANTIATE_TEST_SUITE_P(Reactors, Adopted, both_reactors, name_of_reactor);

// What is not a listener, and what is said of it.
struct NoListener {
  std::string name;
  int (*make)();
  std::errc code;
  std::string text;
};

class NotAdopted : public ::testing::TestWithParam<NoListener> {};

TEST_P(NotAdopted, AndSaysWhichDescriptorAndWhy) {
  const int fd = GetParam().make();
  std::error_code code;
  const std::string what = what_of<std::system_error>([&] {
    try {
      adopt_listener(fd);
    } catch (const std::system_error& error) {
      code = error.code();
      throw;
    }
  });
  ::close(fd);
  EXPECT_EQ(code, GetParam().code);
  EXPECT_THAT(what, StartsWith("descriptor " + std::to_string(fd) + " " + GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    Table, NotAdopted,
    ::testing::Values(
        NoListener{"Closed", [] { return 987; }, std::errc::bad_file_descriptor, "is not open"},
        NoListener{"File", [] { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); },
                   std::errc::not_a_socket, "is not a socket"},
        NoListener{"Datagrams", [] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); },
                   std::errc::wrong_protocol_type, "is not a stream socket"},
        NoListener{"NotListening", [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); },
                   std::errc::invalid_argument, "is a socket that does not listen"}),
    [](const auto& param) { return param.param.name; });

// ---- inherited_sockets ----

// Puts descriptors at 3 and following, as a service manager does, and takes them away again.
class InheritedSocketsTest : public ::testing::Test {
 protected:
  static constexpr int room = 3;

  InheritedSocketsTest() {
    for (int fd = 3; int& saved : saved_) saved = ::fcntl(fd++, F_DUPFD_CLOEXEC, 100);
    for (int fd = 3; fd < 3 + room; ++fd) ::close(fd);
  }
  ~InheritedSocketsTest() override {
    for (int fd = 3; const int saved : saved_) {
      ::close(fd);
      if (saved >= 0) ::dup2(saved, fd);
      ::close(saved);
      ++fd;
    }
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  }

  // Another listener at the next number.
  Address hand_over(const std::string& address = "127.0.0.1:0") {
    ListeningSocket socket = std::move(bind_sockets(address)[0]);
    const Address where = socket.local_address();
    const int fd = socket.release();
    const int target = 3 + handed_over_++;
    if (fd != target) {
      ::dup2(fd, target);
      ::close(fd);
    }
    ::fcntl(target, F_SETFD, 0);
    return where;
  }
  // And what is said about them.
  void announce(const std::string& count, pid_t pid = ::getpid()) {
    set_variable("LISTEN_FDS", count);
    set_variable("LISTEN_PID", std::to_string(pid));
  }

 private:
  std::array<int, room> saved_{};
  int handed_over_ = 0;
};

TEST_F(InheritedSocketsTest, NothingAnnouncedIsNothing) {
  EXPECT_TRUE(inherited_sockets().empty());
}

TEST_F(InheritedSocketsTest, AreTakenInTheirOrder) {
  const Address first = hand_over();
  const Address second = hand_over();
  announce("2");
  const auto sockets = inherited_sockets().take_all();
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_EQ(sockets[0].local_address(), first);
  EXPECT_EQ(sockets[1].local_address(), second);
}

TEST_F(InheritedSocketsTest, AreNonBlockingAndNotInheritedFurther) {
  hand_over();
  announce("1");
  const auto sockets = inherited_sockets().take_all();
  EXPECT_EQ(sockets.at(0).native_handle(), 3);
  EXPECT_NE(::fcntl(3, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(3, F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(InheritedSocketsTest, TheVariablesAreGoneAfterwards) {
  hand_over();
  announce("1");
  set_variable("LISTEN_FDNAMES", "web");
  const InheritedSockets inherited = inherited_sockets();
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
    EXPECT_EQ(std::getenv(name), nullptr) << name;
  EXPECT_TRUE(inherited_sockets().empty());
}

TEST_F(InheritedSocketsTest, AreTakenByName) {
  const Address web = hand_over();
  const Address admin = hand_over();
  const Address web_too = hand_over();
  announce("3");
  set_variable("LISTEN_FDNAMES", "web:admin:web");
  InheritedSockets inherited = inherited_sockets();
  EXPECT_THAT(inherited.names(), ElementsAre("web", "admin", "web"));
  const auto both = inherited.take("web");
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].local_address(), web);
  EXPECT_EQ(both[1].local_address(), web_too);
  EXPECT_THAT(inherited.take("web"), IsEmpty());
  EXPECT_EQ(inherited.take_all().at(0).local_address(), admin);
}

TEST_F(InheritedSocketsTest, WithoutNamesAreUnknown) {
  hand_over();
  announce("1");
  EXPECT_THAT(inherited_sockets().names(), ElementsAre("unknown"));
}

TEST_F(InheritedSocketsTest, NotTakenAreClosed) {
  const Address address = hand_over();
  announce("1");
  inherited_sockets();
  EXPECT_TRUE(connect_refused(address));
}

TEST_F(InheritedSocketsTest, OfAnotherProcessAreLeftAlone) {
  const Address address = hand_over();
  announce("1", ::getpid() + 1);
  EXPECT_TRUE(inherited_sockets().empty());
  EXPECT_FALSE(connect_refused(address));
  EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr);
}

TEST_F(InheritedSocketsTest, OfAProcessWithALargeNumberAreOfAnotherProcess) {
  hand_over();
  announce("1", 4'194'304);  // the largest that Linux gives, on machines with many processes
  EXPECT_TRUE(inherited_sockets().empty());
}

TEST_F(InheritedSocketsTest, ZeroOfThemIsNone) {
  announce("0");
  EXPECT_TRUE(inherited_sockets().empty());
}

TEST_F(InheritedSocketsTest, AUnixSocketsFileStays) {
  const std::string path = ::testing::TempDir() + "twister-inherited-" + std::to_string(::getpid());
  hand_over("unix:" + path);
  announce("1");
  inherited_sockets();
  EXPECT_TRUE(std::filesystem::remove(path));
}

TEST_F(InheritedSocketsTest, RefusesANumberThatIsNone) {
  for (const char* number : {"one", "", "-1", "1x", " 1", "99999999999"}) {
    announce(number);
    EXPECT_THAT(what_of<std::invalid_argument>(inherited_sockets),
                StartsWith(std::string("LISTEN_FDS=\"") + number + "\""));
  }
}

TEST_F(InheritedSocketsTest, RefusesAPidThatIsNone) {
  announce("1");
  set_variable("LISTEN_PID", "self");
  EXPECT_THAT(what_of<std::invalid_argument>(inherited_sockets), StartsWith("LISTEN_PID=\"self\""));
}

TEST_F(InheritedSocketsTest, RefusesMoreThanThereAre) {
  const Address address = hand_over();
  announce("2");
  EXPECT_THAT(what_of<std::system_error>(inherited_sockets),
              StartsWith("descriptor 4 is not open"));
  EXPECT_TRUE(connect_refused(address)) << "a socket that nobody serves listens on";
}

TEST_F(InheritedSocketsTest, ClosesWhatLiesBehindOneThatIsMissing) {
  hand_over();
  hand_over();
  const Address last = hand_over();
  ::close(4);
  announce("3");
  EXPECT_THAT(what_of<std::system_error>(inherited_sockets),
              StartsWith("descriptor 4 is not open"));
  EXPECT_TRUE(connect_refused(last)) << "a socket that nobody serves listens on";
}

TEST_F(InheritedSocketsTest, RefusesWhatDoesNotListen) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(fd, 3);
  announce("1");
  EXPECT_THAT(what_of<std::system_error>(inherited_sockets),
              StartsWith("descriptor 3 is a socket that does not listen"));
}

TEST_F(InheritedSocketsTest, RefusesNamesThatAreTooFew) {
  hand_over();
  hand_over();
  announce("2");
  set_variable("LISTEN_FDNAMES", "web");
  EXPECT_THAT(what_of<std::invalid_argument>(inherited_sockets),
              StartsWith("LISTEN_FDNAMES=\"web\" names 1 sockets"));
}

// ---- notify ----

// A service manager's end: a datagram socket at a path or in the abstract name space.
class Manager : public ::testing::TestWithParam<const char*> {
 protected:
  Manager() {
    name_ = GetParam() + std::to_string(::getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (name_[0] == '@') address.sun_path[0] = '\0';
    const auto size = offsetof(sockaddr_un, sun_path) + name_.size();
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)), 0);
    set_variable("NOTIFY_SOCKET", name_);
  }
  ~Manager() override {
    ::close(fd_);
    ::unlink(name_.c_str());
    ::unsetenv("NOTIFY_SOCKET");
  }
  std::string receive() {
    std::array<char, 256> text;
    const ssize_t size = ::recv(fd_, text.data(), text.size(), MSG_DONTWAIT);
    return size < 0 ? "(nothing)" : std::string(text.data(), static_cast<std::size_t>(size));
  }

 private:
  int fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  std::string name_;
};

TEST_P(Manager, IsToldThatWeAreReady) {
  EXPECT_TRUE(notify_ready());
  EXPECT_EQ(receive(), "READY=1");
}

TEST_P(Manager, IsToldWhateverWeSay) {
  EXPECT_TRUE(notify("STATUS=loading\nWATCHDOG=1"));
  EXPECT_EQ(receive(), "STATUS=loading\nWATCHDOG=1");
}

INSTANTIATE_TEST_SUITE_P(Sockets, Manager, ::testing::Values("/tmp/twister-notify-", "@twister-"),
                         [](const auto& param) {
                           return param.param[0] == '/' ? "Path" : "Abstract";
                         });

TEST(Notify, WithoutAManagerDoesNothing) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_FALSE(notify_ready());
}

TEST(Notify, NamesTheSocketThatCannotBeReached) {
  const std::string too_long = "/" + std::string(200, 'x');
  for (const std::string& socket : {std::string("/nowhere/at/all"), std::string("@nobody-listens"),
                                    std::string("vsock:2:1"), std::string(), too_long}) {
    set_variable("NOTIFY_SOCKET", socket);
    EXPECT_THAT(what_of<std::system_error>(notify_ready),
                StartsWith("cannot notify NOTIFY_SOCKET=\"" + socket + "\": "));
  }
  ::unsetenv("NOTIFY_SOCKET");
}

TEST(NotifySocket, HearsWhatPartOfThisUserSays) {
  NotifySocket socket;
  EXPECT_THAT(socket.variable(), StartsWith("NOTIFY_SOCKET=@"));
  EXPECT_EQ(socket.receive(), std::nullopt);
  set_variable("NOTIFY_SOCKET", socket.variable().substr(14));
  notify("STATUS=half way\nREADY=1\n");
  notify_ready();
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_EQ(socket.receive(), "STATUS=half way");
  EXPECT_EQ(socket.receive(), "READY=1");
  EXPECT_EQ(socket.receive(), "READY=1");
  EXPECT_EQ(socket.receive(), std::nullopt);
}

TEST(NotifySocket, DropsWhatIsTooLong) {
  NotifySocket socket;
  set_variable("NOTIFY_SOCKET", socket.variable().substr(14));
  notify(std::string(4097, 'x'));
  notify(std::string(4096, 'y'));
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_EQ(socket.receive(), std::string(4096, 'y'));
  EXPECT_EQ(socket.receive(), std::nullopt);
}

}  // namespace
}  // namespace twister::testing
