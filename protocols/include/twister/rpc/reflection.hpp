// twister/rpc/reflection.hpp - lets callers ask what there is to call, so that a tool needs no .proto.
//
//   add_reflection(services);  // the last thing before the server is made
//
// Not for services that strangers reach: it tells them all names.
#pragma once

namespace twister {

class RpcServices;

// Adds two methods.
//   twister.Reflection/Methods      google.protobuf.StringValue, what names have to begin with, to another:
//                                   a line for each method, "NAME KIND REQUEST REPLY", such as
//                                   "market.Market/Watch server_stream market.Query market.Tick"
//   twister.Reflection/Descriptors  the same to google.protobuf.FileDescriptorSet: the files of those services and
//                                   messages and of all that they need, each once and behind what it needs
// `services` outlives the servers, as it does anyway.
void add_reflection(RpcServices& services);

}  // namespace twister
