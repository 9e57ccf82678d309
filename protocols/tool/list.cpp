// `twister list`: what a server offers.
#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "rpc_link.hpp"

namespace twister::tool {

namespace {

constexpr Option options[] = {
    {"json", 'j', "", "print an array of objects: method, kind, request, reply"},
    {"timeout", 't', "TIME",
     "for connecting, and for each question: 5, 0.5s or 200ms; 30 s unless given"},
    {"help", 'h', "", "print this"},
};
constexpr std::string_view words[] = {"ADDRESS", "[SERVICE]"};

// "(ticker.Watch) returns (stream ticker.Tick)"
std::string signature(const MethodInfo& method) {
  const bool takes = method.kind == RpcKind::client_stream || method.kind == RpcKind::both_streams;
  const bool sends = method.kind == RpcKind::server_stream || method.kind == RpcKind::both_streams;
  std::string text = takes ? "(stream " : "(";
  text.append(method.request).append(")");
  if (method.kind == RpcKind::notice) return text + ", a notice";
  return text.append(sends ? " returns (stream " : " returns (").append(method.reply).append(")");
}

std::string as_json(const std::vector<MethodInfo>& methods) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const MethodInfo& each : methods) {
    all.push_back({{"method", each.name},
                   {"kind", name_of(each.kind)},
                   {"request", each.request},
                   {"reply", each.reply}});
  }
  return all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string as_lines(const std::vector<MethodInfo>& methods) {
  std::string text;
  for (const MethodInfo& each : methods) {
    text.append(text.empty() ? "" : "\n").append(each.name).append(" ").append(signature(each));
  }
  return text;
}

// As a .proto file says it.
std::string as_services(const std::vector<MethodInfo>& methods) {
  std::string text;
  std::string open;
  for (const MethodInfo& each : methods) {
    const std::size_t slash = std::min(each.name.rfind('/'), each.name.size());
    const std::string service = each.name.substr(0, slash);
    if (service != open) {
      text.append(open.empty() ? "service " : "}\n\nservice ").append(service).append(" {\n");
      open = service;
    }
    const bool notice = each.kind == RpcKind::notice;
    text.append("  rpc ").append(each.name.substr(std::min(slash + 1, each.name.size())));
    text.append(notice ? "(" + each.request + ");  // a notice: nobody answers"
                       : signature(each) + ";");
    text.append("\n");
  }
  return text + "}\n";
}

std::vector<MethodInfo> methods_of(RpcLink& link, const std::string& wanted) {
  std::vector<MethodInfo> all = link.methods(wanted);
  std::erase_if(all, [&](const MethodInfo& each) {
    return !wanted.empty() && each.name != wanted && !each.name.starts_with(wanted + "/");
  });
  if (all.empty() && !wanted.empty()) {
    std::vector<MethodInfo> known = link.methods("");
    std::vector<std::string> names;
    for (const MethodInfo& each : known) {
      names.push_back(each.name);
      names.push_back(each.name.substr(0, each.name.rfind('/')));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    throw InputError("there is no service or method " + wanted + did_you_mean(wanted, names));
  }
  std::sort(all.begin(), all.end(),
            [](const MethodInfo& a, const MethodInfo& b) { return a.name < b.name; });
  return all;
}

std::string help() {
  return "usage: twister list [OPTIONS] ADDRESS [SERVICE | SERVICE/METHOD]\n"
         "\n"
         "Prints the methods of a server, a line each; of one service, or of one method, the "
         "messages,\n"
         "too, as a .proto file has them. The server has to describe itself: add_reflection().\n"
         "\n" +
         describe(options);
}

ExitCode run(Console& console, const Arguments& arguments) {
  const std::string wanted = arguments.words().size() > 1 ? arguments.words()[1] : "";
  Session session(console, arguments.words()[0], arguments.time("timeout"));
  RpcLink link(session, {arguments.time("timeout"), {}});
  const std::vector<MethodInfo> methods = methods_of(link, wanted);
  if (arguments.has("json")) {
    console.print(as_json(methods));
  } else if (wanted.empty()) {
    console.print(as_lines(methods));
  } else {
    std::string text = as_services(methods) + link.describe(wanted, methods)->definitions(methods);
    text.erase(text.find_last_not_of('\n') + 1);
    console.print(text);
  }
  return ExitCode::ok;
}

}  // namespace

const Command list_command{
    "list",  "list ADDRESS [SERVICE]                show what a server offers",
    options, words,
    &help,   &run};

}  // namespace twister::tool
