// twister/handle.hpp - a connection, seen from another thread.
//
//   std::thread([handle = protocol.handle(), job] { handle.send(job.run()); }).detach();
//
// Not needed on the connection's own loop: call the Protocol there.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <twister/shared_bytes.hpp>

namespace twister {

class Protocol;
namespace detail {
struct HandleCore;
}

// A weak reference to a connection.
//
// Threads: any. Work of one thread arrives in the order it was posted.
// Errors: once the connection or its loop is gone every call does nothing; whether the call came in
//   time is only known on the loop, so there is no result beyond post()'s.
class Handle {
 public:
  Handle() = default;
  explicit Handle(std::shared_ptr<detail::HandleCore> core) : core_(std::move(core)) {}

  // Runs `work` on the connection's loop, if the connection is still there then. False when it is
  // known to be gone already.
  bool post(std::function<void(Protocol&)> work) const;
  // Writes bytes to the connection.
  void send(SharedBytes bytes) const;
  void send(std::string bytes) const { send(SharedBytes(std::move(bytes))); }
  // As Protocol::close() and abort().
  void close() const;
  void abort() const;

 private:
  std::shared_ptr<detail::HandleCore> core_;
};

}  // namespace twister
