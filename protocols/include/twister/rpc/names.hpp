// twister/rpc/names.hpp - peers that have names, so that others can call them by way of the server.
//
//   add_names(services);                                                             // the server
//   RpcClient printer(loop, server, {.services = &printing, .stay_connected = true,  // one client
//                                    .names = {"printer"}});
//   other.call_node<Reply>("printer", "office.Printer/Print", page, {}, done);       // another
//
// The server's program calls it by RpcServer::node("printer"). Not for calling back whoever has just called:
// RpcContext::connection() is that.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <twister/handle.hpp>
#include <twister/rpc/caller.hpp>
#include <twister/rpc/status.hpp>

namespace twister {

class RpcServices;

// Names that servers on several loops have in common, so that calls find their peers on all of them:
// RpcServerOptions::names. serve_rpc() has one for its loops. Not for several processes.
//
// Threads: any.
class RpcNames {
 public:
  std::vector<std::string> all() const;

 private:
  friend class detail::RpcHost;

  bool take(const std::string& name, const Handle& peer);
  void release(const std::string& name);
  std::optional<Handle> find(std::string_view name) const;

  mutable std::mutex mutex_;
  std::map<std::string, Handle, std::less<>> peers_;
};

// Adds the method twister.Names/Register: google.protobuf.StringValue, the name, to Int32Value, how many names the
// caller has now. A name is the caller's until its connection ends, or either side goes away; such a connection is
// asked for signs of life also when it is idle: RpcOptions::ping_interval. Taken names are ALREADY_EXISTS, empty or
// longer ones than 255 bytes INVALID_ARGUMENT, and more than 16 of one connection RESOURCE_EXHAUSTED.
//
// A call to a name that nobody has is NOT_FOUND, and one whose peer is lost UNAVAILABLE. Deadline, metadata and
// cancellation are passed on, with RpcOptions::call_timeout of the server where the caller sets no deadline;
// streams are not: UNIMPLEMENTED. Interceptors of the server see RpcContext::forwarded_to(). One connection has
// RpcOptions::max_forwarded_calls in flight at most. A call to a peer of another loop is posted there, and its answer
// back.
//
// RESOURCE_EXHAUSTED is a call whose peer does not take what it is sent, so that with it more than half of
// StreamOptions::max_write_buffer_size would wait; and one to another loop while 1024 calls, or 16 MiB, of this
// one are on their way there. These count for MemoryBudget::of_process().
void add_names(RpcServices& services);

// Asks for a name. `done` is called once, from the loop. The name goes with the connection that it was registered on,
// which for a client is one of them: RpcClientOptions::names are registered again.
void register_name(RpcCaller& caller, std::string_view name,
                   std::function<void(const RpcStatus&)> done);

}  // namespace twister
