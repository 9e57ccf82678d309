// json_lines: a small request and reply service, one JSON text a line.
//   ./dev run json_lines
//   echo '{"id": 1, "do": "add", "args": [1, 2, 39]}' | nc -N 127.0.0.1 8888
// A request gets {"id": ..., "result": ...} or {"id": ..., "error": "..."}; it knows add, upper and
// count.
#include <cctype>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include <twister/codecs/json.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/serve.hpp>

using nlohmann::json;

class Service : public twister::MessageProtocol<twister::JsonLines> {
  void on_message(json& request) override {
    json reply = {{"id", nullptr}};
    try {
      reply["id"] = request.value("id", json());
      reply["result"] = perform(request.at("do").get<std::string>(), request.at("args"));
    } catch (const std::exception& error) {  // the request's fault: the connection goes on
      reply["error"] = error.what();
    }
    if (send(reply) == twister::WriteStatus::refused) {  // infinite, or too long for a line
      send({{"id", nullptr}, {"error", encode_error().message()}});
    }
  }

  json perform(const std::string& what, const json& args) {
    ++count_;
    if (what == "count") return count_;
    if (what == "upper") {
      std::string text = args.get<std::string>();
      for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      return text;
    }
    if (what == "add") {
      double sum = 0;
      for (const json& number : args) sum += number.get<double>();
      return sum;
    }
    throw std::invalid_argument("unknown request: " + what);
  }

  int count_ = 0;
};

int main(int argc, char** argv) {
  return twister::serve_main(argc, argv, twister::build<Service>());
}
