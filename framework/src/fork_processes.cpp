#include "twister/fork_processes.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <dirent.h>

#include "loop_core.hpp"
#include "supervisor.hpp"

namespace twister {
namespace {

// A typing error ends here, and not with a machine that is out of processes.
constexpr std::size_t max_processes = 1024;

// Set once, in a child, before anything else runs there.
std::optional<int> id_of_this_process;

// 1 where /proc is not there to tell.
std::size_t count_threads() {
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir("/proc/self/task"), ::closedir);
  if (tasks == nullptr) return 1;
  std::size_t threads = 0;
  while (const dirent* entry = ::readdir(tasks.get())) {
    if (entry->d_name[0] != '.') ++threads;
  }
  return threads;
}

// The CPUs that this process may run on, which are fewer than the machine's under taskset, cpusets
// and many containers.
std::size_t count_cores() {
  // The kernel refuses a set that is too small for all of the machine's CPUs.
  for (std::size_t room = 1024; room <= 1024 * 1024; room *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(
        CPU_ALLOC(room), [](cpu_set_t* allocated) { CPU_FREE(allocated); });
    if (set == nullptr) break;
    const std::size_t size = CPU_ALLOC_SIZE(room);
    if (::sched_getaffinity(0, size, set.get()) == 0)
      return static_cast<std::size_t>(CPU_COUNT_S(size, set.get()));
    if (errno != EINVAL) break;
  }
  return std::max(1U, std::thread::hardware_concurrency());
}

void check_that_forking_is_possible() {
  if (id_of_this_process) {
    throw std::logic_error("fork_processes: process " + std::to_string(*id_of_this_process) +
                           " is a child of fork_processes itself");
  }
  if (detail::LoopCore::alive() > 0) {
    throw std::logic_error(
        "fork_processes: there is an IOLoop already: parent and children would share its "
        "descriptors; make the loops in the children");
  }
  if (const std::size_t threads = count_threads(); threads > 1) {
    throw std::logic_error("fork_processes: " + std::to_string(threads) +
                           " threads run: the children would have one of them, and the locks of "
                           "all; start threads in the children");
  }
}

int supervise(const ForkOptions& options, const detail::Supervisor::Run& run,
              std::function<void()> release) {
  check_that_forking_is_possible();
  const std::size_t processes = detail::count_processes(options.processes);
  const detail::Supervisor::Run run_child = [&run](int id) {
    id_of_this_process = id;
    return run(id);
  };
  return detail::Supervisor(options, processes, run_child, std::move(release)).supervise();
}

}  // namespace

std::size_t detail::count_processes(std::size_t processes) {
  if (processes == cores) processes = count_cores();
  if (processes <= max_processes) return processes;
  throw std::invalid_argument("fork_processes: " + std::to_string(processes) +
                              " processes are more than " + std::to_string(max_processes));
}

int fork_processes(const ForkOptions& options, const std::function<int(int id)>& run) {
  return supervise(options, run, [] {});
}

int fork_processes(const ForkOptions& options, std::vector<ListeningSocket> sockets,
                   const std::function<int(int id, std::vector<ListeningSocket> sockets)>& run) {
  // In a child, `sockets` is the child's own copy.
  return supervise(
      options, [&](int id) { return run(id, std::move(sockets)); }, [&] { sockets.clear(); });
}

std::optional<int> task_id() noexcept {
  return id_of_this_process;
}

}  // namespace twister
