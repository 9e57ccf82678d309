// spawn_with_listeners(): what the new program finds. It is processes/program.cpp.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/inherited_sockets.hpp>
#include <twister/spawn_with_listeners.hpp>

#include "support/client.hpp"
#include "support/program.hpp"

namespace twister::testing {
namespace {

using ::testing::HasSubstr;

// Standard output of a program, which is that of this one for the moment.
class SpawnWithListeners : public ::testing::Test {
 protected:
  std::string run(const std::string& scenario, std::span<const ListeningSocket> listeners,
                  const SpawnOptions& options = {}) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const int output = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    ::dup2(pipe[1], STDOUT_FILENO);
    ::close(pipe[1]);
    pid = spawn_with_listeners({Program::path(), scenario}, listeners, options);
    ::dup2(output, STDOUT_FILENO);
    ::close(output);
    std::string text;
    std::array<char, 1024> some;
    for (ssize_t size = 0; (size = ::read(pipe[0], some.data(), some.size())) > 0;)
      text.append(some.data(), static_cast<std::size_t>(size));
    ::close(pipe[0]);
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return text;
  }

  pid_t pid = 0;
  int status = -1;
};

TEST_F(SpawnWithListeners, TheProgramFindsThemByName) {
  auto listeners = bind_sockets("127.0.0.1:0");
  listeners.push_back(std::move(bind_sockets("127.0.0.1:0")[0]));
  EXPECT_EQ(run("lists_inherited", listeners, {.names = {"web", "admin"}}),
            "web " + listeners[0].local_address().to_string() + "\nadmin " +
                listeners[1].local_address().to_string() + "\nunset\n");
  EXPECT_EQ(status, 0);
}

TEST_F(SpawnWithListeners, DescriptorsThatLieInTheWayAreNotMixedUp) {
  auto listeners = bind_sockets("127.0.0.1:0");
  for (int i = 0; i < 5; ++i) listeners.push_back(std::move(bind_sockets("127.0.0.1:0")[0]));
  std::reverse(listeners.begin(), listeners.end());  // the highest descriptor becomes 3
  std::string expected;
  for (const auto& listener : listeners)
    expected += "unknown " + listener.local_address().to_string() + "\n";
  EXPECT_EQ(run("lists_inherited", listeners), expected + "unset\n");
}

TEST_F(SpawnWithListeners, NumbersThatAreFreeHereAreNotMixedUpEither) {
  std::vector<ListeningSocket> listeners;
  for (int number : {103, 101, 102}) {
    const auto low = bind_sockets("127.0.0.1:0");
    listeners.emplace_back(::fcntl(low[0].native_handle(), F_DUPFD_CLOEXEC, number));
  }
  std::string expected;
  for (const auto& listener : listeners)
    expected += "unknown " + listener.local_address().to_string() + "\n";
  EXPECT_EQ(run("lists_inherited", listeners), expected + "unset\n");
}

TEST_F(SpawnWithListeners, WhatWaitedBeforeIsServedByTheProgram) {
  const auto listeners = bind_sockets("127.0.0.1:0");
  Client client(listeners[0].local_address());
  run("answers_one", listeners);
  EXPECT_EQ(client.receive().received(), "hello");
}

TEST_F(SpawnWithListeners, AddsToTheEnvironmentAndReplacesWhatWasInherited) {
  ::setenv("LISTEN_PID", "1", 1);
  ::setenv("LISTEN_FDNAMES", "old", 1);
  ::setenv("TWISTER_TEST_A", "before", 1);
  ::setenv("TWISTER_TEST_B", "kept", 1);
  const std::string said =
      run("shows_environment", {}, {.environment = {"TWISTER_TEST_A=after", "TWISTER_TEST_C=new"}});
  for (const char* name : {"LISTEN_PID", "LISTEN_FDNAMES", "TWISTER_TEST_A", "TWISTER_TEST_B"})
    ::unsetenv(name);
  EXPECT_EQ(said, "LISTEN_PID=" + std::to_string(pid) +
                      "\nLISTEN_FDS=0\nTWISTER_TEST_A=after\nTWISTER_TEST_C=new\n"
                      "TWISTER_TEST_B=kept\npid " +
                      std::to_string(pid) + "\n");
}

TEST_F(SpawnWithListeners, HandlersOfThisProgramAreNotTheirs) {
  struct sigaction handled {};
  struct sigaction before {};
  handled.sa_handler = [](int) {};
  ::sigaction(SIGTERM, &handled, &before);
  EXPECT_EQ(run("shows_signals", {}), "default\nnot blocked\n");
  ::sigaction(SIGTERM, &before, nullptr);
}

TEST_F(SpawnWithListeners, SignalsThatAreBlockedHereAreNotBlockedThere) {
  sigset_t blocked;
  sigset_t before;
  ::sigfillset(&blocked);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const std::string said = run("shows_signals", {});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(said, "default\nnot blocked\n");
}

TEST_F(SpawnWithListeners, TheProgramSaysWhenItIsReady) {
  NotifySocket ready;
  run("lists_inherited", {}, {.environment = {ready.variable()}});
  EXPECT_EQ(ready.receive(), "STATUS=listing");
  EXPECT_EQ(ready.receive(), "READY=1");
}

TEST_F(SpawnWithListeners, AUnixSocketsFileIsTheProgramsFromThenOn) {
  const std::string path = ::testing::TempDir() + "twister-spawn-" + std::to_string(::getpid());
  {
    const auto listeners = bind_sockets("unix:" + path);
    run("lists_inherited", listeners);
  }
  EXPECT_TRUE(std::filesystem::remove(path));
}

TEST_F(SpawnWithListeners, LeavesNoDescriptorBehind) {
  const auto listeners = bind_sockets("127.0.0.1:0");
  const std::size_t before = open_descriptors();
  run("lists_inherited", listeners);
  EXPECT_THROW(spawn_with_listeners({"/no/such/program"}, listeners), std::system_error);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(SpawnWithListeners, NamesTheProgramThatCannotBeStarted) {
  try {
    spawn_with_listeners({"/no/such/program", "--port"}, {});
    FAIL() << "it was started";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_THAT(error.what(), HasSubstr("cannot start /no/such/program: "));
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was left";
}

TEST_F(SpawnWithListeners, RefusesWhatTheProtocolCannotSay) {
  const auto one = bind_sockets("127.0.0.1:0");
  EXPECT_THROW(spawn_with_listeners({}, one), std::invalid_argument);
  EXPECT_THROW(spawn_with_listeners({"true"}, one, {.names = {"a", "b"}}), std::invalid_argument);
  EXPECT_THROW(spawn_with_listeners({"true"}, one, {.names = {"a:b"}}), std::invalid_argument);
  EXPECT_THROW(spawn_with_listeners({"true"}, one, {.names = {"a\nb"}}), std::invalid_argument);
  EXPECT_THROW(spawn_with_listeners({"true"}, one, {.environment = {"no value"}}),
               std::invalid_argument);
}

}  // namespace
}  // namespace twister::testing
