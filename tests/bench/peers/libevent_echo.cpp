// libevent_echo: an echo server on libevent's buffered events, as its documentation has it: the
// input buffer is moved to the output buffer, not copied.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdio>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

namespace {

void on_read(bufferevent* connection, void*) {
  evbuffer_add_buffer(bufferevent_get_output(connection), bufferevent_get_input(connection));
}

void on_event(bufferevent* connection, short events, void*) {
  if ((events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) bufferevent_free(connection);
}

void on_connection(evconnlistener* listener, evutil_socket_t fd, sockaddr*, int, void*) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  bufferevent* connection =
      bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(connection, on_read, nullptr, on_event, nullptr);
  bufferevent_enable(connection, EV_READ | EV_WRITE);
}

}  // namespace

int main() {
  event_base* base = event_base_new();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  evconnlistener* listener = evconnlistener_new_bind(base, on_connection, nullptr,
                                                     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                                     1024, raw, sizeof address);
  if (listener == nullptr) return 1;
  socklen_t size = sizeof address;
  getsockname(evconnlistener_get_fd(listener), raw, &size);
  std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return event_base_dispatch(base);
}
