// proxy: passes every connection on to another server, both ways and no faster than either side.
//   ./dev run echo --port 9000
//   ./dev run proxy --to 127.0.0.1:9000     then, in a third terminal:  nc 127.0.0.1 8888
// Whatever you type goes to the echo server and comes back.
#include <cstdio>
#include <string_view>
#include <utility>

#include <twister/relay.hpp>
#include <twister/serve.hpp>

int main(int argc, char** argv) {
  const bool given = argc > 2 && std::string_view(argv[argc - 2]) == "--to";
  const char* to = given ? argv[argc - 1] : "127.0.0.1:9000";
  const auto backend = twister::Address::try_parse(to);
  if (!backend) {
    std::fprintf(stderr, "%s: --to: \"%s\" is not ADDRESS:PORT\n", argv[0], to);
    return 2;
  }
  // Each side is held back by the other one's output alone.
  twister::ServeOptions options;
  options.server.stream = twister::client_stream_options();
  return twister::serve_main(given ? argc - 2 : argc, argv,
                             twister::handle_streams([&backend](twister::IOStream client) {
                               auto server = twister::IOStream::connect(client.loop(), *backend);
                               twister::relay(std::move(client), std::move(server));
                             }),
                             options);
}
