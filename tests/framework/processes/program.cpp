// What the tests of processes start: a program without threads that plays one scenario, and says on
// standard output what happens. fork_processes_test.cpp and spawn_test.cpp say what is expected.
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <twister/fork_processes.hpp>
#include <twister/inherited_sockets.hpp>
#include <twister/io_loop.hpp>
#include <twister/log.hpp>
#include <twister/tcp_server.hpp>

namespace {

using namespace std::chrono_literals;
using twister::fork_processes;
using twister::ForkOptions;

// A line in one write, so that those of several processes do not mix.
void say(const std::string& line) {
  const std::string text = line + "\n";
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
}

std::string id_of(int id) {
  return std::to_string(id);
}

// How often each child was started; parent and children see the same numbers.
struct Starts {
  std::atomic<int> of[16];
};
Starts& starts() {
  static Starts& shared = *new (::mmap(nullptr, sizeof(Starts), PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Starts;
  return shared;
}
// 1 for the first start.
int count_start(int id) {
  return ++starts().of[id];
}

// Until a signal ends the process.
[[noreturn]] void wait_for_ever() {
  for (;;) ::pause();
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigaction(signal, &action, nullptr);
}

// Delays that do not slow a test down.
ForkOptions fast(std::size_t processes) {
  return {.processes = processes, .restart_delay = 1ms, .max_restart_delay = 2ms};
}

// Says that all children run, once each has said so.
ForkOptions announced(std::size_t processes) {
  starts();
  ForkOptions options = fast(processes);
  options.started = [] { say("started"); };
  return options;
}

// ---- starting and ending ----

int ids(int count) {
  return fork_processes(fast(static_cast<std::size_t>(count)), [](int id) {
    say("child " + id_of(id) + " task " + id_of(twister::task_id().value_or(-1)));
    return 0;
  });
}

int one_a_core() {
  return fork_processes({}, [](int id) {
    say("child " + id_of(id));
    return 0;
  });
}

int task_of_the_parent() {
  say(twister::task_id() ? "some" : "none");
  const int result = ids(1);
  say(twister::task_id() ? "some" : "none");
  return result;
}

int buffered_output() {
  std::ios::sync_with_stdio(false);
  std::printf("once ");
  std::cout << "twice ";
  return fork_processes(fast(2), [](int) { return 0; });
}

int state_is_restored() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  handle(SIGCHLD, SIG_IGN);
  const auto describe = [] {
    sigset_t now;
    ::sigprocmask(SIG_BLOCK, nullptr, &now);
    struct sigaction child {};
    ::sigaction(SIGCHLD, nullptr, &child);
    std::string text;
    for (int signal = 1; signal < 32; ++signal)
      if (::sigismember(&now, signal) == 1) text += std::to_string(signal) + " ";
    return text + (child.sa_handler == SIG_IGN ? "ignored" : "changed");
  };
  const std::string before = describe();
  const int result = fork_processes(fast(1), [&](int) {
    say(describe() == before ? "same in the child" : describe());
    return 0;
  });
  say(describe() == before ? "same in the parent" : describe());
  return result;
}

int exception(int) {
  return fork_processes({.processes = 1, .max_restarts = 0},
                        [](int) -> int { throw std::runtime_error("no data base"); });
}

int unknown_children(int) {
  for (int status = 0; status < 3; ++status)
    if (::fork() == 0) ::_exit(status);
  return ids(2);
}

// ---- what is refused ----

int loop_exists(int) {
  const twister::IOLoop loop;
  return ids(1);
}

int loop_is_gone(int) {
  { const twister::IOLoop loop; }
  return ids(1);
}

int second_thread(int) {
  std::jthread thread([](const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
  });
  return ids(1);
}

int nested(int) {
  return fork_processes({.processes = 1, .max_restarts = 0}, [](int) { return ids(1); });
}

int too_many(int) {
  return ids(1025);
}

// ---- restarts ----

int fails_once(int) {
  starts();
  return fork_processes(fast(3), [](int id) {
    const int start = count_start(id);
    say("child " + id_of(id) + " start " + id_of(start));
    return id == 1 && start == 1 ? 3 : 0;
  });
}

int dies_once(int signal) {
  starts();
  return fork_processes(fast(1), [signal](int id) {
    const int start = count_start(id);
    say("child " + id_of(id) + " start " + id_of(start));
    if (start == 1) {
      ::kill(::getpid(), signal);
      wait_for_ever();
    }
    return 0;
  });
}

int crash_loop(int max_restarts) {
  starts();
  ForkOptions options = fast(2);
  options.max_restarts = static_cast<std::size_t>(max_restarts);
  return fork_processes(options, [](int id) {
    if (id == 1) wait_for_ever();
    say("child 0 start " + id_of(count_start(0)));
    return 1;
  });
}

// Says every delay: a log line an event and second is the rule, but a new sink has seen none yet.
void say_delay(const twister::LogRecord& record) {
  for (const auto& [key, value] : record.fields)
    if (key == "delay_ms") say("delay " + value);
  twister::set_log_sink(say_delay);
}

// Five failures of one child.
int back_off(int healthy_after_ms) {
  starts();
  twister::set_log_sink(say_delay);
  const ForkOptions options{.processes = 1,
                            .restart_delay = 1ms,
                            .max_restart_delay = 5ms,
                            .healthy_after = std::chrono::milliseconds(healthy_after_ms)};
  return fork_processes(options, [](int id) { return count_start(id) <= 5 ? 1 : 0; });
}

// ---- signals ----

int waits(int count) {
  return fork_processes(announced(static_cast<std::size_t>(count)), [](int id) {
    say("child " + id_of(id) + " pid " + std::to_string(::getpid()));
    wait_for_ever();
    return 0;
  });
}

// Repeats what it is told, and stays when the server drains.
class Patient : public twister::Protocol {
  void on_data(twister::ByteView data) override { write(data); }
  void on_drain() override { say("child " + id_of(*twister::task_id()) + " drains"); }
};

int serves(int count) {
  return fork_processes(
      announced(static_cast<std::size_t>(count)), twister::bind_sockets("127.0.0.1:0"),
      [](int id, std::vector<twister::ListeningSocket> sockets) {
        twister::IOLoop loop;
        twister::TcpServer server(loop, "", twister::build<Patient>(), {.drain_timeout = 1h});
        server.add_sockets(std::move(sockets));
        loop.add_callback([&] {
          say("child " + id_of(id) + " pid " + std::to_string(::getpid()) + " at " +
              server.local_addresses().at(0).to_string());
        });
        loop.run_until_signal();
        return 0;
      });
}

int ignores_term(int stop_timeout_ms) {
  ForkOptions options = announced(1);
  options.stop_timeout = std::chrono::milliseconds(stop_timeout_ms);
  return fork_processes(options, [](int) {
    handle(SIGTERM, SIG_IGN);
    say("child 0 pid " + std::to_string(::getpid()));
    wait_for_ever();
    return 0;
  });
}

int fails_when_stopped(int) {
  return fork_processes(announced(1), [](int) {
    handle(SIGTERM, [](int) { ::_exit(5); });
    say("child 0 pid " + std::to_string(::getpid()));
    wait_for_ever();
    return 0;
  });
}

int reloads(int) {
  return fork_processes(announced(2), [](int id) {
    handle(SIGHUP, [](int) { [[maybe_unused]] const auto written = ::write(1, "reload\n", 7); });
    say("child " + id_of(id) + " pid " + std::to_string(::getpid()));
    wait_for_ever();
    return 0;
  });
}

int without_hang_up(int) {
  handle(SIGHUP, SIG_IGN);
  return waits(1);
}

// ---- listeners ----

int lists_inherited(int) {
  twister::InheritedSockets inherited = twister::inherited_sockets();
  const std::vector<std::string> names = inherited.names();
  const auto sockets = inherited.take_all();
  for (std::size_t i = 0; i < sockets.size(); ++i)
    say(names[i] + " " + sockets[i].local_address().to_string());
  say(std::getenv("LISTEN_FDS") == nullptr ? "unset" : "still set");
  twister::notify("STATUS=listing\nREADY=1");
  return 0;
}

int answers_one(int) {
  auto sockets = twister::inherited_sockets().take_all();
  const int fd = ::accept(sockets.at(0).native_handle(), nullptr, nullptr);
  [[maybe_unused]] const auto sent = ::send(fd, "hello", 5, MSG_NOSIGNAL);
  ::close(fd);
  return 0;
}

int shows_environment(int) {
  for (char** line = ::environ; *line != nullptr; ++line) {
    const std::string_view text = *line;
    if (text.starts_with("LISTEN_") || text.starts_with("TWISTER_TEST")) say(std::string(text));
  }
  say("pid " + std::to_string(::getpid()));
  return 0;
}

int shows_signals(int) {
  struct sigaction action {};
  ::sigaction(SIGTERM, nullptr, &action);
  sigset_t mask;
  ::sigprocmask(SIG_BLOCK, nullptr, &mask);
  say(action.sa_handler == SIG_DFL ? "default" : "handled");
  say(::sigismember(&mask, SIGTERM) == 0 ? "not blocked" : "blocked");
  return 0;
}

const std::map<std::string_view, std::function<int(int)>> scenarios{
    {"ids", ids},
    {"one_a_core", [](int) { return one_a_core(); }},
    {"task_of_the_parent", [](int) { return task_of_the_parent(); }},
    {"buffered_output", [](int) { return buffered_output(); }},
    {"state_is_restored", [](int) { return state_is_restored(); }},
    {"exception", exception},
    {"unknown_children", unknown_children},
    {"loop_exists", loop_exists},
    {"loop_is_gone", loop_is_gone},
    {"second_thread", second_thread},
    {"nested", nested},
    {"too_many", too_many},
    {"fails_once", fails_once},
    {"dies_once", dies_once},
    {"crash_loop", crash_loop},
    {"back_off", back_off},
    {"waits", waits},
    {"serves", serves},
    {"ignores_term", ignores_term},
    {"fails_when_stopped", fails_when_stopped},
    {"reloads", reloads},
    {"without_hang_up", without_hang_up},
    {"lists_inherited", lists_inherited},
    {"answers_one", answers_one},
    {"shows_environment", shows_environment},
    {"shows_signals", shows_signals},
};

}  // namespace

int main(int argc, char** argv) {
  const auto scenario = scenarios.find(argc > 1 ? argv[1] : "");
  if (scenario == scenarios.end()) {
    std::fprintf(stderr, "usage: %s SCENARIO [NUMBER]\n", argv[0]);
    return 2;
  }
  try {
    return scenario->second(argc > 2 ? std::atoi(argv[2]) : 0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
