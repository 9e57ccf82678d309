// twister/fork_processes.hpp - many processes on one port, watched and restarted by their parent.
//
//   int main() {
//     return twister::fork_processes(
//         {.processes = 4}, twister::bind_sockets(":8888"),
//         [](int, std::vector<twister::ListeningSocket> sockets) {
//           twister::IOLoop loop;  // each process makes its own, after the fork
//           twister::TcpServer server(loop, ":8888", twister::build<Echo>());
//           server.add_sockets(std::move(sockets));
//           loop.run_until_signal();
//           return 0;
//         });
//   }
//
// Not for connections that share state: threads do that (twister/loop_pool.hpp). Processes are for
// programs of which a crash shall cost only a part.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include <twister/bind_sockets.hpp>
#include <twister/stream_options.hpp>

namespace twister {

// One process for each CPU that this one may run on.
inline constexpr std::size_t cores = 0;

struct ForkOptions {
  // How many children; at most 1024.
  std::size_t processes = cores;
  // Restarts of all children together, as long as the parent lives; `unlimited` to go on for ever.
  std::size_t max_restarts = 100;
  // Before the first restart of a child; doubled for each one that follows.
  std::chrono::milliseconds restart_delay = std::chrono::milliseconds(100);
  std::chrono::milliseconds max_restart_delay = std::chrono::seconds(5);
  // A child that lived for so long was not part of a crash loop: the delays begin anew.
  std::chrono::milliseconds healthy_after = std::chrono::seconds(10);
  // Children that still run so long after they were told to end are killed. Longer than a server's
  // drain_timeout (10 s), so that it can do its work.
  std::chrono::milliseconds stop_timeout = std::chrono::seconds(30);
  // Called in the parent, once, when all children have been started and signals are heeded: the time
  // to tell others that the servers are there. SIGTERM, SIGINT, SIGHUP and SIGCHLD are blocked
  // meanwhile, and would be in programs started from here by other means than spawn_with_listeners().
  std::function<void()> started{};
};

// Forks; each child calls `run` with its id, 0 to processes - 1, and exits with what it returns, as
// if main() had returned it. The parent returns when no child is left and none is to be restarted:
// with 0 when they ended by status 0 or because it was told to stop, with 1 when there were too many
// restarts, or a child had to be killed or failed while it was being stopped. Return that from main().
//
// Restarts: status 0 is the end of a child. Any other status, and death by a signal, starts it again
//   under its id, after a delay. One restart more than max_restarts stops all.
// Signals: the parent passes SIGTERM and SIGINT on, restarts nobody from then on and waits; a second
//   one kills the children at once. SIGHUP is passed on too, unless it is ignored (nohup): children
//   that handle it, to read their configuration again, live on; if one dies of it, the parent stops.
//   In a child, run_until_signal() drains at the first signal and ignores a second one: it is the
//   parent that ends a drain early. So it does not matter that a terminal or a service manager
//   signals every process by itself.
// Parent: when it dies, by whatever signal, the kernel kills the children (not those that have
//   changed their user or group meanwhile: do that before forking), so that none keeps the port.
// Threads: one. Throws std::logic_error when there is a second one or an IOLoop, because a fork would
//   tear them apart, and in a child; std::invalid_argument for too many processes.
// Errors: std::system_error when not all children can be started; those that were are killed. An
//   exception from `run` is printed on standard error, the child's status is 1.
int fork_processes(const ForkOptions& options, const std::function<int(int id)>& run);

// The same with listeners that the children share, whoever accepts first: each is given its own
// descriptors. The parent's stay open for children to come and close when it is told to stop.
int fork_processes(const ForkOptions& options, std::vector<ListeningSocket> sockets,
                   const std::function<int(int id, std::vector<ListeningSocket> sockets)>& run);

// The id of this child; empty in the parent and in a process that was not forked by fork_processes.
std::optional<int> task_id() noexcept;

}  // namespace twister
