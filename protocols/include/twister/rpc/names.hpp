// twister/rpc/names.hpp - peers that have names, so that others can call them by way of the server.
//
//   add_names(services);                                                        // the server
//   register_name(client, "printer", [](const RpcStatus& status) { ... });      // one client
//   other.call_node<Reply>("printer", "office.Printer/Print", page, {}, done);  // another
//
// Not for calling back whoever has just called: RpcContext::connection() is that.
#pragma once

#include <functional>
#include <string_view>

#include <twister/rpc/caller.hpp>
#include <twister/rpc/status.hpp>

namespace twister {

class RpcServices;

// Adds the method twister.Names/Register: google.protobuf.StringValue, the name, to Int32Value, how many names the
// caller has now. A name is the caller's until its connection ends. Taken names are ALREADY_EXISTS, empty or
// longer ones than 255 bytes INVALID_ARGUMENT, and more than 16 of one connection RESOURCE_EXHAUSTED.
//
// A call to a name that nobody has is NOT_FOUND, and one whose peer is lost UNAVAILABLE. Deadline, metadata and
// cancellation are passed on, with RpcOptions::call_timeout of the server where the caller sets no deadline;
// streams are not: UNIMPLEMENTED. Interceptors of the server see RpcContext::forwarded_to(). One connection has
// RpcOptions::max_forwarded_calls in flight at most. Names are those of one loop: a server with several threads has as many tables.
void add_names(RpcServices& services);

// Asks for a name. `done` is called once, from the loop.
void register_name(RpcCaller& caller, std::string_view name,
                   std::function<void(const RpcStatus&)> done);

}  // namespace twister
