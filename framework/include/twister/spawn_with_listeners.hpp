// twister/spawn_with_listeners.hpp - hands listeners to another program, as a new version of this one:
// a restart that loses no connection.
//
//   twister::NotifySocket ready;
//   twister::spawn_with_listeners({"/usr/bin/my-server"}, listeners, {.environment = {ready.variable()}});
//   loop.add_handler(ready.native_handle(), twister::Readiness::readable, [&](twister::Readiness) {
//     while (const auto line = ready.receive())
//       if (*line == "READY=1") server.drain([&] { loop.stop(); });
//   });
//
// Both processes then have the same sockets: a connection that waits is taken by whoever accepts
// first, and none is lost as long as one of them is there. The new program finds the listeners by
// inherited_sockets() and calls notify_ready() (twister/inherited_sockets.hpp).
//
// Not needed where a service manager holds the sockets: it does the same for any restart.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <twister/bind_sockets.hpp>

namespace twister {

struct SpawnOptions {
  // What each listener is called, in their order; or none at all. Without `:` and control characters,
  // up to 255 bytes each.
  std::vector<std::string> names{};
  // `NAME=value`: in addition to the environment of this process, or in place of what it says.
  std::vector<std::string> environment{};
};

// Starts `command` (a program, found as a shell finds it, and its arguments) with the listeners as
// descriptors 3 and following, announced as sd_listen_fds(3) describes. Returns its process id; the
// caller waits for it, or lets it outlive this process. Signals that are handled here are at their
// default there, and none is blocked. The files of unix-domain sockets are the new program's from now
// on: they stay when this process closes its listeners.
//
// Threads: any, others may run. Blocks until the program has been loaded.
// Errors: std::system_error, naming the program, when it cannot be started;
//   std::invalid_argument for an empty command, and for names that do not fit.
pid_t spawn_with_listeners(const std::vector<std::string>& command,
                           std::span<const ListeningSocket> listeners,
                           const SpawnOptions& options = {});

// Receives what programs that were started from here say by notify().
//
// Limits: 4096 bytes a message, longer ones are dropped; so are those of other users.
class NotifySocket {
 public:
  // Throws std::system_error.
  NotifySocket();
  ~NotifySocket();
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  // `NOTIFY_SOCKET=...`, for SpawnOptions::environment.
  const std::string& variable() const noexcept { return variable_; }
  // Readable when something was said.
  int native_handle() const noexcept { return descriptor_; }
  // The next line that was said, such as "READY=1". Does not wait: empty when there is none. Call it
  // until then, because a message may have several lines.
  std::optional<std::string> receive();

 private:
  std::optional<std::string> receive_message();

  int descriptor_ = -1;
  std::string variable_;
  std::string lines_;  // not handed out yet
};

}  // namespace twister
