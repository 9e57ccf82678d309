// talk_server: a server for the tests of the program twister, and of the client in Python. It describes itself.
//   talk_server [--host HOST] [--port PORT] [--unlisted] (it does not)
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <string>

#include <twister/rpc/names.hpp>
#include <twister/rpc/reflection.hpp>
#include <twister/rpc/server.hpp>
#include <twister/rpc/services.hpp>
#include <twister/rpc/stream.hpp>
#include <twister/rpc/task.hpp>
#include <twister/serve.hpp>

#include "talk.pb.h"

namespace {

using talk::Heard;
using talk::Say;
using twister::RpcContext;
using twister::RpcReader;
using twister::RpcStatus;
using twister::RpcTask;
using twister::RpcWriter;

RpcStatus echo(RpcContext& context, const Say& say, Say& reply) {
  for (const auto& [key, value] : context.metadata()) {
    context.reply_metadata().add("got-" + key, value);
  }
  reply = say;
  return {};
}

// With all that a terminal would obey.
RpcStatus fail(RpcContext&, const Say& say, Say&) {
  RpcStatus status(twister::RpcCode::not_found, "no such room: \x1b[2J" + say.text());
  status.details = std::string("room\0\xff", 6);
  return status;
}

RpcTask<Say> never(RpcContext& context, const Say& say) {
  for (bool wanted = true; wanted;) {
    wanted = co_await twister::sleep(context, std::chrono::hours(1));
  }
  std::fprintf(stderr, "given up: %s\n", say.text().c_str());
  co_return Say();
}

RpcTask<> repeat(RpcContext&, const Say& say, RpcWriter<Heard> out) {
  Heard heard;
  heard.set_text(say.text());
  for (int i = 0; i < say.times() && co_await out.ready(); ++i) {
    heard.set_count(i + 1);
    out.send(heard);
  }
}

RpcTask<Heard> join(RpcContext&, RpcReader<Say> in) {
  Heard heard;
  for (;;) {
    const std::optional<Say> say = co_await in.read();
    if (!say) break;
    heard.set_text(heard.text() + say->text());
    heard.set_count(heard.count() + 1);
  }
  co_return heard;
}

RpcTask<> converse(RpcContext&, RpcReader<Say> in, RpcWriter<Heard> out) {
  Heard heard;
  for (;;) {
    const std::optional<Say> say = co_await in.read();
    if (!say) break;
    heard.set_text(say->text());
    heard.set_count(heard.count() + 1);
    out.send(heard);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  twister::RpcServices services;
  services.on<Say, Say>("talk.Talk/Echo", echo);
  services.on<Say, Say>("talk.Talk/Fail", fail);
  services.on<Say, Say>("talk.Talk/Never", never);
  services.on_server_stream<Say, Heard>("talk.Talk/Repeat", repeat);
  services.on_client_stream<Say, Heard>("talk.Talk/Join", join);
  services.on_stream<Say, Heard>("talk.Talk/Converse", converse);
  services.on_notice<Say>("talk.Talk/Note", [](RpcContext&, const Say& say) {
    std::fprintf(stderr, "noted: %s\n", say.text().c_str());
  });
  twister::add_names(services);
  if (argc > 1 && std::strcmp(argv[argc - 1], "--unlisted") == 0) {
    --argc;
  } else {
    twister::add_reflection(services);
  }
  return twister::serve_main(argc, argv, twister::serve_rpc(services), {.max_threads = 1});
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
