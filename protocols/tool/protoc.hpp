// protoc.hpp - .proto files as descriptors, by protobuf's own compiler.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <google/protobuf/descriptor.pb.h>

#include "arguments.hpp"
#include "schema.hpp"

namespace twister::tool {

// The files and all that they need, each behind what it needs. `imports` are the folders of -I; without any,
// those of the files.
//
// Errors: UsageError with what protoc says of the files, or when there is no protoc to be run.
google::protobuf::FileDescriptorSet compile_protos(const std::vector<std::string>& files,
                                                   const std::vector<std::string>& imports);

// Those of the options "proto" and "import"; null where there is none.
std::unique_ptr<Schema> schema_of(const Arguments& arguments);

}  // namespace twister::tool
