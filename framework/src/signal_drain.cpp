#include "signal_drain.hpp"

#include <csignal>
#include <new>
#include <string>

#include <twister/fork_processes.hpp>
#include <twister/log.hpp>

#include "loop_core.hpp"

namespace twister::detail {
namespace {

// False without the memory to end well in: the signal is heeded, whatever it takes.
bool drains(IOLoop& loop, const IOLoop::Callback& stop) {
  try {
    loop.drain(stop);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace

SignalDrain::SignalDrain(IOLoop& host, std::span<IOLoop* const> loops)
    : loops_(loops.begin(), loops.end()),
      interrupt_(host, SIGINT, [this] { on_signal(SIGINT); }),
      terminate_(host, SIGTERM, [this] { on_signal(SIGTERM); }) {}

void SignalDrain::on_signal(int signal) {
  const bool first = !draining_;
  // A child of fork_processes is often told twice, by its parent and by the terminal or service
  // manager that signals every process. Whoever means a second signal tells the parent, who kills.
  if (!first && task_id()) return;
  draining_ = true;
  log(LogLevel::info, first ? "draining" : "aborting", {{"signal", std::to_string(signal)}});
  for (IOLoop* loop : loops_) {
    loop->add_callback([loop, first, wanted = std::weak_ptr(alive_)] {
      if (wanted.expired()) return;
      const auto stop = [loop, wanted] {
        if (!wanted.expired()) loop->stop();
      };
      if (first && drains(*loop, stop)) return;
      loop->core().abort_servers();
      loop->add_callback(stop);  // behind the aborts, so that every on_close is still called
    });
  }
}

}  // namespace twister::detail
