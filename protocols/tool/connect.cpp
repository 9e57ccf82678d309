// `twister connect`: messages of any codec as JSON, a text a line in both directions.
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <twister/codecs/any_codec.hpp>
#include <twister/codecs/protobuf_json.hpp>
#include <twister/protocols/message_protocol.hpp>
#ifdef TWISTER_TOOL_ZLIB
#include <twister/codecs/compressed.hpp>
#include <twister/codecs/zlib.hpp>
#endif
#ifdef TWISTER_TOOL_ZSTD
#include <twister/codecs/compressed.hpp>
#include <twister/codecs/zstd.hpp>
#endif

#include "commands.hpp"
#include "input.hpp"
#include "json_values.hpp"
#include "protoc.hpp"
#include "schema.hpp"
#include "session.hpp"
#include "texts.hpp"

namespace twister::tool {

namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr Option options[] = {
    {"codec", 'c', "NAME", "the codec: see below"},
    {"text", '\0', "", "lines are messages of text themselves, and not JSON"},
    {"proto", '\0', "FILE", "the .proto file of TYPE in NAME; any number of them"},
    {"import", 'I', "FOLDER", "where FILE and what it imports are; that of FILE unless given"},
    {"max-bytes", '\0', "N", "the largest message; that of the framing unless given"},
    {"linger", 'l', "TIME",
     "how long after the end of input to wait for another message; 5 s unless given"},
    {"timeout", 't', "TIME", "for connecting: 5, 0.5s or 200ms; 30 s unless given"},
    {"verbose", 'v', "", "say when it is connected, and why it ended"},
    {"help", 'h', "", "print this"},
};
constexpr std::string_view words[] = {"ADDRESS"};

// Payloads that are in this program, beside those of any.
PayloadNames payload_names(const Schema* schema) {
  PayloadNames names;
#ifdef TWISTER_TOOL_ZLIB
  names.add("zlib", [names](std::string_view inner, const AnyPayloadOptions& payload) {
    return AnyPayload(Compressed<Zlib, AnyPayload>(Zlib(), AnyPayload(inner, payload, names)));
  });
#endif
#ifdef TWISTER_TOOL_ZSTD
  names.add("zstd", [names](std::string_view inner, const AnyPayloadOptions& payload) {
    return AnyPayload(Compressed<Zstd, AnyPayload>(Zstd(), AnyPayload(inner, payload, names)));
  });
#endif
  if (schema != nullptr) add_protobuf(names, schema->pool());
  return names;
}

struct Ending {
  bool closed = false;
  CloseReason reason{};
  bool bad_input = false;
};

class Conversation final : public MessageProtocol<AnyCodec> {
 public:
  Conversation(AnyCodec codec, Session& session, std::shared_ptr<Ending> ending, bool as_text,
               std::chrono::milliseconds linger)
      : MessageProtocol(std::move(codec)),
        session_(session),
        input_(session.loop(), session.console()),
        ending_(std::move(ending)),
        as_text_(as_text),
        linger_(linger) {}

 private:
  void on_connect() override {
    input_.start_cutting(lines_, [this] { send_lines(); });
  }
  void on_message(json& message) override {
    session_.console().print(as_text_ ? plain_text(message) : json_text(message));
    if (input_ended_) wait_for_answers();
  }
  void on_write_paused() override { input_.pause(); }
  void on_write_resumed() override {
    paused_ = false;
    input_.resume();
    send_lines();
  }
  void on_close(const CloseReason& reason) override {
    loop().cancel(linger_timer_);
    ending_->closed = true;
    ending_->reason = reason;
    session_.wake();
  }

  void send_lines() {
    try {
      while (is_open() && !paused_) {
        const std::optional<Text> line = lines_.next();
        if (!line) break;
        if (!line->text.empty() || as_text_) send_line(*line);
      }
      if (!lines_.ended() || paused_ || input_ended_) return;
    } catch (const Failure& failure) {  // too long to go on
      complain(failure.what());
    }
    input_ended_ = true;
    shutdown_write();
    wait_for_answers();
  }

  void send_line(const Text& line) {
    json value = line.text;
    if (!as_text_) {
      value = json::parse(line.text, nullptr, false);
      if (value.is_discarded()) {
        try {
          return require_json(line);
        } catch (const Failure& failure) {
          return complain(failure.what());
        }
      }
    }
    WriteStatus status = send(value);
    if (status == WriteStatus::refused) {
      if (const std::optional<json> bytes = bytes_of(value)) status = send(*bytes);
    }
    paused_ = status == WriteStatus::paused;
    if (status == WriteStatus::refused || status == WriteStatus::dropped) {
      complain("line " + std::to_string(line.line) + " was not sent: " +
               (status == WriteStatus::dropped ? "too much waits" : encode_error().message()));
    }
  }

  void complain(const std::string& what) {
    session_.console().complain(what);
    ending_->bad_input = true;
  }

  // Once more behind each message.
  void wait_for_answers() {
    loop().cancel(linger_timer_);
    if (is_open()) linger_timer_ = loop().call_later(linger_, [this] { close(); });
  }

  Session& session_;
  Input input_;
  LineSplitter lines_;
  std::shared_ptr<Ending> ending_;
  bool as_text_;
  std::chrono::milliseconds linger_;
  TimerId linger_timer_{};
  bool paused_ = false;
  bool input_ended_ = false;
};

AnyCodec codec_of(const Arguments& arguments, const Schema* schema) {
  const std::string name = arguments.value("codec").value_or("");
  if (name.empty()) throw UsageError("--codec NAME is missing");
  AnyCodecOptions limits;
  if (const auto text = arguments.value("max-bytes")) {
    if (text->empty() || text->size() > 12 ||
        text->find_first_not_of("0123456789") != std::string::npos) {
      throw UsageError("--max-bytes " + *text + ": not a number of bytes");
    }
    limits.max_frame_bytes = std::stoull(*text);
  }
  try {
    return AnyCodec(name, limits, payload_names(schema));
  } catch (const std::invalid_argument& error) {
    throw UsageError("--codec " + name + ": " + error.what());
  }
}

ExitCode conclude(const Session& session, Console& console, const Ending& ending, bool verbose) {
  const CloseReason& reason = ending.reason;
  const bool goodbye = reason.clean() || reason.code == Errc::closed_here;
  if (verbose || !goodbye)
    console.note("closed: " + (reason.code ? reason.message() : "by the peer"));
  if (!goodbye && !session.interrupted()) {
    const bool nonsense = reason.code.category() == codec_category();
    return nonsense ? ExitCode::status : ExitCode::connection;
  }
  return ending.bad_input && !console.reads_terminal() ? ExitCode::usage : ExitCode::ok;
}

std::string help() {
  return "usage: twister connect [OPTIONS] ADDRESS --codec NAME\n"
         "\n"
         "Sends the lines of standard input, each a JSON text, as messages, and prints the "
         "messages\n"
         "that come, likewise. Bytes are a string where they are UTF-8, else {\"hex\": \"00ff\"}, "
         "in both\n"
         "directions. Ends with the input, after the answers; by Ctrl-C; and when the peer "
         "closes.\n"
         "\n" +
         describe(options) + "\n\n" + AnyCodec::help(payload_names(nullptr)) +
         "\nwith --proto: protobuf:TYPE, such as lp32/protobuf:game.Move";
}

ExitCode run(Console& console, const Arguments& arguments) {
  const std::unique_ptr<Schema> schema = schema_of(arguments);
  const auto ending = std::make_shared<Ending>();
  const bool verbose = arguments.has("verbose");
  Session session(console, arguments.words()[0], arguments.time("timeout"));
  auto conversation = std::make_unique<Conversation>(codec_of(arguments, schema.get()), session,
                                                     ending, arguments.has("text"),
                                                     arguments.time("linger", 0ms).value_or(5s));
  Conversation& peer = *conversation;
  session.connect(std::move(conversation));
  if (verbose) console.note("connected to " + arguments.words()[0]);
  session.on_interrupt([&] {
    if (!ending->closed) peer.close();
  });
  session.run_until([&] { return ending->closed; });
  return conclude(session, console, *ending, verbose);
}

}  // namespace

const Command connect_command{
    "connect", "connect ADDRESS --codec NAME          send and receive messages of any codec",
    options,   words,
    &help,     &run};

}  // namespace twister::tool
