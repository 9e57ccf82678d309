// session.hpp - one connection, used as if there were nothing else to do: every function waits.
//
//   Session session(console, "tls:example.com:443", {});
//   session.connect(std::make_unique<Conversation>(...));
//   session.run_until([&] { return done; });
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <twister/endpoint.hpp>
#include <twister/io_loop.hpp>
#include <twister/protocol.hpp>
#include <twister/signal_watch.hpp>
#include <twister/tcp_client.hpp>

#include "console.hpp"
#include "exit_code.hpp"

namespace twister::tool {

// Errors: Failure with ExitCode::connection, when there is none; with ExitCode::interrupted after SIGINT or SIGTERM,
//   unless on_interrupt() was given something better to do.
class Session {
 public:
  // UsageError for an address that cannot be read. `timeout` is for connecting: 30 s unless said.
  Session(Console& console, const std::string& address,
          std::optional<std::chrono::milliseconds> timeout);

  // Connects. The Protocol is the loop's; it says in its on_close that it is gone.
  void connect(std::unique_ptr<Protocol> protocol);
  // Runs the loop until that is true, which wake() has to be called for.
  void run_until(const std::function<bool()>& condition);
  void wake() { loop_.stop(); }
  void on_interrupt(std::function<void()> function) { on_interrupt_ = std::move(function); }
  bool interrupted() const noexcept { return interrupted_; }

  IOLoop& loop() noexcept { return loop_; }
  Console& console() noexcept { return console_; }

 private:
  void interrupt();
  void tell_progress();

  Console& console_;
  Endpoint endpoint_;
  IOLoop loop_;
  SignalWatch on_sigint_;
  SignalWatch on_sigterm_;
  TcpClient client_;
  TimePoint begun_;
  PeriodicCallback progress_;
  std::function<void()> on_interrupt_;
  bool interrupted_ = false;
};

}  // namespace twister::tool
