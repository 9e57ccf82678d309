// echo_server: a server for outside testing. Echoes every message, re-encoded by the codec it came
// through.
//   echo_server --codec raw|lines|lp32|jsonl|protobuf [--host HOST] [--port PORT] [--threads N]
//               [--max-frame-bytes N] [--max-connections N] [--drain-timeout SECONDS]
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <twister/codecs/framed.hpp>
#include <twister/codecs/json.hpp>
#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/lines.hpp>
#include <twister/codecs/protobuf.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/serve.hpp>

#include "echo_message.pb.h"

namespace {

class RawEcho : public twister::Protocol {
  void on_data(twister::ByteView data) override { write(data); }
};

template <class Codec>
class MessageEcho : public twister::MessageProtocol<Codec> {
 public:
  using twister::MessageProtocol<Codec>::MessageProtocol;

 private:
  void on_message(typename Codec::Received message) override { this->send(message); }
};

template <class Codec>
twister::ProtocolFactory echo_with(Codec codec) {
  return twister::build<MessageEcho<Codec>>(std::move(codec));
}

using ProtobufCodec = twister::Framed<twister::LengthPrefixed, twister::Protobuf<echo::Message>>;

// A codec by its name; the limit is that of one message.
const std::map<std::string, std::function<twister::ProtocolFactory(std::size_t)>, std::less<>>
    codecs{
        {"raw", [](std::size_t) { return twister::build<RawEcho>(); }},
        {"lines",
         [](std::size_t limit) { return echo_with(twister::Lines({.max_line_bytes = limit})); }},
        {"lp32",
         [](std::size_t limit) {
           return echo_with(twister::LengthPrefixed({.max_frame_bytes = limit}));
         }},
        {"jsonl",
         [](std::size_t limit) {
           return echo_with(twister::JsonLines(twister::Lines({.max_line_bytes = limit})));
         }},
        {"protobuf",
         [](std::size_t limit) {
           return echo_with(ProtobufCodec(twister::LengthPrefixed({.max_frame_bytes = limit})));
         }},
    };

// Takes `--name value` or `--name=value` out of the arguments, so that serve_main sees the rest.
std::string take_option(std::vector<char*>& arguments, std::string_view name,
                        std::string fallback) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const auto at = arguments.begin() + static_cast<std::ptrdiff_t>(i);
    if (argument == name && i + 1 < arguments.size()) {
      fallback = arguments[i + 1];
      arguments.erase(at, at + 2);
      --i;
    } else if (argument.starts_with(name) && argument.substr(name.size()).starts_with('=')) {
      fallback = argument.substr(name.size() + 1);
      arguments.erase(at);
      --i;
    }
  }
  return fallback;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  const std::string codec = take_option(arguments, "--codec", "raw");
  const std::string limit = take_option(arguments, "--max-frame-bytes", "");
  const auto found = codecs.find(codec);
  if (found == codecs.end()) {
    std::fprintf(stderr, "%s: --codec: \"%s\" is not one of raw, lines, lp32, jsonl, protobuf\n",
                 argv[0], codec.c_str());
    return 2;
  }
  std::size_t max_frame_bytes = codec == "lines" || codec == "jsonl" ? 64 * 1024 : 1024 * 1024;
  if (!limit.empty()) {
    char* end = nullptr;
    max_frame_bytes = std::strtoull(limit.c_str(), &end, 10);
    if (*end != '\0' || limit.front() == '-' || max_frame_bytes == 0) {
      std::fprintf(stderr, "%s: --max-frame-bytes: \"%s\" is not a number of bytes, 1 or more\n",
                   argv[0], limit.c_str());
      return 2;
    }
  }
  arguments.push_back(nullptr);
  return twister::serve_main(static_cast<int>(arguments.size()) - 1, arguments.data(),
                             found->second(max_frame_bytes));
}
