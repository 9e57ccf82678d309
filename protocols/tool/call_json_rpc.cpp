// `twister call --wire jsonrpc`: one call of JSON-RPC 2.0.
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

#include <twister/rpc/json_rpc.hpp>

#include "commands.hpp"
#include "input.hpp"
#include "session.hpp"
#include "texts.hpp"

namespace twister::tool {

namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

class Connection final : public JsonRpcConnection {
 public:
  Connection(Session& session, const JsonRpcMethods& methods, const JsonRpcOptions& options,
             std::shared_ptr<JsonRpcPeer>& peer, bool& lost)
      : JsonRpcConnection(json_rpc_codec(options), methods, options),
        session_(session),
        peer_(peer),
        lost_(lost) {}

  void on_connect() override {
    JsonRpcConnection::on_connect();
    peer_ = peer();
  }
  void on_close(const CloseReason& reason) override {
    lost_ = true;
    JsonRpcConnection::on_close(reason);
    session_.wake();
  }

 private:
  Session& session_;
  std::shared_ptr<JsonRpcPeer>& peer_;
  bool& lost_;
};

json read_params(Session& session, const JsonRpcCall& call) {
  Text text{call.params, 0};
  if (call.params == "-") {
    text.text.clear();
    Input input(session.loop(), session.console());
    bool ended = false;
    input.start([&](std::string_view bytes) { text.text.append(bytes); },
                [&] {
                  ended = true;
                  session.wake();
                });
    session.run_until([&] { return ended || text.text.size() > max_text_bytes; });
  }
  if (text.text.find_first_not_of(" \t\r\n") == std::string::npos) return nullptr;
  require_json(text);
  json params = json::parse(text.text);
  if (!params.is_structured())
    throw InputError("params are an array or an object, by JSON-RPC's rules");
  return params;
}

JsonRpcOptions options_of(const JsonRpcCall& call) {
  JsonRpcOptions options;
  options.framing = call.framing;
  if (call.timeout) options.call_timeout = *call.timeout;
  try {
    (void)json_rpc_codec(options);
  } catch (const std::invalid_argument& error) {
    throw UsageError("--framing " + call.framing + ": " + error.what());
  }
  return options;
}

ExitCode conclude(Console& console, const JsonRpcResult& result, bool lost) {
  if (result.ok()) {
    console.print(text_of(result.value));
    return ExitCode::ok;
  }
  if (!result.error) {
    console.note_status(result.status);
    if (result.status == RpcCode::deadline_exceeded) return ExitCode::deadline;
    return lost ? ExitCode::connection : ExitCode::status;
  }
  console.note("error " + std::string(result.error->what()));
  if (!result.error->data().is_null()) console.note("data: " + text_of(result.error->data()));
  return ExitCode::status;
}

}  // namespace

ExitCode call_json_rpc(Console& console, const JsonRpcCall& call) {
  const JsonRpcOptions options = options_of(call);
  const JsonRpcMethods nothing;
  std::shared_ptr<JsonRpcPeer> peer;
  bool lost = false;
  std::optional<JsonRpcResult> result;
  Session session(console, call.address, call.timeout);
  json params = read_params(session, call);
  session.connect(std::make_unique<Connection>(session, nothing, options, peer, lost));
  const auto cancel = peer->call(call.method, std::move(params), [&](JsonRpcResult answer) {
    result = std::move(answer);
    session.wake();
  });
  session.on_interrupt(cancel);
  session.run_until([&] { return result.has_value(); });
  if (session.interrupted()) return ExitCode::interrupted;
  if (call.verbose && result->ok()) console.note("OK");
  return conclude(console, *result, lost);
}

}  // namespace twister::tool
