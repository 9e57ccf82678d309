// twister/rpc/torpc_rpc_services.hpp - a service over protobuf messages, served by torpc as well.
//
//   twister::TorpcServices functions;
//   twister::add_services(functions, services);       // what an RpcServer serves by the binary wire
//   twister::TorpcServer server(loop, ":8890", functions);
//
// Not needed for functions of any arguments: TorpcServices::on().
#pragma once

#include <twister/rpc/json_rpc_services.hpp>
#include <twister/rpc/torpc_services.hpp>

namespace twister {

// Adds the methods of `services` by their names, "calculator.Calculator/Add". Each takes one argument, the
// request, as protobuf's JSON mapping has it: a map, or a plain value for types such as
// google.protobuf.StringValue; none is an empty message. The reply is the same. Bytes are text in base 64,
// integers of 64 bits are text. An error is the status's text. Methods with streams are left out.
//
// All that is said of JSON-RPC holds for torpc: see json_rpc_services.hpp. Handlers call their caller back by
// RpcContext::torpc_peer().
void add_services(TorpcServices& functions, const RpcServices& services,
                  const JsonRpcServicesOptions& options = {});

}  // namespace twister
