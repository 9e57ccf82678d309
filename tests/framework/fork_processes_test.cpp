// fork_processes(), seen from outside: processes/program.cpp plays the scenarios, because this program
// may have threads.
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/fork_processes.hpp>

#include "support/client.hpp"
#include "support/program.hpp"

namespace twister::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(ForkProcesses, RunsEveryIdOnce) {
  Program program("ids", 3);
  EXPECT_THAT(program.rest(), ElementsAre("child 0 task 0", "child 1 task 1", "child 2 task 2"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.errors(), "");
}

TEST(ForkProcesses, ForksForOneProcessToo) {
  Program program("ids", 1);
  EXPECT_THAT(program.rest(), ElementsAre("child 0 task 0"));
  EXPECT_EQ(program.wait(), 0);
}

TEST(ForkProcesses, TheParentHasNoTaskId) {
  EXPECT_EQ(task_id(), std::nullopt);
  Program program("task_of_the_parent");
  EXPECT_THAT(program.lines(3), ElementsAre("child 0 task 0", "none", "none"));
  EXPECT_EQ(program.wait(), 0);
}

TEST(ForkProcesses, OneACoreUnlessTold) {
  Program program("one_a_core");
  EXPECT_THAT(program.rest(), SizeIs(std::thread::hardware_concurrency()));
}

TEST(ForkProcesses, CountsOnlyTheCoresThatItMayUse) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  Program program("one_a_core");
  ::sched_setaffinity(0, sizeof all, &all);
  EXPECT_THAT(program.rest(), ElementsAre("child 0"));
}

TEST(ForkProcesses, WritesOutputOfBeforeOnce) {
  Program program("buffered_output");
  EXPECT_THAT(program.rest(), ElementsAre("once twice "));
}

TEST(ForkProcesses, LeavesSignalsAsTheyWere) {
  Program program("state_is_restored");
  EXPECT_THAT(program.rest(), ElementsAre("same in the child", "same in the parent"));
}

TEST(ForkProcesses, PrintsAnExceptionAndEndsThatChildWithOne) {
  Program program("exception");
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.errors(), HasSubstr("process 0: no data base\n"));
  EXPECT_THAT(program.errors(), HasSubstr("what=\"status 1\""));
}

TEST(ForkProcesses, IgnoresChildrenThatItDoesNotKnow) {
  Program program("unknown_children");
  EXPECT_THAT(program.rest(), ElementsAre("child 0 task 0", "child 1 task 1"));
  EXPECT_EQ(program.wait(), 0);
}

// ---- too late ----

struct Refusal {
  std::string scenario;
  std::string text;
};

class ForkProcessesRefuses : public ::testing::TestWithParam<Refusal> {};

TEST_P(ForkProcessesRefuses, AndSaysWhy) {
  Program program(GetParam().scenario);
  EXPECT_THAT(program.rest(), IsEmpty());
  EXPECT_NE(program.wait(), 0);
  EXPECT_THAT(program.errors(), AllOf(HasSubstr("fork_processes: "), HasSubstr(GetParam().text)));
}

INSTANTIATE_TEST_SUITE_P(
    TooLate, ForkProcessesRefuses,
    ::testing::Values(Refusal{"loop_exists", "there is an IOLoop already"},
                      Refusal{"second_thread", " threads run: "},
                      Refusal{"nested", "process 0 is a child of fork_processes itself"},
                      Refusal{"too_many", "1025 processes are more than 1024"}),
    [](const auto& refusal) { return refusal.param.scenario; });

TEST(ForkProcesses, ALoopThatIsGoneIsNoHindrance) {
  Program program("loop_is_gone");
  EXPECT_THAT(program.rest(), ElementsAre("child 0 task 0"));
}

// ---- restarts ----

TEST(ForkProcesses, RestartsWhatFailedUnderItsId) {
  Program program("fails_once");
  EXPECT_THAT(program.rest(), ElementsAre("child 0 start 1", "child 1 start 1", "child 1 start 2",
                                          "child 2 start 1"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.errors(), HasSubstr("event=process_restarts process=1 what=\"status 3\""));
}

TEST(ForkProcesses, RestartsWhatASignalEnded) {
  for (const int signal : {SIGKILL, SIGABRT, SIGTERM, SIGHUP}) {
    Program program("dies_once", signal);
    EXPECT_THAT(program.rest(), ElementsAre("child 0 start 1", "child 0 start 2"));
    EXPECT_EQ(program.wait(), 0);
    EXPECT_THAT(program.errors(), HasSubstr("what=\"signal " + std::to_string(signal) + " ("));
  }
}

TEST(ForkProcesses, GivesUpAfterTooManyRestartsAndEndsTheOthers) {
  Program program("crash_loop", 3);
  EXPECT_THAT(program.rest(), ElementsAre("child 0 start 1", "child 0 start 2", "child 0 start 3",
                                          "child 0 start 4"));
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.errors(), HasSubstr("event=too_many_restarts process=0 what=\"status 1\" "
                                          "restarts=3"));
}

TEST(ForkProcesses, MayBeToldNotToRestart) {
  Program program("crash_loop", 0);
  EXPECT_THAT(program.rest(), ElementsAre("child 0 start 1"));
  EXPECT_EQ(program.wait(), 1);
}

TEST(ForkProcesses, WaitsTwiceAsLongBeforeEachRestart) {
  constexpr int never = 1'000'000;
  Program program("back_off", never);
  std::vector<std::string> delays(5);
  for (std::string& delay : delays) delay = program.line();
  EXPECT_THAT(delays, ElementsAre("delay 1", "delay 2", "delay 4", "delay 5", "delay 5"));
  EXPECT_EQ(program.wait(), 0);
}

TEST(ForkProcesses, AChildThatLivedAWhileRestartsSoon) {
  constexpr int always = 0;
  Program program("back_off", always);
  EXPECT_THAT(program.rest(), ElementsAre("delay 1", "delay 1", "delay 1", "delay 1", "delay 1"));
}

// ---- signals ----

// The process of that child, from a line such as "child 0 pid 4711 at 127.0.0.1:8888".
pid_t pid_in(const std::string& line) {
  return std::stoi(line.substr(line.find("pid ") + 4));
}
Address address_in(const std::string& line) {
  return Address::parse(line.substr(line.find("at ") + 3));
}

TEST(ForkProcesses, PassesTermAndInterruptOn) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Program program("waits", 3);
    program.lines(4);
    program.signal(signal);
    EXPECT_THAT(program.rest(), IsEmpty());
    EXPECT_EQ(program.wait(), 0);
    EXPECT_THAT(program.errors(),
                HasSubstr("event=stopping signal=" + std::to_string(signal) + "\n"));
  }
}

TEST(ForkProcesses, CallsStartedWhenSignalsAreHeeded) {
  for (int i = 0; i < 20; ++i) {
    Program program("waits", 2);
    while (program.line() != "started") {
    }
    program.signal(SIGTERM);
    EXPECT_EQ(program.wait(), 0);
  }
}

TEST(ForkProcesses, ASecondSignalKillsAtOnce) {
  constexpr int an_hour = 3'600'000;
  Program program("ignores_term", an_hour);
  program.lines(2);
  program.signal(SIGTERM);
  program.wait_for_error("event=stopping");
  program.signal(SIGTERM);
  EXPECT_THAT(program.rest(), IsEmpty());
  EXPECT_EQ(program.wait(), 0);
}

TEST(ForkProcesses, KillsWhatIsLeftAtTheStopTimeout) {
  Program program("ignores_term", 20);
  program.lines(2);
  program.signal(SIGTERM);
  EXPECT_THAT(program.rest(), IsEmpty());
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.errors(), HasSubstr("event=stop_timeout stop_timeout_ms=20"));
}

TEST(ForkProcesses, TellsThatAChildFailedWhileItWasStopped) {
  Program program("fails_when_stopped");
  program.lines(2);
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.errors(), HasSubstr("event=process_failed process=0 what=\"status 5\""));
}

TEST(ForkProcesses, PassesHangUpOnToChildrenThatReload) {
  Program program("reloads");
  program.lines(3);
  program.signal(SIGHUP);
  EXPECT_THAT(program.lines(2), ElementsAre("reload", "reload"));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
}

TEST(ForkProcesses, StopsWhenAChildDiesOfTheHangUp) {
  Program program("waits", 2);
  program.lines(3);
  program.signal(SIGHUP);
  EXPECT_THAT(program.rest(), IsEmpty());
  EXPECT_EQ(program.wait(), 0);
}

TEST(ForkProcesses, AHangUpThatIsIgnoredStaysIgnored) {
  Program program("without_hang_up");
  program.lines(2);
  program.signal_group(SIGHUP);
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.errors(), Not(HasSubstr("signal=1\n")));
}

// ---- servers ----

// Waits for this, ten seconds at most.
bool hears(Client& client, const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (client.receive().received() != text && !client.over() &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  return client.received() == text;
}

bool soon_refuses(const Address& address) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!connect_refused(address)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
  }
  return true;
}

TEST(ForkProcesses, AChildThatIsKilledComesBackWhileTheOthersServe) {
  Program program("serves", 2);
  const std::string first = program.lines(3).at(0);
  ::kill(pid_in(first), SIGKILL);
  const std::string again = program.line();
  EXPECT_THAT(again, HasSubstr("child 0 pid "));
  EXPECT_NE(pid_in(again), pid_in(first));
  EXPECT_EQ(address_in(again), address_in(first));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
}

TEST(ForkProcesses, ASecondSignalDoesNotCutAChildsDrainOff) {
  Program program("serves", 1);
  const std::string child = program.lines(2).at(0);
  Client client(address_in(child));
  client.send("a");
  ASSERT_TRUE(hears(client, "a"));
  program.signal(SIGTERM);
  EXPECT_EQ(program.line(), "child 0 drains");
  ::kill(pid_in(child), SIGTERM);
  client.send("b");
  EXPECT_TRUE(hears(client, "ab"));  // the child has seen the signal by now
  client.send("c");
  EXPECT_TRUE(hears(client, "abc"));
  client.close();
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.errors(), Not(HasSubstr("aborting")));
}

TEST(ForkProcesses, RefusesConnectionsAsSoonAsItDrains) {
  Program program("serves", 2);
  const Address address = address_in(program.lines(3).at(0));
  Client client(address);
  client.send("a");
  ASSERT_TRUE(hears(client, "a"));
  program.signal(SIGTERM);
  EXPECT_THAT(program.line(), HasSubstr(" drains"));
  EXPECT_TRUE(soon_refuses(address));
  client.send("b");
  EXPECT_TRUE(hears(client, "ab")) << "refused only because it is gone";
  client.close();
  EXPECT_EQ(program.wait(), 0);
}

TEST(ForkProcesses, NoChildOutlivesTheParent) {
  Program program("serves", 3);
  const Address address = address_in(program.lines(4).at(0));
  program.signal(SIGKILL);
  EXPECT_THAT(program.rest(), IsEmpty());  // the end: nobody holds the output any more
  EXPECT_TRUE(connect_refused(address));
}

}  // namespace
}  // namespace twister::testing
