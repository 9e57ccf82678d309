// kv: keys and values in memory, for Redis's own clients: a backend over a protocol that exists.
//   ./dev run kv            then:  redis-cli -p 8888      redis-benchmark -p 8888 -t set,get -q
// Strings and lists, which may expire, and channels. `--max-memory MIB` bounds what is stored (1024).
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include <twister/codecs/resp.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/serve.hpp>
#include <twister/shared_bytes.hpp>

using Args = std::span<const std::string_view>;  // the name of a command, and what it is given
using Reply = twister::RespWriter;
using List = std::deque<std::string>;
using Milliseconds = std::int64_t;

constexpr Milliseconds never = std::numeric_limits<Milliseconds>::max();

// Clients choose the keys: without a number that they do not know, one of them could choose a million
// that fall into the same bucket.
struct Hash {
  using is_transparent = void;  // looks up a view, without a copy
  std::uint64_t secret = std::uint64_t{std::random_device{}()} << 32 | std::random_device{}() | 1;

  std::size_t operator()(std::string_view key) const noexcept {
    __extension__ using Product = unsigned __int128;
    std::uint64_t hash = secret ^ key.size();
    for (std::size_t at = 0; at < key.size(); at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, key.data() + at, std::min<std::size_t>(key.size() - at, 8));
      const Product product = Product{hash ^ word} * secret;
      hash = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
    return hash;
  }
};
template <class Value>
using Map = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

struct Value {
  Milliseconds expires = never;
  std::size_t bytes = 0;  // what the store counts for it
  std::variant<std::string, List> data;
};
using Entry = std::pair<const std::string, Value>;

// A key that has expired is erased when it is asked for, or else by a timer, which looks at the
// earliest alone and erases so many at a time that nobody has to wait for it.
class Store {
 public:
  static constexpr std::size_t key_bytes = 192;  // about what a key costs beside its bytes
  static constexpr std::size_t item_bytes = 40;  // the same for an item of a list

  explicit Store(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  void run_on(twister::IOLoop& loop) {
    loop_ = &loop;
    sweep_.emplace(loop, std::chrono::milliseconds(100), [this] {
      const Milliseconds until = now();
      for (int left = 5000; left > 0 && !expiring_.empty(); --left) {
        if (expiring_.begin()->first > until) break;
        erase(*expiring_.begin()->second);
      }
    });
    sweep_->start();
  }

  Entry* find(std::string_view key) {
    const auto found = keys_.find(key);
    if (found == keys_.end()) return nullptr;
    if (found->second.expires == never || found->second.expires > now()) return &*found;
    erase(*found);
    return nullptr;
  }
  Entry& find_or_add(std::string_view key) {
    if (Entry* entry = find(key)) return *entry;
    Entry& entry = *keys_.try_emplace(std::string(key)).first;
    count(entry, key.size() + key_bytes);
    return entry;
  }
  void assign(Entry& entry, std::string_view text) {
    count(entry, entry.first.size() + key_bytes + text.size() - entry.second.bytes);
    if (entry.second.data.index() != 0) entry.second.data = std::string();
    std::get<std::string>(entry.second.data).assign(text);
  }
  // For whoever changes a list. What is taken away is a number that wraps around.
  void count(Entry& entry, std::size_t bytes) {
    entry.second.bytes += bytes;
    used_bytes_ += bytes;
  }
  void expire_at(Entry& entry, Milliseconds time) {
    if (entry.second.expires == time) return;
    if (entry.second.expires != never) expiring_.erase({entry.second.expires, &entry});
    entry.second.expires = time;
    if (time != never) expiring_.emplace(time, &entry);
  }
  void erase(Entry& entry) {
    expire_at(entry, never);
    used_bytes_ -= entry.second.bytes;
    keys_.erase(keys_.find(entry.first));
  }
  void clear() {
    expiring_.clear();
    keys_.clear();
    used_bytes_ = 0;
  }

  Milliseconds now() const {
    return std::chrono::floor<std::chrono::milliseconds>(loop_->now()).time_since_epoch().count();
  }
  std::size_t size() const { return keys_.size(); }
  std::size_t used_bytes() const { return used_bytes_; }
  bool is_full() const { return used_bytes_ > max_bytes_; }

 private:
  Map<Value> keys_;
  std::set<std::pair<Milliseconds, Entry*>> expiring_;  // the entries of a Map do not move
  twister::IOLoop* loop_ = nullptr;
  std::optional<twister::PeriodicCallback> sweep_;
  std::size_t used_bytes_ = 0;
  std::size_t max_bytes_;
};

class Session;

struct Server {
  Store store;
  Map<std::set<Session*>> channels{};
  std::size_t clients = 0;
};

// What a command cannot do. The texts are Redis's: clients look at them.
struct Refusal : std::runtime_error {
  using runtime_error::runtime_error;
};

Refusal wrong_number(std::string_view command) {
  return Refusal("ERR wrong number of arguments for '" + std::string(command) + "' command");
}

Refusal unknown(Args args) {
  std::string given;
  for (const std::string_view arg : args.subspan(1)) {
    if (given.size() < 128) given.append("'").append(arg.substr(0, 128 - given.size())) += "' ";
  }
  return Refusal("ERR unknown command '" + std::string(args[0].substr(0, 128)) +
                 "', with args beginning with: " + given);
}

Refusal unknown_subcommand(const char* command, std::string_view what) {
  return Refusal("ERR unknown subcommand '" + std::string(what.substr(0, 128)) + "'. Try " +
                 command + " HELP.");
}

std::int64_t to_integer(std::string_view text) {
  if (const auto value = twister::parse_resp_integer(text)) return *value;
  throw Refusal("ERR value is not an integer or out of range");
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return result;
}

// For replies that a short command can make long: to be called behind each item.
void check_size(const Reply& reply) {
  if (reply.size() > 8 * 1024 * 1024) throw Refusal("ERR the reply would be too long");
}

// One client: its commands, and the channels that it listens to.
class Session : public twister::MessageProtocol<twister::RespCommands> {
 public:
  explicit Session(Server& server) : server_(server), store_(server.store) {}

 private:
  enum Kind { plain, grows, subscribes };  // refused without memory; allowed to a subscriber
  struct Command {
    std::string_view name;
    int arguments;  // with the name; -2 is 2 or more
    void (*run)(Session& session, Args args, Reply& reply);
    Kind kind = plain;
  };
  static const Command commands[];
  static const Command* find_command(std::string_view name);

  void on_connect() override { ++server_.clients; }

  void on_message(Args args) override {
    write_in_place([&](twister::ByteBuffer& out) {
      Reply reply(out);
      try {
        run(args, reply);
      } catch (const Refusal& refusal) {
        reply.take_back();
        reply.error(refusal.what());
      }
      return true;
    });
    if (leaving_) close();
  }

  void on_message_error(const twister::CodecError& error) override {
    send(twister::RespValue::error("ERR Protocol error: " + error.message()));
  }

  void on_close(const twister::CloseReason&) override {
    --server_.clients;
    while (!channels_.empty()) leave(std::string(*channels_.begin()));
  }

  void run(Args args, Reply& reply) {
    const Command* command = find_command(args[0]);
    if (command == nullptr) throw unknown(args);
    const int given = static_cast<int>(args.size());
    const int least = std::abs(command->arguments);
    if (given < least || (given > least && command->arguments > 0)) {
      throw wrong_number(command->name);
    }
    if (command->kind == grows && store_.is_full()) {
      throw Refusal("OOM command not allowed when used memory > 'maxmemory'.");
    }
    if (command->kind != subscribes && !channels_.empty()) {
      throw Refusal("ERR Can't execute '" + std::string(command->name) +
                    "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
                    "in this context");
    }
    command->run(*this, args, reply);
  }

  // What a key holds, or null where there is no key.
  template <class T>
  T* find(std::string_view key) {
    Entry* entry = store_.find(key);
    if (entry == nullptr) return nullptr;
    if (T* value = std::get_if<T>(&entry->second.data)) return value;
    throw Refusal("WRONGTYPE Operation against a key holding the wrong kind of value");
  }

  // ---- strings ----

  static void text(const std::string* text, Reply& reply) {
    text == nullptr ? reply.null() : reply.bulk(*text);
  }

  void mget(Args args, Reply& reply) {
    reply.array(args.size() - 1);
    for (const std::string_view key : args.subspan(1)) {
      Entry* entry = store_.find(key);
      text(entry == nullptr ? nullptr : std::get_if<std::string>(&entry->second.data), reply);
      check_size(reply);
    }
  }

  void set(std::string_view key, std::string_view value, Milliseconds expires = never) {
    Entry& entry = store_.find_or_add(key);
    store_.assign(entry, value);
    store_.expire_at(entry, expires);
  }

  void set(Args args, Reply& reply) {
    std::string condition;  // nx: only a new key, xx: only one that is there
    std::string expiry;     // keepttl, or the unit of `time`
    std::string_view time;
    for (std::size_t i = 3; i < args.size(); ++i) {
      const std::string option = lower(args[i]);
      const bool timed = (option == "ex" || option == "px") && i + 1 < args.size();
      if ((option == "nx" || option == "xx") && (condition.empty() || condition == option)) {
        condition = option;
      } else if ((timed || option == "keepttl") && expiry.empty()) {
        expiry = option;
        if (timed) time = args[++i];
      } else {
        throw Refusal("ERR syntax error");
      }
    }
    Milliseconds expires = never;
    if (time.data() != nullptr) {
      const std::int64_t number = to_integer(time);
      if (number <= 0) throw Refusal("ERR invalid expire time in 'set' command");
      expires = to_expiry("set", expiry == "ex" ? 1000 : 1, number);
    }
    if (args.size() > 3) {
      const Entry* old = store_.find(args[1]);
      if (!condition.empty() && (condition == "xx") != (old != nullptr)) return reply.null();
      if (expiry == "keepttl" && old != nullptr) expires = old->second.expires;
    }
    set(args[1], args[2], expires);
    reply.simple("OK");
  }

  void mset(Args args, Reply& reply) {
    if (args.size() % 2 == 0) throw wrong_number("mset");
    for (std::size_t i = 1; i < args.size(); i += 2) set(args[i], args[i + 1]);
    reply.simple("OK");
  }

  void increase(std::string_view key, std::int64_t number, Reply& reply) {
    const std::string* old = find<std::string>(key);
    std::int64_t sum = 0;
    if (__builtin_add_overflow(old == nullptr ? 0 : to_integer(*old), number, &sum)) {
      throw Refusal("ERR increment or decrement would overflow");
    }
    store_.assign(store_.find_or_add(key), std::to_string(sum));
    reply.integer(sum);
  }

  static std::int64_t negative(std::string_view text) {
    const std::int64_t number = to_integer(text);
    if (number != std::numeric_limits<std::int64_t>::min()) return -number;
    throw Refusal("ERR decrement would overflow");
  }

  // ---- lists ----

  enum End { front, back };

  void push(End end, Args args, Reply& reply) {
    find<List>(args[1]);
    Entry& entry = store_.find_or_add(args[1]);
    if (entry.second.data.index() == 0) entry.second.data = List();  // a new key
    auto& list = std::get<List>(entry.second.data);
    for (const std::string_view item : args.subspan(2)) {
      end == front ? list.emplace_front(item) : list.emplace_back(item);
      store_.count(entry, item.size() + Store::item_bytes);
    }
    reply.integer(list.size());
  }

  void pop(End end, Args args, Reply& reply) {
    const bool many = args.size() > 2;
    if (args.size() > 3) throw wrong_number(end == front ? "lpop" : "rpop");
    const auto most = twister::parse_resp_integer(many ? args[2] : "1");
    if (!most || *most < 0) throw Refusal("ERR value is out of range, must be positive");
    auto* list = find<List>(args[1]);
    if (list == nullptr) return many ? reply.null_array() : reply.null();
    Entry& entry = *store_.find(args[1]);
    const auto count = std::min(static_cast<std::size_t>(*most), list->size());
    if (many) reply.array(count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string& item = end == front ? list->front() : list->back();
      store_.count(entry, 0 - item.size() - Store::item_bytes);
      reply.bulk(item);
      end == front ? list->pop_front() : list->pop_back();
    }
    if (list->empty()) store_.erase(entry);
  }

  void llen(std::string_view key, Reply& reply) {
    const List* list = find<List>(key);
    reply.integer(list == nullptr ? 0 : list->size());
  }

  void lrange(Args args, Reply& reply) {
    std::int64_t first = to_integer(args[2]);
    std::int64_t last = to_integer(args[3]);
    const auto* list = find<List>(args[1]);
    const auto size = list == nullptr ? 0 : static_cast<std::int64_t>(list->size());
    if (first < 0) first = std::max<std::int64_t>(first + size, 0);  // counts from the end
    if (last < 0) last += size;
    const std::int64_t end = std::min(last, size - 1) + 1;
    reply.array(first < end ? static_cast<std::size_t>(end - first) : 0);
    for (std::int64_t i = first; i < end; ++i) {
      reply.bulk((*list)[static_cast<std::size_t>(i)]);
      check_size(reply);
    }
  }

  // ---- keys ----

  std::ptrdiff_t erase(Args args) {
    return std::count_if(args.begin() + 1, args.end(), [this](std::string_view key) {
      Entry* entry = store_.find(key);
      if (entry != nullptr) store_.erase(*entry);
      return entry != nullptr;
    });
  }

  std::ptrdiff_t exist(Args args) {
    return std::count_if(args.begin() + 1, args.end(),
                         [this](std::string_view key) { return store_.find(key) != nullptr; });
  }

  const char* type_of(std::string_view key) {
    const Entry* entry = store_.find(key);
    if (entry == nullptr) return "none";
    return std::holds_alternative<List>(entry->second.data) ? "list" : "string";
  }

  // A number of units from now. Redis tells a time that is over from one that no clock reaches.
  Milliseconds to_expiry(const char* command, Milliseconds unit, std::int64_t number) const {
    Milliseconds time = 0;
    if (!__builtin_mul_overflow(number, unit, &time) &&
        !__builtin_add_overflow(time, store_.now(), &time)) {
      return time;
    }
    throw Refusal(std::string("ERR invalid expire time in '") + command + "' command");
  }

  int expire(const char* command, Milliseconds unit, Args args) {
    const Milliseconds time = to_expiry(command, unit, to_integer(args[2]));
    Entry* entry = store_.find(args[1]);
    if (entry == nullptr) return 0;
    store_.expire_at(*entry, time);
    store_.find(args[1]);  // erases it if the time is over
    return 1;
  }

  int persist(std::string_view key) {
    Entry* entry = store_.find(key);
    if (entry == nullptr || entry->second.expires == never) return 0;
    store_.expire_at(*entry, never);
    return 1;
  }

  Milliseconds time_to_live(std::string_view key, Milliseconds unit) {
    const Entry* entry = store_.find(key);
    if (entry == nullptr) return -2;
    const Milliseconds expires = entry->second.expires;
    return expires == never ? -1 : (expires - store_.now() + unit / 2) / unit;
  }

  // ---- channels ----

  void subscribe(Args args, Reply& reply) {
    constexpr std::size_t max_channels = 1024;
    for (const std::string_view channel : args.subspan(1)) {
      if (channels_.size() == max_channels) throw Refusal("ERR too many channels");
      channels_.emplace(channel);
      server_.channels[std::string(channel)].insert(this);
      tell("subscribe", channel, reply);
    }
  }

  void unsubscribe(Args args, Reply& reply) {
    std::vector<std::string> leaving(args.begin() + 1, args.end());
    if (leaving.empty()) leaving.assign(channels_.begin(), channels_.end());
    if (leaving.empty()) tell("unsubscribe", std::nullopt, reply);
    for (const std::string& channel : leaving) {
      leave(channel);
      tell("unsubscribe", channel, reply);
    }
  }

  void tell(std::string_view what, std::optional<std::string_view> channel, Reply& reply) {
    reply.array(3);
    reply.bulk(what);
    channel ? reply.bulk(*channel) : reply.null();
    reply.integer(channels_.size());
  }

  void leave(const std::string& channel) {
    if (channels_.erase(channel) == 0) return;
    const auto found = server_.channels.find(channel);
    found->second.erase(this);
    if (found->second.empty()) server_.channels.erase(found);
  }

  std::ptrdiff_t publish(std::string_view channel, std::string_view text) {
    const auto found = server_.channels.find(channel);
    if (found == server_.channels.end()) return 0;
    twister::ByteBuffer message;
    Reply(message).strings({"message", channel, text});
    const twister::SharedBytes bytes(message.view());  // encoded once, for everybody
    return std::count_if(found->second.begin(), found->second.end(), [&](Session* session) {
      const twister::WriteStatus status = session->write(bytes);
      return status == twister::WriteStatus::queued || status == twister::WriteStatus::paused;
    });
  }

  // ---- the server ----

  void ping(Args args, Reply& reply) const {
    if (args.size() > 2) throw wrong_number("ping");
    if (!channels_.empty()) return reply.strings({"pong", args.size() > 1 ? args[1] : ""});
    args.size() > 1 ? reply.bulk(args[1]) : reply.simple("PONG");
  }

  std::string info() const {
    return "# Server\r\nredis_version:7.0.0\r\n\r\n# Clients\r\nconnected_clients:" +
           std::to_string(server_.clients) +
           "\r\n\r\n# Memory\r\nused_memory:" + std::to_string(store_.used_bytes()) +
           "\r\n\r\n# Keyspace\r\ndb0:keys=" + std::to_string(store_.size()) + "\r\n";
  }

  static void config(Args args, Reply& reply) {  // what redis-benchmark asks for
    if (lower(args[1]) != "get") throw unknown_subcommand("CONFIG", args[1]);
    if (args[2] == "save") return reply.strings({"save", ""});
    if (args[2] == "appendonly") return reply.strings({"appendonly", "no"});
    reply.array(0);
  }

  static void client(Args args, Reply& reply) {  // what libraries say of themselves
    const std::string what = lower(args[1]);
    if (what != "setname" && what != "setinfo") throw unknown_subcommand("CLIENT", args[1]);
    reply.simple("OK");
  }

  static void hello(Args args, Reply& reply) {
    const bool is_known = args.size() == 1 || args[1] == "2";
    if (!is_known) throw Refusal("NOPROTO unsupported protocol version");
    reply.strings({"server", "kv", "version", "7.0.0", "proto", "2"});
  }

  static void select(std::string_view database, Reply& reply) {
    if (to_integer(database) != 0) throw Refusal("ERR DB index is out of range");
    reply.simple("OK");
  }

  Server& server_;
  Store& store_;
  std::set<std::string, std::less<>> channels_;
  bool leaving_ = false;
};

// s: the session, a: the command's name and arguments, r: where the reply goes.
const Session::Command Session::commands[] = {
    {"get", 2, [](Session& s, Args a, Reply& r) { text(s.find<std::string>(a[1]), r); }},
    {"mget", -2, [](Session& s, Args a, Reply& r) { s.mget(a, r); }},
    {"set", -3, [](Session& s, Args a, Reply& r) { s.set(a, r); }, grows},
    {"mset", -3, [](Session& s, Args a, Reply& r) { s.mset(a, r); }, grows},
    {"incr", 2, [](Session& s, Args a, Reply& r) { s.increase(a[1], 1, r); }, grows},
    {"decr", 2, [](Session& s, Args a, Reply& r) { s.increase(a[1], -1, r); }, grows},
    {"incrby", 3, [](Session& s, Args a, Reply& r) { s.increase(a[1], to_integer(a[2]), r); },
     grows},
    {"decrby", 3, [](Session& s, Args a, Reply& r) { s.increase(a[1], negative(a[2]), r); }, grows},
    {"lpush", -3, [](Session& s, Args a, Reply& r) { s.push(front, a, r); }, grows},
    {"rpush", -3, [](Session& s, Args a, Reply& r) { s.push(back, a, r); }, grows},
    {"lpop", -2, [](Session& s, Args a, Reply& r) { s.pop(front, a, r); }},
    {"rpop", -2, [](Session& s, Args a, Reply& r) { s.pop(back, a, r); }},
    {"llen", 2, [](Session& s, Args a, Reply& r) { s.llen(a[1], r); }},
    {"lrange", 4, [](Session& s, Args a, Reply& r) { s.lrange(a, r); }},
    {"del", -2, [](Session& s, Args a, Reply& r) { r.integer(s.erase(a)); }},
    {"exists", -2, [](Session& s, Args a, Reply& r) { r.integer(s.exist(a)); }},
    {"type", 2, [](Session& s, Args a, Reply& r) { r.simple(s.type_of(a[1])); }},
    {"expire", 3, [](Session& s, Args a, Reply& r) { r.integer(s.expire("expire", 1000, a)); }},
    {"pexpire", 3, [](Session& s, Args a, Reply& r) { r.integer(s.expire("pexpire", 1, a)); }},
    {"persist", 2, [](Session& s, Args a, Reply& r) { r.integer(s.persist(a[1])); }},
    {"ttl", 2, [](Session& s, Args a, Reply& r) { r.integer(s.time_to_live(a[1], 1000)); }},
    {"pttl", 2, [](Session& s, Args a, Reply& r) { r.integer(s.time_to_live(a[1], 1)); }},
    {"subscribe", -2, [](Session& s, Args a, Reply& r) { s.subscribe(a, r); }, subscribes},
    {"unsubscribe", -1, [](Session& s, Args a, Reply& r) { s.unsubscribe(a, r); }, subscribes},
    {"publish", 3, [](Session& s, Args a, Reply& r) { r.integer(s.publish(a[1], a[2])); }},
    {"ping", -1, [](Session& s, Args a, Reply& r) { s.ping(a, r); }, subscribes},
    {"echo", 2, [](Session&, Args a, Reply& r) { r.bulk(a[1]); }},
    {"info", -1, [](Session& s, Args, Reply& r) { r.bulk(s.info()); }},
    {"command", -1, [](Session&, Args, Reply& r) { r.array(0); }},
    {"config", -3, [](Session&, Args a, Reply& r) { config(a, r); }},
    {"client", -2, [](Session&, Args a, Reply& r) { client(a, r); }},
    {"hello", -1, [](Session&, Args a, Reply& r) { hello(a, r); }},
    {"select", 2, [](Session&, Args a, Reply& r) { select(a[1], r); }},
    {"dbsize", 1, [](Session& s, Args, Reply& r) { r.integer(s.store_.size()); }},
    {"flushall", -1, [](Session& s, Args, Reply& r) { s.store_.clear(), r.simple("OK"); }},
    {"quit", -1, [](Session& s, Args, Reply& r) { s.leaving_ = true, r.simple("OK"); }, subscribes},
    // A browser, sent here by somebody's page: what follows may look like commands.
    {"post", -1, [](Session& s, Args, Reply&) { s.leaving_ = true; }, subscribes},
    {"host:", -1, [](Session& s, Args, Reply&) { s.leaving_ = true; }, subscribes},
};

const Session::Command* Session::find_command(std::string_view name) {
  static const auto by_name = [] {
    Map<const Command*> map;
    for (const Command& command : commands) map.emplace(command.name, &command);
    return map;
  }();
  const auto found = by_name.find(lower(name));
  return found == by_name.end() ? nullptr : found->second;
}

// Takes `--max-memory MIB` out of the arguments; what is left is serve_main's.
std::optional<std::size_t> take_max_mib(int& argc, char** argv) {
  char** const option = std::find(argv, argv + argc, std::string_view("--max-memory"));
  if (option == argv + argc) return 1024;
  const auto value = twister::parse_resp_integer(option + 1 < argv + argc ? option[1] : "");
  if (!value || *value <= 0 || *value > 1 << 30) return std::nullopt;
  std::copy(option + 2, argv + argc + 1, option);
  argc -= 2;
  return *value;
}

int main(int argc, char** argv) {
  const auto max_mib = take_max_mib(argc, argv);
  if (!max_mib) {
    std::fprintf(stderr, "%s: --max-memory takes a number of MiB\n", argv[0]);
    return 2;
  }
  Server server{Store(*max_mib << 20)};
  twister::ServeOptions options;
  options.max_threads = 1;  // all connections share the store
  // A subscriber that is slower than this is disconnected, as Redis does it, and may come again.
  options.server.stream.max_write_buffer_size = 32 * 1024 * 1024;
  const auto make = [&server](twister::IOLoop& loop, std::string_view address,
                              const twister::ServerOptions& server_options) {
    server.store.run_on(loop);
    return std::make_unique<twister::TcpServer>(
        loop, address, twister::build<Session>(std::ref(server)), server_options);
  };
  return twister::serve_main(argc, argv, make, options);
}
