// plugin/service.hpp - one service of a .proto as C++.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/printer.h>

namespace twister::protoc {

// The struct that stands for the service, with the classes of its two sides. Throws Refused.
void print_service(const google::protobuf::ServiceDescriptor& service,
                   google::protobuf::io::Printer& out);

}  // namespace twister::protoc
