#include "twister/serve.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <twister/admin_server.hpp>
#include <twister/fork_processes.hpp>
#include <twister/loop_pool.hpp>
#include <twister/watchdog.hpp>

#include "serve_plan.hpp"
#include "supervisor.hpp"
#include "without_sigpipe.hpp"

namespace twister {
namespace {

using Sockets = std::vector<ListeningSocket>;

// A set of sockets for each thread, one set behind the other, all on the same addresses.
Sockets bind_for_threads(const ServeOptions& options) {
  BindOptions bind = options.server.bind;
  bind.reuse_port =
      bind.reuse_port || (options.threads > 1 && options.dealing == Dealing::listener_a_loop);
  Sockets sockets = bind_sockets(detail::address_of(options), bind);
  if (options.dealing == Dealing::least_connections) return sockets;
  std::vector<Address> addresses;
  for (const ListeningSocket& socket : sockets) addresses.push_back(socket.local_address());
  for (unsigned thread = 1; thread < options.threads; ++thread) {
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (addresses[i].is_unix()) {  // a path is bound once: whoever accepts first
        sockets.push_back(sockets[i].duplicate());
        continue;
      }
      for (ListeningSocket& socket : bind_sockets(addresses[i].to_string(), bind))
        sockets.push_back(std::move(socket));
    }
  }
  return sockets;
}

// The listeners of each process's AdminServer, bound before there are processes: an address that
// cannot be had is an error at the start, and a process that is restarted finds its own again.
std::vector<Sockets> bind_admin(const ServeOptions& options, std::size_t processes) {
  std::vector<Sockets> admin(processes);
  if (options.admin.empty()) return admin;
  for (std::size_t id = 0; id < processes; ++id) {
    try {
      admin[id] = bind_sockets(detail::admin_address_of(options.admin, id, processes));
    } catch (const std::system_error& error) {
      throw std::system_error(error.code(), "admin: cannot listen on " + options.admin);
    } catch (const std::exception& error) {
      throw std::invalid_argument(std::string("admin: ") + error.what());
    }
  }
  return admin;
}

// What looks at the loops from outside: their AdminServer and their Watchdog, on threads of their
// own, because a loop that hangs cannot say so itself. Destroyed before the loops.
class Lookout {
 public:
  Lookout(const ServeOptions& options, const MetricsRegistry& metrics,
          const std::vector<IOLoop*>& loops, Sockets admin_sockets) {
    if (options.stall_limit) {
      watchdog_.emplace(loops, WatchdogOptions{.limit = *options.stall_limit});
      watchdog_->start();
    }
    if (admin_sockets.empty()) return;
    pool_.emplace(1);
    pool_->start([&](IOLoop& loop) {
      auto admin =
          std::make_shared<AdminServer>(loop, options.admin, metrics, AdminOptions{.loops = loops});
      admin->add_sockets(std::move(admin_sockets));
      return admin;
    });
  }

 private:
  std::optional<Watchdog> watchdog_;
  std::optional<LoopPool> pool_;
};

// Whoever has started this program without standard descriptors would find its sockets in their
// place, and write to them.
void open_standard_descriptors() {
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) ::close(fd);
}

// What a program says on standard output once it serves.
std::string announcement(const char* what, const Sockets& sockets, std::size_t count) {
  std::string lines;
  for (std::size_t i = 0; i < count; ++i)
    lines.append(what).append(" on ").append(sockets[i].local_address().to_string()).append("\n");
  return lines;
}

void print(const std::string& lines) {
  const detail::WithoutSigpipe without;
  std::fputs(lines.c_str(), stdout);
  std::fflush(stdout);
}

std::size_t listeners_of_a_thread(const ServeOptions& options, const Sockets& sockets) {
  return options.dealing == Dealing::least_connections ? sockets.size()
                                                       : sockets.size() / options.threads;
}

// Serves in this process until a signal; calls `waiting` once signals are heeded.
void serve_on(Sockets sockets, Sockets admin, const ServeOptions& options,
              const MakeServer& make_server, const IOLoop::Callback& waiting) {
  const std::string address = detail::address_of(options);
  MetricsRegistry own_metrics;
  MetricsRegistry& metrics = options.metrics != nullptr ? *options.metrics : own_metrics;
  ServerOptions server_options = detail::options_of_a_loop(options);
  const bool measures = options.metrics != nullptr || !admin.empty();
  if (measures && server_options.stream.metrics == nullptr)
    server_options.stream.metrics = &metrics;
  if (options.threads == 1) {
    IOLoop loop(options.loop);
    const std::unique_ptr<TcpServer> server = make_server(loop, address, server_options);
    server->add_sockets(std::move(sockets));
    const Lookout lookout(options, metrics, {&loop}, std::move(admin));
    // From the loop: whoever hears of it may send SIGTERM at once, which has to be heeded by then.
    if (waiting) loop.add_callback(waiting);
    loop.run_until_signal();
    return;
  }
  LoopPool pool(options.threads, options.loop);
  const auto of_a_thread = static_cast<std::ptrdiff_t>(listeners_of_a_thread(options, sockets));
  auto next = sockets.begin();
  std::vector<ServerHandle> handles;
  TcpServer* first = nullptr;
  pool.start([&](IOLoop& loop) -> std::shared_ptr<void> {  // one thread after the other
    const std::shared_ptr<TcpServer> server = make_server(loop, address, server_options);
    if (first == nullptr) first = server.get();
    handles.push_back(server->handle());
    if (next == sockets.end()) return server;
    const auto end = next + of_a_thread;
    server->add_sockets({std::make_move_iterator(next), std::make_move_iterator(end)});
    next = end;
    return server;
  });
  if (options.dealing == Dealing::least_connections) {
    pool.loop(0).add_callback([first, &handles] { first->deal_connections(handles); });
  }
  std::vector<IOLoop*> loops;
  for (std::size_t i = 0; i < pool.size(); ++i) loops.push_back(&pool.loop(i));
  const Lookout lookout(options, metrics, loops, std::move(admin));
  pool.run_until_signal(waiting);
}

}  // namespace

int serve(const ServeOptions& options, const MakeServer& make_server) {
  open_standard_descriptors();
  if (options.threads == 0) throw std::invalid_argument("serve: at least one thread is needed");
  const bool forks = options.processes != 1;
  const std::size_t processes = detail::count_processes(options.processes);
  Sockets sockets = bind_for_threads(options);
  std::vector<Sockets> admin = bind_admin(options, processes);
  // Of several processes the parent speaks for all: their lines would come in any order.
  std::string lines = announcement("listening", sockets, listeners_of_a_thread(options, sockets));
  for (const Sockets& own : admin) lines += announcement("admin", own, own.size());
  const IOLoop::Callback started = [lines] { print(lines); };
  if (!forks) {
    serve_on(std::move(sockets), std::move(admin[0]), options, make_server, started);
    return 0;
  }
  const ForkOptions fork{
      .processes = processes, .stop_timeout = detail::stop_timeout_of(options), .started = started};
  return fork_processes(fork, std::move(sockets), [&](int id, Sockets inherited) {
    Sockets own = std::move(admin[static_cast<std::size_t>(id)]);
    admin.clear();  // the others' are for them to answer
    serve_on(std::move(inherited), std::move(own), options, make_server, {});
    return 0;
  });
}

int serve(const ServeOptions& options, const ProtocolFactory& build_class) {
  return serve(options, detail::plain_server(build_class));
}

}  // namespace twister
