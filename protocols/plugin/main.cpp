// protoc-gen-twister: protoc's plugin for the services of twister::rpc.
//   protoc --cpp_out=DIR --twister_out=DIR calculator.proto
// protoc starts it, sends it the descriptors of those files, and writes what it answers.
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include <google/protobuf/descriptor.h>

#include "header.hpp"
#include "plugin.pb.h"

using twister::protoc::Refused;
using twister::protoc::Request;
using twister::protoc::Response;

namespace {

void answer(const Request& request, Response& response) {
  if (!request.parameter().empty()) {
    throw Refused("there are no parameters; given was \"" + request.parameter() + "\"");
  }
  google::protobuf::DescriptorPool pool;
  for (const auto& file : request.proto_file()) {
    if (pool.BuildFile(file) == nullptr)
      throw Refused(file.name() + ": protoc says it is fine, this library not");
  }
  for (const std::string& name : request.file_to_generate()) {
    const auto* const file = pool.FindFileByName(name);
    if (file == nullptr) throw Refused(name + ": protoc did not send it");
    auto& written = *response.add_file();
    written.set_name(twister::protoc::header_name(*file));
    written.set_content(twister::protoc::header_text(*file));
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc > 1) {
    const bool asked = std::string(argv[1]) == "--help";
    std::fprintf(
        asked ? stdout : stderr,
        "usage: protoc --cpp_out=DIR --twister_out=DIR FILE.proto...\n"
        "protoc starts this program, which writes FILE.twister.hpp; see protoc-gen-twister(1)\n");
    return asked ? 0 : 2;
  }
  Request request;
  if (!request.ParseFromIstream(&std::cin)) {
    std::fputs("protoc-gen-twister: what came on standard input is not from protoc\n", stderr);
    return 1;
  }
  Response response;
  response.set_supported_features(Response::PROTO3_OPTIONAL);
  try {
    answer(request, response);
  } catch (const Refused& refused) {
    response.clear_file();
    response.set_error(refused.what());
  }
  if (!response.SerializeToOstream(&std::cout) || !std::cout.flush()) {
    std::fputs("protoc-gen-twister: cannot write to standard output\n", stderr);
    return 1;
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "protoc-gen-twister: %s\n", error.what());
  return 1;
}
