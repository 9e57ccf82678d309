#include "header.hpp"

#include <map>
#include <string_view>

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/printer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "cpp_names.hpp"
#include "service.hpp"

namespace twister::protoc {

namespace {

using google::protobuf::FileDescriptor;

std::string without_suffix(std::string_view name) {
  for (const std::string_view suffix : {".protodevel", ".proto"}) {
    if (name.ends_with(suffix)) {
      name.remove_suffix(suffix.size());
      break;
    }
  }
  return std::string(name);
}

constexpr auto top = R"(#pragma once

#include <type_traits>
#include <utility>

#include <twister/rpc/service.hpp>

#include "$messages$"
)";

}  // namespace

std::string header_name(const FileDescriptor& file) {
  return without_suffix(file.name()) + ".twister.hpp";
}

std::string header_text(const FileDescriptor& file) {
  const std::map<std::string, std::string> words = {
      {"file", std::string(file.name())},
      {"messages", without_suffix(file.name()) + ".pb.h"},
      {"namespace", cpp_namespace(file.package())}};

  std::string text;
  {
    google::protobuf::io::StringOutputStream stream(&text);
    google::protobuf::io::Printer out(&stream, '$');
    out.Print(words,
              "// Written by protoc-gen-twister from $file$: what is changed here is lost.\n");
    if (file.service_count() == 0) {
      out.Print("// There are no services in it.\n#pragma once\n");
    } else {
      if (file.options().cc_generic_services()) {
        throw Refused(std::string(file.name()) +
                      ": protoc's classes for services and twister's have the same names; "
                      "take \"option cc_generic_services = true\" out");
      }
      out.Print(words, top);
      if (!words.at("namespace").empty()) out.Print(words, "\nnamespace $namespace$ {\n");
      for (int i = 0; i < file.service_count(); ++i) print_service(*file.service(i), out);
      if (!words.at("namespace").empty()) out.Print(words, "\n}  // namespace $namespace$\n");
    }
  }
  return text;
}

}  // namespace twister::protoc
