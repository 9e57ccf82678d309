// plugin/header.hpp - the C++ that protoc-gen-twister writes.
#pragma once

#include <stdexcept>
#include <string>

#include <google/protobuf/descriptor.h>

namespace twister::protoc {

// What in a .proto cannot be written as C++. The text is for its author, and names the place.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// "market/market.twister.hpp" for market/market.proto.
std::string header_name(const google::protobuf::FileDescriptor& file);

// The header for the services of a file; one that says so where there are none. The same at each run.
//
// Errors: Refused.
std::string header_text(const google::protobuf::FileDescriptor& file);

}  // namespace twister::protoc
