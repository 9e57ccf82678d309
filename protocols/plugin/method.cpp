#include "method.hpp"

#include <google/protobuf/descriptor.pb.h>

#include "comments.hpp"
#include "cpp_names.hpp"
#include "header.hpp"

namespace twister::protoc {

namespace {

using google::protobuf::MethodDescriptor;
using google::protobuf::MethodOptions;

constexpr std::size_t max_name_bytes = 255;  // what the wire can say

// The classes that methods are members of, and what else those have.
const std::set<std::string> members = {"Client", "Names", "Service", "add_to", "caller", "caller_"};

std::string kind_of(const Method& method) {
  if (method.takes_stream) return method.sends_stream ? "both_streams" : "client_stream";
  return method.sends_stream ? "server_stream" : "unary";
}

// The forms that a class's method may have, the one to recommend first.
std::vector<std::string> forms_of(const Method& method) {
  const std::string& name = method.words.at("method");
  // The message at which somebody looks who has none of them is long enough without "::".
  const std::string in = method.words.at("in").substr(2);
  const std::string out = method.words.at("out").substr(2);
  const std::string stream = method.takes_stream ? "RpcReader<" + in + ">" : "const " + in + "&";
  if (method.sends_stream) {
    const std::string arguments = name + "(RpcContext&, " + stream + ", RpcWriter<" + out + ">)";
    return {"RpcTask<> " + arguments, "void " + arguments};
  }
  if (method.takes_stream) {
    return {"RpcTask<" + out + "> " + name + "(RpcContext&, " + stream + ")",
            "void " + name + "(RpcContext&, " + stream + ", RpcReply<" + out + ">)"};
  }
  std::vector<std::string> forms = {
      "RpcStatus " + name + "(RpcContext&, const " + in + "&, " + out + "&)",
      "void " + name + "(RpcContext&, " + in + "&, RpcReply<" + out + ">)",
      "RpcTask<" + out + "> " + name + "(RpcContext&, const " + in + "&)"};
  if (method.answers_empty) {
    forms.insert(forms.begin(), "void " + name + "(RpcContext&, const " + in + "&)");
  }
  return forms;
}

}  // namespace

MethodNames::MethodNames(const google::protobuf::ServiceDescriptor& service) {
  for (int i = 0; i < service.method_count(); ++i) {
    in_proto_.insert(std::string(service.method(i)->name()));
  }
}

std::string MethodNames::of_call(const std::string& method) const {
  std::string name = cpp_word(method);
  while (members.contains(name) || (name != method && in_proto_.contains(name))) name += '_';
  return name;
}

std::string MethodNames::of_notice(const std::string& method) const {
  std::string name = "notify_" + method;
  while (in_proto_.contains(name)) name += '_';
  return name;
}

Method describe(const MethodDescriptor& method, const MethodNames& names) {
  Method made;
  made.comment = comment_of(method);
  made.takes_stream = method.client_streaming();
  made.sends_stream = method.server_streaming();
  made.answers_empty = method.output_type()->full_name() == "google.protobuf.Empty" &&
                       !made.takes_stream && !made.sends_stream;

  const std::string wire_name =
      std::string(method.service()->full_name()) + "/" + std::string(method.name());
  if (wire_name.size() > max_name_bytes) {
    throw Refused(std::string(method.file()->name()) + ": a method's name may have " +
                  std::to_string(max_name_bytes) +
                  " bytes with those of its service and package; " + wire_name + " has " +
                  std::to_string(wire_name.size()));
  }
  const bool idempotent =
      method.options().idempotency_level() != MethodOptions::IDEMPOTENCY_UNKNOWN;

  Words& words = made.words;
  words = {{"wire", wire_name},
           {"method", names.of_call(std::string(method.name()))},
           {"notify", names.of_notice(std::string(method.name()))},
           {"in", cpp_type(*method.input_type())},
           {"out", cpp_type(*method.output_type())},
           {"kind", kind_of(made)},
           {"open", made.sends_stream ? "open_stream" : "open_client_stream"},
           {"deprecated", method.options().deprecated() ? "[[deprecated]] " : ""},
           {"options", idempotent ? ", {.idempotent = true}" : ""},
           {"call_options", idempotent ? "::twister::detail::idempotent(options)" : "options"},
           {"default_options",
            idempotent ? "::twister::detail::idempotent({})" : "::twister::RpcCallOptions()"}};
  for (const std::string& form : forms_of(made)) {
    words["forms"] += (words["forms"].empty() ? "" : "; or ") + form;
  }
  words["best_form"] = forms_of(made).front();
  return made;
}

}  // namespace twister::protoc
