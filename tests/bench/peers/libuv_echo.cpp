// libuv_echo: an echo server on libuv, written as its documentation recommends for speed: one
// receive buffer for all connections, uv_try_write first, a copy only for what is left.
#include <arpa/inet.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <new>

#include <uv.h>

namespace {

std::array<char, 64 * 1024> buffer;

struct Write {
  uv_write_t request;
  char* data;
};

void on_closed(uv_handle_t* handle) {
  delete reinterpret_cast<uv_tcp_t*>(handle);
}

void on_written(uv_write_t* request, int) {
  auto* write = static_cast<Write*>(request->data);
  delete[] write->data;
  delete write;
}

void on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t* received) {
  if (got < 0) return uv_close(reinterpret_cast<uv_handle_t*>(stream), on_closed);
  uv_buf_t out = uv_buf_init(received->base, static_cast<unsigned>(got));
  const int sent = uv_try_write(stream, &out, 1);
  const auto taken = static_cast<unsigned>(sent > 0 ? sent : 0);
  if (taken == out.len) return;
  auto* write = new Write{};
  write->data = new char[out.len - taken];
  std::memcpy(write->data, out.base + taken, out.len - taken);
  write->request.data = write;
  const uv_buf_t rest = uv_buf_init(write->data, static_cast<unsigned>(out.len - taken));
  uv_write(&write->request, stream, &rest, 1, on_written);
}

void on_connection(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* connection = new uv_tcp_t;
  uv_tcp_init(listener->loop, connection);
  auto* stream = reinterpret_cast<uv_stream_t*>(connection);
  uv_accept(listener, stream);
  uv_tcp_nodelay(connection, 1);
  uv_read_start(
      stream,
      [](uv_handle_t*, std::size_t, uv_buf_t* room) {
        *room = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
      },
      on_read);
}

}  // namespace

int main() {
  uv_loop_t* loop = uv_default_loop();
  uv_tcp_t listener;
  uv_tcp_init(loop, &listener);
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0);
  if (uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 1024, on_connection) != 0) return 1;
  int size = sizeof address;
  uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
