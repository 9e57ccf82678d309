// jsonrpc_service: a list of things to do, by JSON-RPC 2.0. Who watches is told of every change.
//   ./dev run jsonrpc_service
//   samples/clients/jsonrpc_client.py add '["buy milk"]'       or by hand, with nc 127.0.0.1 8888:
//   {"jsonrpc": "2.0", "id": 1, "method": "watch"}
//   {"jsonrpc": "2.0", "id": 2, "method": "add", "params": {"text": "buy milk"}}
// One message a line; with --framing content-length behind it, as language servers have it.
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <twister/rpc/json_rpc.hpp>
#include <twister/serve.hpp>

using nlohmann::json;

class Todos {
 public:
  // Functions of any arguments: they are checked, and taken by position or by name.
  void add_to(twister::JsonRpcMethods& methods) {
    methods.on("add", {"text"}, [this](const std::string& text) { return add(text); });
    methods.on("done", {"number"}, [this](int number) { return done(number); });
    methods.on("list", [this] { return list(); });
    methods.on("watch", [this](twister::JsonRpcContext& context, const json&) {
      watchers_.insert(context.peer());
    });
  }

 private:
  int add(const std::string& text) {
    if (texts_.size() >= max_todos) throw twister::JsonRpcError(1, "there is enough to do");
    texts_[++last_] = text;
    tell("added", last_);
    return last_;
  }

  bool done(int number) {
    if (texts_.erase(number) == 0) {
      throw twister::JsonRpcError(2, "nothing of that number", {{"number", number}});
    }
    tell("done", number);
    return true;
  }

  json list() const {
    json all = json::array();
    for (const auto& [number, text] : texts_) all.push_back({{"number", number}, {"text", text}});
    return all;
  }

  void tell(std::string_view what, int number) {
    std::erase_if(watchers_, [](const auto& watcher) { return !watcher->is_open(); });
    for (const auto& watcher : watchers_) {
      watcher->notify("changed", {{"what", what}, {"number", number}});
    }
  }

  static constexpr std::size_t max_todos = 1000;
  std::map<int, std::string> texts_;
  std::set<std::shared_ptr<twister::JsonRpcPeer>> watchers_;
  int last_ = 0;
};

int main(int argc, char** argv) try {
  twister::JsonRpcOptions options;
  if (argc > 2 && std::string_view(argv[argc - 2]) == "--framing") {
    options.framing = argv[argc - 1];
    argc -= 2;  // the rest is serve_main's
  }
  Todos todos;
  twister::JsonRpcMethods methods;
  todos.add_to(methods);
  return twister::serve_main(argc, argv, twister::build_json_rpc(methods, options),
                             {.max_threads = 1});  // all connections share the list
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 2;
}
