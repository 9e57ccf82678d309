// `twister call`: one call, whose requests and replies are JSON texts.
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <twister/rpc/stream.hpp>

#include "commands.hpp"
#include "input.hpp"
#include "protoc.hpp"
#include "rpc_link.hpp"
#include "texts.hpp"

namespace twister::tool {

namespace {

using google::protobuf::Message;

constexpr Option options[] = {
    {"proto", '\0', "FILE", "the .proto file of the method; without one the server is asked"},
    {"import", 'I', "FOLDER", "where FILE and what it imports are; that of FILE unless given"},
    {"metadata", 'm', "KEY=VALUE", "to be sent with the call; any number of times"},
    {"timeout", 't', "TIME",
     "for connecting, and for the call: 5, 0.5s or 200ms; 30 s, streams have none"},
    {"wire", 'w', "NAME", "rpc, or jsonrpc: METHOD is any name then, and the request its params"},
    {"framing", '\0', "NAME", "of jsonrpc: lines, lp32, content-length, ... ; lines unless given"},
    {"verbose", 'v', "", "print types, metadata, the status and the time it took"},
    {"help", 'h', "", "print this"},
};
constexpr std::string_view words[] = {"ADDRESS", "SERVICE/METHOD", "[JSON]"};

RpcMetadata metadata_of(const Arguments& arguments) {
  RpcMetadata metadata;
  for (const std::string& entry : arguments.values("metadata")) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError("--metadata " + entry + ": KEY=VALUE is how it is said");
    }
    try {
      metadata.add(entry.substr(0, equals), entry.substr(equals + 1));
    } catch (const std::length_error& error) {
      throw UsageError("--metadata " + entry.substr(0, 32) + ": " + error.what());
    }
  }
  return metadata;
}

// One call over a link that is there.
class Call {
 public:
  Call(Session& session, RpcLink& link, Schema& schema, const MethodInfo& method, bool verbose)
      : session_(session),
        link_(link),
        method_(method),
        request_(schema.prototype(method.request)),
        reply_(schema.prototype(method.reply)),
        verbose_(verbose) {}

  // `argument`: the request, or nothing when it is to be read.
  ExitCode run(const std::optional<std::string>& argument) {
    const auto begun = std::chrono::steady_clock::now();
    const bool streams =
        method_.kind == RpcKind::client_stream || method_.kind == RpcKind::both_streams;
    const RpcStatus status = streams ? send_stream(argument) : send_one(single_request(argument));
    if (failure_) throw Failure(*failure_);
    if (verbose_) {
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - begun;
      session_.console().note(to_string(status.code) + " after " + std::to_string(took.count()) +
                              " ms");
    }
    const ExitCode code = link_.conclude(status);
    return code == ExitCode::ok ? worst_ : code;
  }

 private:
  // All of the input, which has to be one text, or none: an empty message.
  std::unique_ptr<Message> single_request(const std::optional<std::string>& argument) {
    JsonSplitter texts;
    if (argument) {
      texts.add(*argument);
    } else {
      Input input(session_.loop(), session_.console());
      std::size_t size = 0;
      bool ended = false;
      input.start(
          [&](std::string_view bytes) {
            texts.add(bytes);
            size += bytes.size();
            ended = size > max_text_bytes;  // whatever it is, it is too long
            if (ended) session_.wake();
          },
          [&] {
            ended = true;
            session_.wake();
          });
      session_.run_until([&] { return ended; });
    }
    texts.end();
    Text text = texts.next().value_or(Text{"{}", 0});
    if (const auto second = texts.next()) {
      throw InputError("line " + std::to_string(second->line) + ": " + method_.name +
                       " takes one request, and this is a second");
    }
    if (argument) text.line = 0;
    return parse(text);
  }

  std::unique_ptr<Message> parse(const Text& text) const {
    require_json(text);
    return to_message(request_, text.text);
  }

  RpcStatus send_one(const std::unique_ptr<Message>& request) {
    switch (method_.kind) {
      case RpcKind::notice:
        link_.connection().notify(method_.name, *request, link_.options());
        return {};
      case RpcKind::server_stream:
        return receive(open_server_stream<Unparsed>(link_.connection(), method_.name, *request,
                                                    link_.options()));
      default: {
        const Answer answer = link_.call(method_.name, *request);
        if (verbose_) {
          for (const auto& [key, value] : answer.metadata)
            session_.console().note("< " + key + ": " + value);
        }
        if (answer.status.ok()) print(answer.reply);
        return answer.status;
      }
    }
  }

  RpcStatus send_stream(const std::optional<std::string>& argument) {
    RpcConnection& connection = link_.connection();
    const RpcStream<Message, Unparsed> stream =
        method_.kind == RpcKind::client_stream
            ? open_client_stream<Message, Unparsed>(connection, method_.name, link_.options())
            : open_stream<Message, Unparsed>(connection, method_.name, link_.options());
    writer_ = stream.writer;
    if (argument) texts_.add(*argument);
    input_.emplace(session_.loop(), session_.console());
    if (argument) {
      texts_.end();
      send_texts();
    } else {
      input_->start_cutting(texts_, [this] { send_texts(); });
    }
    const RpcStatus status = receive(stream.reader);
    input_.reset();
    return status;
  }

  // All that has been read, as far as there is room for it.
  void send_texts() {
    while (!blocked_ && !failure_) {
      const std::optional<Text> text = take_text();
      if (!text) break;
      try {
        blocked_ = writer_->send(*parse(*text)) == WriteStatus::paused;
      } catch (const Failure& failure) {
        refuse(failure);
      }
    }
    if (blocked_) {
      input_->pause();
      writer_->when_ready([this] {
        blocked_ = false;
        if (!input_ || writer_->closed()) return;  // the call has ended
        input_->resume();
        send_texts();
      });
    }
  }

  std::optional<Text> take_text() {
    try {
      std::optional<Text> text = texts_.next();
      if (!text && texts_.ended()) writer_->end();
      return text;
    } catch (const Failure& failure) {
      failure_ = failure;
      session_.wake();
      return std::nullopt;
    }
  }

  // On a terminal one may try again; a program that writes nonsense is stopped before it does harm.
  void refuse(const Failure& failure) {
    if (session_.console().reads_terminal()) return session_.console().complain(failure.what());
    failure_ = failure;
    session_.wake();
  }

  RpcStatus receive(const RpcReader<Unparsed>& reader) {
    std::optional<RpcStatus> end;
    reader.receive([this](Unparsed& reply) { print(reply); },
                   [&](const RpcStatus& status) {
                     end = status;
                     session_.wake();
                   });
    session_.on_interrupt([reader] { reader.cancel(); });
    session_.run_until([&] { return end.has_value() || failure_.has_value(); });
    if (!end) {
      reader.cancel();
      session_.run_until([&] { return end.has_value(); });
    }
    session_.on_interrupt({});
    return *end;
  }

  void print(const Unparsed& reply) {
    try {
      session_.console().print(to_json(reply_, reply.SerializeAsString()));
    } catch (const Failure& failure) {
      session_.console().complain(failure.what());
      worst_ = failure.code();
    }
  }

  Session& session_;
  RpcLink& link_;
  const MethodInfo& method_;
  const Message& request_;
  const Message& reply_;
  bool verbose_;
  JsonSplitter texts_;
  std::optional<RpcWriter<Message>> writer_;
  std::optional<Input> input_;
  std::optional<Failure> failure_;
  ExitCode worst_ = ExitCode::ok;
  bool blocked_ = false;
};

std::unique_ptr<Schema> ask_server(RpcLink& link, const std::string& method) {
  std::vector<MethodInfo> methods = link.methods(method);
  // Names that only begin so are of no use; then all are asked for, to say what is near.
  for (const MethodInfo& each : methods) {
    if (each.name == method) return link.describe(method, methods);
  }
  throw_unknown_method(method, link.methods(""));
}

// The request as it was given, or nothing when it is to be read from standard input.
std::optional<std::string> request_of(const Arguments& arguments, const Console& console,
                                      bool takes_stream) {
  if (arguments.words().size() > 2 && arguments.words()[2] != "-") return arguments.words()[2];
  const bool asked = arguments.words().size() > 2;
  if (asked || input_is_redirected() || (takes_stream && console.reads_terminal())) {
    return std::nullopt;
  }
  return "";
}

ExitCode call_by_rpc(Console& console, const Arguments& arguments) {
  const std::string& method = arguments.words()[1];
  const bool verbose = arguments.has("verbose");
  std::unique_ptr<Schema> schema = schema_of(arguments);
  if (schema != nullptr) (void)schema->method(method);
  Session session(console, arguments.words()[0], arguments.time("timeout"));
  RpcLink link(session, {arguments.time("timeout"), metadata_of(arguments)});
  if (schema == nullptr) schema = ask_server(link, method);
  const MethodInfo& info = schema->method(method);
  if (verbose) {
    console.note(info.name + ": " + std::string(name_of(info.kind)) + ", " + info.request + " to " +
                 info.reply);
    for (const auto& [key, value] : metadata_of(arguments)) console.note("> " + key + ": " + value);
  }
  const bool takes_stream =
      info.kind == RpcKind::client_stream || info.kind == RpcKind::both_streams;
  return Call(session, link, *schema, info, verbose)
      .run(request_of(arguments, console, takes_stream));
}

std::string help() {
  return "usage: twister call [OPTIONS] ADDRESS SERVICE/METHOD [JSON]\n"
         "\n"
         "Calls a method and prints its replies, a JSON text a line. JSON is the request; with - "
         "or\n"
         "without it, it is read from standard input if that is a pipe or a file, several texts "
         "for\n"
         "a stream of requests. ADDRESS is HOST:PORT, tls:HOST:PORT or unix:PATH.\n"
         "\n" +
         describe(options) +
         "\n"
         "\n"
         "  twister call localhost:8888 calculator.Calculator/Add '{\"a\": 2, \"b\": 3}'";
}

ExitCode run(Console& console, const Arguments& arguments) {
  const std::string wire = arguments.value("wire").value_or("rpc");
  if (wire == "rpc") {
    if (arguments.has("framing")) throw UsageError("--framing is for --wire jsonrpc");
    return call_by_rpc(console, arguments);
  }
  if (wire != "jsonrpc") throw UsageError("--wire " + wire + ": rpc and jsonrpc are known");
  for (const char* const name : {"proto", "import", "metadata"}) {
    if (arguments.has(name))
      throw UsageError("--" + std::string(name) + " is not for --wire jsonrpc");
  }
  return call_json_rpc(console, {.address = arguments.words()[0],
                                 .method = arguments.words()[1],
                                 .params = request_of(arguments, console, false).value_or("-"),
                                 .framing = arguments.value("framing").value_or("lines"),
                                 .timeout = arguments.time("timeout"),
                                 .verbose = arguments.has("verbose")});
}

}  // namespace

const Command call_command{
    "call",  "call ADDRESS SERVICE/METHOD [JSON]    call a method, and print its replies",
    options, words,
    &help,   &run};

}  // namespace twister::tool
