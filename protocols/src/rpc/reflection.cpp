#include "twister/rpc/reflection.hpp"

#include <set>
#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/wrappers.pb.h>

#include <twister/rpc/services.hpp>

namespace twister {

namespace {

using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorSet;
using google::protobuf::StringValue;

std::string_view name_of(RpcKind kind) {
  switch (kind) {
    case RpcKind::unary:
      return "unary";
    case RpcKind::notice:
      return "notice";
    case RpcKind::server_stream:
      return "server_stream";
    case RpcKind::client_stream:
      return "client_stream";
    case RpcKind::both_streams:
      return "both_streams";
  }
  return "unknown";
}

// Files need each other without circles, and as deep as their authors wrote them.
void add_file(const FileDescriptor* file, std::set<const FileDescriptor*>& seen,
              FileDescriptorSet& files) {
  if (!seen.insert(file).second) return;
  for (int i = 0; i < file->dependency_count(); ++i) add_file(file->dependency(i), seen, files);
  file->CopyTo(files.add_file());
}

// The file of the service that a method belongs to; null when there is none, as for methods that were registered
// by names of their own.
const FileDescriptor* file_of_service(std::string_view method) {
  const std::string service(method.substr(0, method.find('/')));
  const auto* const found =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
  return found == nullptr ? nullptr : found->file();
}

}  // namespace

void add_reflection(RpcServices& services) {
  services.on<StringValue, StringValue>(
      "twister.Reflection/Methods",
      [&services](RpcContext&, const StringValue& prefix, StringValue& lines) -> RpcStatus {
        for (const auto& method : services.methods()) {
          if (!method->name().starts_with(prefix.value())) continue;
          lines.mutable_value()
              ->append(method->name())
              .append(" ")
              .append(name_of(method->kind()))
              .append(" ")
              .append(method->request_type().GetTypeName())
              .append(" ")
              .append(method->reply_type().GetTypeName())
              .append("\n");
        }
        return {};
      });
  services.on<StringValue, FileDescriptorSet>(
      "twister.Reflection/Descriptors",
      [&services](RpcContext&, const StringValue& prefix, FileDescriptorSet& files) -> RpcStatus {
        std::set<const FileDescriptor*> seen;
        for (const auto& method : services.methods()) {
          if (!method->name().starts_with(prefix.value())) continue;
          if (const auto* const file = file_of_service(method->name())) add_file(file, seen, files);
          for (const auto* type : {&method->request_type(), &method->reply_type()}) {
            // Those of the lite runtime have no description.
            const auto* const message = dynamic_cast<const google::protobuf::Message*>(type);
            if (message != nullptr) add_file(message->GetDescriptor()->file(), seen, files);
          }
        }
        return {};
      });
}

}  // namespace twister
