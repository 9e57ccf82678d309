#include "schema.hpp"

#include <array>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/util/json_util.h>

#include <twister/codecs/protobuf_json.hpp>

#include "arguments.hpp"
#include "exit_code.hpp"

namespace twister::tool {

namespace pb = google::protobuf;

namespace {

constexpr std::array<std::pair<RpcKind, std::string_view>, 5> kinds = {{
    {RpcKind::unary, "unary"},
    {RpcKind::notice, "notice"},
    {RpcKind::server_stream, "server_stream"},
    {RpcKind::client_stream, "client_stream"},
    {RpcKind::both_streams, "both_streams"},
}};

class PoolErrors : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const pb::Message*,
                ErrorLocation, const std::string& what) override {
    if (text_.empty()) text_ = file + ": " + element + ": " + what;  // the cause of the others
  }
  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

RpcKind kind_of(const pb::MethodDescriptor& method) {
  if (method.client_streaming()) {
    return method.server_streaming() ? RpcKind::both_streams : RpcKind::client_stream;
  }
  return method.server_streaming() ? RpcKind::server_stream : RpcKind::unary;
}

// ---- what types need ----

// A server describes its types, and protobuf takes a step of its stack for each that is within another.
constexpr std::size_t max_types = 1000;

// All that can be in messages of these types, each once.
std::vector<const pb::Descriptor*> types_within(std::vector<const pb::Descriptor*> found) {
  std::set<const pb::Descriptor*> seen(found.begin(), found.end());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found.size() > max_types) {
      throw Failure(ExitCode::status, found[0]->full_name() + " is made of more than " +
                                          std::to_string(max_types) + " types");
    }
    for (int field = 0; field < found[i]->field_count(); ++field) {
      const pb::Descriptor* const type = found[i]->field(field)->message_type();
      if (type != nullptr && seen.insert(type).second) found.push_back(type);
    }
  }
  return found;
}

// The outermost type or enum that it is in, unless it is protobuf's own.
template <class Type>
void define(const Type& type, std::set<std::string>& seen, std::string& text) {
  if (type.file()->package() == "google.protobuf" || !seen.insert(type.full_name()).second) return;
  text += "\n" + type.DebugString();
}

void define_outermost(const pb::Descriptor* type, std::set<std::string>& seen, std::string& text) {
  while (type->containing_type() != nullptr) type = type->containing_type();
  define(*type, seen, text);
}

}  // namespace

std::string_view name_of(RpcKind kind) {
  for (const auto& [each, name] : kinds) {
    if (each == kind) return name;
  }
  return "unknown";
}

std::vector<MethodInfo> parse_methods(std::string_view lines) {
  std::vector<MethodInfo> methods;
  std::istringstream in{std::string(lines)};
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    MethodInfo method;
    std::string kind;
    words >> method.name >> kind >> method.request >> method.reply;
    for (const auto& [each, name] : kinds) {
      if (name != kind || method.reply.empty()) continue;
      method.kind = each;
      methods.push_back(method);
    }
  }
  return methods;
}

Schema::Schema(std::vector<MethodInfo> methods, const pb::FileDescriptorSet& files)
    : methods_(std::move(methods)) {
  for (const pb::FileDescriptorProto& file : files.file()) {
    PoolErrors errors;
    if (pool_.BuildFileCollectingErrors(file, &errors) == nullptr) {
      throw Failure(ExitCode::status, "descriptors that make no sense: " + errors.text());
    }
  }
}

Schema::Schema(const pb::FileDescriptorSet& files) : Schema({}, files) {
  for (const pb::FileDescriptorProto& each : files.file()) {
    const pb::FileDescriptor& file = *pool_.FindFileByName(each.name());
    for (int i = 0; i < file.service_count(); ++i) {
      const pb::ServiceDescriptor& service = *file.service(i);
      for (int j = 0; j < service.method_count(); ++j) {
        const pb::MethodDescriptor& method = *service.method(j);
        methods_.push_back({service.full_name() + "/" + method.name(), kind_of(method),
                            method.input_type()->full_name(), method.output_type()->full_name()});
      }
    }
  }
}

void throw_unknown_method(std::string_view name, const std::vector<MethodInfo>& methods) {
  std::vector<std::string> names;
  for (const MethodInfo& each : methods) names.push_back(each.name);
  throw InputError("there is no method " + std::string(name) + did_you_mean(name, names));
}

const MethodInfo& Schema::method(std::string_view name) const {
  for (const MethodInfo& each : methods_) {
    if (each.name == name) return each;
  }
  throw_unknown_method(name, methods_);
}

const pb::Message& Schema::prototype(const std::string& type) {
  const pb::Descriptor* const found = pool().FindMessageTypeByName(type);
  if (found == nullptr) {
    throw Failure(ExitCode::status, "the type " + type + " is not described; give it by --proto");
  }
  (void)types_within({found});
  try {
    (void)ProtobufJson(*found);  // knows which types are not safe to print
  } catch (const std::invalid_argument& error) {
    throw Failure(ExitCode::usage, error.what());
  }
  return *factory_.GetPrototype(found);
}

std::string Schema::definitions(const std::vector<MethodInfo>& methods) const {
  std::vector<const pb::Descriptor*> types;
  for (const MethodInfo& method : methods) {
    for (const std::string& name : {method.request, method.reply}) {
      const pb::Descriptor* const type = pool().FindMessageTypeByName(name);
      if (type != nullptr) types.push_back(type);
    }
  }
  std::set<std::string> seen;
  std::string text;
  for (const pb::Descriptor* const type : types_within(types)) {
    define_outermost(type, seen, text);
    for (int i = 0; i < type->field_count(); ++i) {
      const pb::EnumDescriptor* const values = type->field(i)->enum_type();
      if (values == nullptr) continue;
      if (values->containing_type() == nullptr) {
        define(*values, seen, text);
      } else {
        define_outermost(values->containing_type(), seen, text);
      }
    }
  }
  return text;
}

std::unique_ptr<pb::Message> to_message(const pb::Message& prototype, const std::string& json) {
  std::unique_ptr<pb::Message> message(prototype.New());
  const auto status = pb::util::JsonStringToMessage(json, message.get());
  const std::string type = prototype.GetTypeName();
  if (!status.ok()) throw InputError("not a " + type + ": " + std::string(status.message()));
  if (!message->IsInitialized()) {
    throw InputError("not a " + type +
                     ": required and missing: " + message->InitializationErrorString());
  }
  return message;
}

std::string to_json(const pb::Message& prototype, const std::string& bytes) {
  const std::unique_ptr<pb::Message> message(prototype.New());
  std::string json;
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  if (!message->ParseFromString(bytes) ||
      !pb::util::MessageToJsonString(*message, &json, options).ok()) {
    throw Failure(ExitCode::status, "what the server sent is not a " + prototype.GetTypeName());
  }
  return json;
}

}  // namespace twister::tool
