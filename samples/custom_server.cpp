// custom_server: a server class of its own, with every hook, and a factory that takes arguments.
//   ./dev run custom_server then:  nc 127.0.0.1 8888
// `stats` shows the server's counters, `quit` leaves.
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <twister/protocols/line_protocol.hpp>
#include <twister/serve.hpp>

struct Stats {
  std::size_t connections = 0;
  std::size_t open = 0;
  std::size_t bytes = 0;
};

// One conversation. Its arguments come from the factory.
class Session : public twister::LineProtocol {
 public:
  Session(const std::string& greeting, Stats& stats) : greeting_(greeting), stats_(stats) {}

 private:
  void on_connect() override { send_line(greeting_); }

  void on_line(std::string_view line) override {
    if (line == "quit") return close();
    if (line != "stats") {
      send_line("you said: " + std::string(line));
      return;
    }
    send_line(std::to_string(stats_.connections) + " connections, " + std::to_string(stats_.open) +
              " open, " + std::to_string(stats_.bytes) + " bytes");
  }

  void on_drain() override {  // SIGTERM: a word of goodbye first
    send_line("the server is going down");
    close();
  }

  std::string greeting_;
  Stats& stats_;
};

// The server sees every connection begin, every chunk and every end.
class CountingServer : public twister::TcpServer {
 public:
  CountingServer(twister::IOLoop& loop, std::string_view address, const std::string& greeting,
                 const twister::ServerOptions& options)
      : TcpServer(loop, address, twister::build<Session>(greeting, std::ref(stats_)), options) {}

 private:
  void start_factory() override { log("starting"); }
  void stop_factory() override { log("not accepting any more"); }

  void on_connect(twister::Protocol& conn) override {
    ++stats_.connections;
    ++stats_.open;
    log(conn.peer_address().to_string() + " connected");
    TcpServer::on_connect(conn);  // the Protocol's on_connect, then read into handle_stream
  }

  void handle_stream(twister::Protocol& conn, twister::ByteView chunk) override {
    stats_.bytes += chunk.size();
    TcpServer::handle_stream(conn, chunk);  // to the Protocol
  }

  void on_close(twister::Protocol& conn, const twister::CloseReason& reason) override {
    --stats_.open;
    log(conn.peer_address().to_string() + " " + reason.message());
  }

  static void log(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

  Stats stats_;
};

int main(int argc, char** argv) {
  const auto make = [](twister::IOLoop& loop, std::string_view address,
                       const twister::ServerOptions& options) {
    return std::make_unique<CountingServer>(loop, address, "Hello. What can I do for you?",
                                            options);
  };
  return twister::serve_main(argc, argv, make, {.max_threads = 1});
}
