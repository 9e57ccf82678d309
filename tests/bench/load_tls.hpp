// load_tls.hpp - TLS for the load generator's connections, where OpenSSL is there.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace twister::bench {

// Shakes hands over a socket that may still be connecting, and believes anybody. Ends the program when
// that fails.
void* start_tls(int fd);
// As send() and recv() do, with errno EAGAIN when they would block.
ssize_t send_tls(void* connection, const void* data, std::size_t size);
ssize_t receive_tls(void* connection, void* room, std::size_t size);

}  // namespace twister::bench
