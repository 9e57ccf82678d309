// tests/framework/support/client.hpp - the other end of a connection: a plain socket that never blocks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <twister/address.hpp>

namespace twister::testing {

struct ClientOptions {
  // 0: what the kernel thinks best.
  int send_buffer_bytes = 0;
  int receive_buffer_bytes = 0;
};

// Connects in its constructor, which the kernel answers for a listening socket: the server need not run.
class Client {
 public:
  explicit Client(const Address& server, const ClientOptions& options = {});
  ~Client();
  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;

  // Sends what the kernel takes now, and says how much that was.
  std::size_t send_some(std::string_view bytes);
  // For messages that fit into the socket; what does not fit fails the test.
  void send(std::string_view bytes);
  // Receives all there is; what has come so far is in received().
  const Client& receive();
  void shutdown_write();
  // Closes with a reset.
  void reset();
  void close();

  int native_handle() const noexcept { return fd_; }
  const std::string& received() const noexcept { return received_; }
  // The server's FIN has been received.
  bool ended() const noexcept { return ended_; }
  // The errno of the receive or send that failed, else 0.
  int error() const noexcept { return error_; }
  // Either of them.
  bool over() const noexcept { return ended_ || error_ != 0; }

 private:
  int fd_ = -1;
  std::string received_;
  bool ended_ = false;
  int error_ = 0;
};

// False on a machine whose files do not say what "localhost" is.
bool localhost_resolves();

// True when nobody listens at the address.
bool connect_refused(const Address& server);

// How many descriptors this process has open.
std::size_t open_descriptors();

// The value of an integer option of a socket.
int socket_option(int fd, int level, int name);

// `bytes` bytes, no two neighbouring blocks of them alike.
std::string pattern(std::size_t bytes);

}  // namespace twister::testing
