// twister/rpc/json_rpc_services.hpp - a service over protobuf messages, served by JSON-RPC as well.
//
//   twister::JsonRpcMethods methods;
//   twister::add_services(methods, services);       // what an RpcServer serves by the binary wire
//   twister::JsonRpcServer server(loop, ":8889", methods);
//
// Not needed for handlers that take and give JSON: JsonRpcMethods::on().
#pragma once

#include <twister/rpc/json_rpc_methods.hpp>
#include <twister/rpc/options.hpp>
#include <twister/rpc/services.hpp>

namespace twister {

struct JsonRpcServicesOptions {
  // Of the calls; of these, what is about connections has no effect. What `metrics` refuse is logged.
  RpcOptions rpc{};
  // Fields are written by the names of the .proto, and not in camelCase; both are read.
  bool proto_names = false;
  // Fields that have their default are written, too.
  bool defaults = true;
  // Members of params that the message does not have are no error.
  bool ignores_unknown = false;
};

// Adds the methods of `services` by their names, "calculator.Calculator/Add". Messages are in protobuf's
// JSON mapping. params are the request as an object; or an array of it alone, which does for types whose JSON
// is no object, ["text"] for a google.protobuf.StringValue; or nothing for an empty message. Methods with
// streams have no form in JSON-RPC: -32601. A status other than ok is an error as to_json_rpc_error() says.
//
// Handlers, interceptors, limits and timeouts are those of the services, and a call is cancelled when its
// connection is lost. Handlers call their caller back by RpcContext::json_peer().
//
// Ownership: `services` outlive the methods. They may not change any more.
// Errors: std::invalid_argument for names that are taken, and for a method whose request or reply may hold a
//   google.protobuf.Any somewhere within: protobuf prints an Any in an Any by a call within a call, and a
//   peer, of another wire perhaps, would choose how deep.
void add_services(JsonRpcMethods& methods, const RpcServices& services,
                  const JsonRpcServicesOptions& options = {});

}  // namespace twister
