// schema.hpp - methods and message types that are known when the program runs: by reflection, or from .proto files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/message.h>

#include <twister/rpc/method.hpp>

namespace google::protobuf {
class FileDescriptorSet;
}

namespace twister::tool {

struct MethodInfo {
  std::string name;  // "calculator.Calculator/Add"
  RpcKind kind = RpcKind::unary;
  std::string request;  // names of types
  std::string reply;
};

std::string_view name_of(RpcKind kind);
// What twister.Reflection/Methods answers; lines that make no sense are passed over.
std::vector<MethodInfo> parse_methods(std::string_view lines);

// Ownership: messages that are made here go before it. Errors: Failure for descriptors that make no sense.
class Schema {
 public:
  // The services of .proto files.
  explicit Schema(const google::protobuf::FileDescriptorSet& files);
  // What a server says of itself.
  Schema(std::vector<MethodInfo> methods, const google::protobuf::FileDescriptorSet& files);

  // Throws InputError, with those that are near, for one that there is not.
  const MethodInfo& method(std::string_view name) const;
  const std::vector<MethodInfo>& methods() const noexcept { return methods_; }
  // Throws Failure for a type that is not described, is made of too many others, or in which an Any may be.
  const google::protobuf::Message& prototype(const std::string& type);
  // What the types of a method need, each once, as a .proto file has it; those of protobuf itself left out.
  std::string definitions(const std::vector<MethodInfo>& methods) const;
  const google::protobuf::DescriptorPool& pool() const noexcept { return pool_; }

 private:
  std::vector<MethodInfo> methods_;
  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
};

// Throws InputError for a name that is not among the methods; the text has the near ones.
[[noreturn]] void throw_unknown_method(std::string_view name,
                                       const std::vector<MethodInfo>& methods);

// By protobuf's JSON mapping. Throws InputError that names the field.
std::unique_ptr<google::protobuf::Message> to_message(const google::protobuf::Message& prototype,
                                                      const std::string& json);
// The reply of a peer, on one line, with fields that have no value. Throws Failure when it makes no sense.
std::string to_json(const google::protobuf::Message& prototype, const std::string& bytes);

}  // namespace twister::tool
