// twister/inherited_sockets.hpp - listeners that whoever started this program has opened, and words
// to it that we are ready.
//
//   auto inherited = twister::inherited_sockets();
//   server.add_sockets(inherited.empty() ? twister::bind_sockets(":8888") : inherited.take_all());
//   twister::notify_ready();
//
// The protocols are those of systemd's sd_listen_fds(3) and sd_notify(3), which other service managers
// speak too. The other direction is in <twister/spawn_with_listeners.hpp>.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <twister/bind_sockets.hpp>

namespace twister {

// Adopts a descriptor that listens already. Takes a duplicate: `descriptor` stays the caller's, who
// may close it. Both are the same socket, which no longer blocks.
//
// Throws std::system_error, naming the descriptor, when it is not open, or not a stream socket that
// listens on an IP address or a unix-domain path.
ListeningSocket adopt_listener(int descriptor);

// The listeners that were handed to this process, with their names (a unit's FileDescriptorName=;
// "unknown" without one). Several may have one name.
//
// Ownership: those that are not taken close with it. The files of unix-domain sockets stay: they
//   belong to whoever bound them.
class InheritedSockets {
 public:
  bool empty() const noexcept { return sockets_.empty(); }
  std::size_t size() const noexcept { return sockets_.size(); }
  std::vector<std::string> names() const;

  // Takes those of that name out, in the order in which they came. Empty when there is none.
  std::vector<ListeningSocket> take(std::string_view name);
  // Takes all that are left.
  std::vector<ListeningSocket> take_all();

 private:
  friend InheritedSockets inherited_sockets();

  struct Named {
    std::string name;
    ListeningSocket socket;
  };
  std::vector<Named> sockets_;
};

// Adopts what LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES announce, and unsets them, so that programs
// started from here do not take it for theirs. Empty when nothing was announced, or not to this
// process. Call it once, before other threads start (it changes the environment) and before
// fork_processes().
//
// Throws std::invalid_argument, quoting the variable, when it cannot be read, and as adopt_listener()
// does. What was announced is closed then, all of it; but where LISTEN_PID or LISTEN_FDS is no number,
// nobody knows what that is, and no descriptor is touched.
InheritedSockets inherited_sockets();

// Sends lines as sd_notify(3) describes to whoever set NOTIFY_SOCKET: "STATUS=loading", "WATCHDOG=1".
// False without that variable. Throws std::system_error, naming the socket, when they cannot be sent
// within a second.
bool notify(std::string_view state);

// The server is there: "READY=1".
inline bool notify_ready() {
  return notify("READY=1");
}

}  // namespace twister
