// kv: keys and values in memory, for Redis's own clients: a backend over a protocol that exists.
//   ./dev run kv            then:  redis-cli -p 8888      redis-benchmark -p 8888 -t set,get -q
// Strings and lists, which may expire, and channels. Bounded by `--max-memory`; not kept on disk.
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
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include <twister/protocols/resp_protocol.hpp>
#include <twister/serve.hpp>
#include <twister/shared_bytes.hpp>

using Args = twister::RespArgs;
using Refusal = twister::RespError;
using Reply = twister::RespWriter;
using twister::resp_integer;
using twister::resp_lower;
using twister::unknown_subcommand;
using twister::wrong_number_of_arguments;
using List = std::deque<std::string>;
using Milliseconds = std::int64_t;
constexpr Milliseconds never = std::numeric_limits<Milliseconds>::max();

// Clients choose the keys: without a number that they do not know, one of them could choose a million
// that fall into the same bucket.
struct Hash {
  using is_transparent = void;  // looks up a view, without a copy
  std::uint64_t secret = std::uint64_t{std::random_device{}()} << 32 | std::random_device{}() | 1;

  std::size_t operator()(std::string_view key) const noexcept {
    std::uint64_t hash = secret ^ key.size();
    for (std::size_t at = 0; at < key.size(); at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, key.data() + at, std::min<std::size_t>(key.size() - at, 8));
      __extension__ const auto product = static_cast<unsigned __int128>(hash ^ word) * secret;
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
  static constexpr std::size_t key_bytes = 192;   // about what a key costs beside its bytes
  static constexpr std::size_t item_bytes = 40;   // the same for an item of a list,
  static constexpr std::size_t list_bytes = 600;  // and for a list
  explicit Store(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  void run_on(twister::IOLoop& loop) {
    loop_ = &loop;
    sweep_.emplace(loop, std::chrono::milliseconds(25), [this] { sweep(); });
    sweep_->start();
  }
  // Erases what has expired, a part at a time; true if the store is full even so.
  bool sweep() {
    start_command();
    for (int left = 5000; left > 0 && !expiring_.empty(); --left) {
      if (expiring_.begin()->first > now()) break;
      erase(*expiring_.begin()->second);
    }
    return is_full();
  }
  // While one command runs, time stands still: a key is there to its end, or not at all.
  void start_command() { now_ = never; }
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
    auto* old = std::get_if<std::string>(&entry.second.data);
    // Room that is not counted is not kept.
    if (old == nullptr || old->capacity() / 4 > text.size() + 256)
      entry.second.data.emplace<std::string>();
    std::get<std::string>(entry.second.data).assign(text);
  }
  void make_list(Entry& entry) { entry.second.data = List(), count(entry, list_bytes); }
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
    using std::chrono::milliseconds;
    if (now_ == never) now_ = floor<milliseconds>(loop_->now()).time_since_epoch().count();
    return now_;
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
  mutable Milliseconds now_ = never;  // not asked for yet
};
class Session;
struct Server {
  Store store;
  Map<std::set<Session*>> channels{};
};

// For replies that a short command can make long.
void check_size(std::size_t bytes) {
  if (bytes > 8 * 1024 * 1024) throw Refusal("ERR the reply would be too long");
}

// One client: what its commands do, and the channels that it listens to.
class Session : public twister::RespProtocol {
 public:
  explicit Session(Server& server) : server_(server), store_(server.store) {}

 private:
  enum Kind { plain, grows, subscribes };  // refused without memory; allowed to a subscriber
  static const twister::RespCommandTable<Session>& commands();
  void on_command(Args args, Reply& reply) override {
    const auto& command = commands().find(args);
    store_.start_command();
    if (command.kind == grows && store_.is_full() && store_.sweep())
      throw Refusal("OOM command not allowed when used memory > 'maxmemory'.");
    if (command.kind != subscribes && !channels_.empty())
      throw Refusal("ERR Can't execute '" + std::string(command.name) +
                    "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
                    "in this context");
    command.run(*this, args, reply);
  }
  void on_close(const twister::CloseReason&) override { leave_all(); }
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
      check_size(reply.size());
    }
  }
  void set(std::string_view key, std::string_view value, Milliseconds expires = never) {
    Entry& entry = store_.find_or_add(key);
    store_.assign(entry, value);
    store_.expire_at(entry, expires);
  }
  void set(Args args, Reply& reply) {
    std::string condition;  // nx: a new key only, xx: only one that is there
    std::string expiry;     // keepttl, or the unit of the number
    std::string_view number = "1";
    for (std::size_t i = 3; i < args.size(); ++i) {
      const std::string option = resp_lower(args[i]);
      const bool is_time = (option == "ex" || option == "px") && i + 1 < args.size();
      if ((option == "nx" || option == "xx") && (condition.empty() || condition == option)) {
        condition = option;
      } else if ((is_time || option == "keepttl") && (expiry.empty() || expiry == option)) {
        expiry = option;
        if (is_time) number = args[++i];
      } else {
        throw Refusal("ERR syntax error");
      }
    }
    const std::int64_t time = resp_integer(number);
    if (time <= 0) throw Refusal("ERR invalid expire time in 'set' command");
    Milliseconds expires = never;
    if (expiry == "ex" || expiry == "px") expires = after("set", expiry == "ex" ? 1000 : 1, time);
    const Entry* old = expiry.empty() && condition.empty() ? nullptr : store_.find(args[1]);
    if (!condition.empty() && (condition == "xx") != (old != nullptr)) return reply.null();
    if (expiry == "keepttl" && old != nullptr) expires = old->second.expires;
    set(args[1], args[2], expires);
    reply.simple("OK");
  }
  void mset(Args args, Reply& reply) {
    if (args.size() % 2 == 0) throw wrong_number_of_arguments("mset");
    for (std::size_t i = 1; i < args.size(); i += 2) set(args[i], args[i + 1]);
    reply.simple("OK");
  }
  void add(std::string_view key, std::int64_t number, Reply& reply) {
    const std::string* old = find<std::string>(key);
    std::int64_t sum = 0;
    if (__builtin_add_overflow(old == nullptr ? 0 : resp_integer(*old), number, &sum))
      throw Refusal("ERR increment or decrement would overflow");
    store_.assign(store_.find_or_add(key), std::to_string(sum));
    reply.integer(sum);
  }
  static std::int64_t negative(std::string_view text) {
    const std::int64_t number = resp_integer(text);
    if (number != std::numeric_limits<std::int64_t>::min()) return -number;
    throw Refusal("ERR decrement would overflow");
  }

  // ---- lists ----
  enum End { front, back };
  void push(End end, Args args, Reply& reply) {
    find<List>(args[1]);  // not something else
    Entry& entry = store_.find_or_add(args[1]);
    if (entry.second.data.index() == 0) store_.make_list(entry);  // a new key
    auto& list = std::get<List>(entry.second.data);
    for (const std::string_view item : args.subspan(2)) {
      end == front ? list.emplace_front(item) : list.emplace_back(item);
      store_.count(entry, item.size() + Store::item_bytes);
    }
    reply.integer(list.size());
  }
  void pop(End end, Args args, Reply& reply) {
    const bool many = args.size() > 2;
    if (args.size() > 3) throw wrong_number_of_arguments(end == front ? "lpop" : "rpop");
    const auto most = twister::parse_resp_integer(many ? args[2] : "1");
    if (!most || *most < 0) throw Refusal("ERR value is out of range, must be positive");
    auto* list = find<List>(args[1]);
    if (list == nullptr) return many ? reply.null_array() : reply.null();
    Entry& entry = *store_.find(args[1]);
    const auto count = std::min(static_cast<std::size_t>(*most), list->size());
    std::size_t bytes = 0;  // before the first item is gone
    for (std::size_t i = 0; i < count; ++i)
      check_size(bytes += (*list)[end == front ? i : list->size() - 1 - i].size());
    if (many) reply.array(count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string& item = end == front ? list->front() : list->back();
      store_.count(entry, 0 - item.size() - Store::item_bytes);
      reply.bulk(item);
      end == front ? list->pop_front() : list->pop_back();
    }
    if (list->empty()) store_.erase(entry);
  }
  std::size_t length_of(std::string_view key) {
    const auto* list = find<List>(key);
    return list == nullptr ? 0 : list->size();
  }
  void lrange(Args args, Reply& reply) {
    std::int64_t first = resp_integer(args[2]);
    std::int64_t last = resp_integer(args[3]);
    const auto* list = find<List>(args[1]);
    const auto size = static_cast<std::int64_t>(list == nullptr ? 0 : list->size());
    if (first < 0) first = std::max<std::int64_t>(first + size, 0);  // counts from the end
    if (last < 0) last += size;
    const std::int64_t end = std::min(last, size - 1) + 1;
    reply.array(first < end ? static_cast<std::size_t>(end - first) : 0);
    for (std::int64_t i = first; i < end; ++i) {
      reply.bulk((*list)[static_cast<std::size_t>(i)]);
      check_size(reply.size());
    }
  }

  // ---- keys ----
  std::size_t count(Args args, bool erases) {
    std::size_t found = 0;
    for (const std::string_view key : args.subspan(1)) {
      Entry* entry = store_.find(key);
      if (entry == nullptr) continue;
      ++found;
      if (erases) store_.erase(*entry);
    }
    return found;
  }
  // So many units from now. A time that is over is no mistake, one that no clock reaches is.
  Milliseconds after(const char* command, Milliseconds unit, std::int64_t number) const {
    Milliseconds time = 0;
    if (__builtin_mul_overflow(number, unit, &time) ||
        __builtin_add_overflow(time, store_.now(), &time) || time == never)
      throw Refusal(std::string("ERR invalid expire time in '") + command + "' command");
    return time;
  }
  const char* type_of(std::string_view key) {
    const Entry* entry = store_.find(key);
    return entry == nullptr ? "none" : entry->second.data.index() == 0 ? "string" : "list";
  }
  bool expire(Args args, const char* command, Milliseconds unit) {
    if (args.size() > 3) throw Refusal("ERR Unsupported option " + std::string(args[3]));
    return expire_at(args[1], after(command, unit, resp_integer(args[2])));
  }
  bool expire_at(std::string_view key, Milliseconds time) {
    Entry* entry = store_.find(key);
    if (entry == nullptr || (time == never && entry->second.expires == never)) return false;
    store_.expire_at(*entry, time);
    store_.find(key);  // erases it if the time is over
    return true;
  }
  Milliseconds time_to_live(std::string_view key, Milliseconds unit) {
    const Entry* entry = store_.find(key);
    if (entry == nullptr) return -2;
    const Milliseconds expires = entry->second.expires;
    return expires == never ? -1 : (expires - store_.now() + unit / 2) / unit;
  }

  // ---- channels ----
  void subscribe(Args args, Reply& reply) {
    for (const std::string_view channel : args.subspan(1)) {
      const bool full = channels_.size() == 1024 && !channels_.contains(channel);
      if (full) return reply.error("ERR too many channels");
      if (channel.size() > 1024) return reply.error("ERR channel name too long");
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
  void leave_all() {
    while (!channels_.empty()) leave(std::string(*channels_.begin()));
  }
  void leave(const std::string& channel) {
    if (channels_.erase(channel) == 0) return;
    const auto found = server_.channels.find(channel);
    found->second.erase(this);
    if (found->second.empty()) server_.channels.erase(found);
  }
  std::size_t publish(std::string_view channel, std::string_view text) {
    const auto found = server_.channels.find(channel);
    if (found == server_.channels.end()) return 0;
    twister::ByteBuffer message;
    Reply(message).strings({"message", channel, text});
    const twister::SharedBytes bytes(message.view());  // encoded once, for everybody
    for (Session* session : found->second) session->write(bytes);
    return found->second.size();
  }

  // ---- the server ----
  void ping(Args args, Reply& reply) const {
    if (args.size() > 2) throw wrong_number_of_arguments("ping");
    if (!channels_.empty()) return reply.strings({"pong", args.size() > 1 ? args[1] : ""});
    args.size() > 1 ? reply.bulk(args[1]) : reply.simple("PONG");
  }
  std::string info() const {
    return "# Server\r\nredis_version:7.0.0\r\n\r\n# Memory\r\nused_memory:" +
           std::to_string(store_.used_bytes()) +
           "\r\n\r\n# Keyspace\r\ndb0:keys=" + std::to_string(store_.size()) + "\r\n";
  }
  static void config(Args args, Reply& reply) {
    if (resp_lower(args[1]) != "get") throw unknown_subcommand("CONFIG", args[1]);
    const std::string name = resp_lower(args[2]);  // redis-benchmark asks for these two
    if (name != "save" && name != "appendonly") return reply.array(0);
    reply.strings({name, name == "save" ? "" : "no"});
  }
  static void client(Args args, Reply& reply) {
    const std::string what = resp_lower(args[1]);
    if (what != "setname" && what != "setinfo") throw unknown_subcommand("CLIENT", args[1]);
    reply.simple("OK");
  }
  static void hello(Args args, Reply& reply) {
    if (args.size() > 1 && args[1] != "2") throw Refusal("NOPROTO unsupported protocol version");
    if (args.size() > 2) throw Refusal("ERR Syntax error in HELLO option");
    reply.array(6);
    for (const char* text : {"server", "kv", "version", "7.0.0", "proto"}) reply.bulk(text);
    reply.integer(2);
  }
  static void select(std::string_view database, Reply& reply) {
    if (resp_integer(database) != 0) throw Refusal("ERR DB index is out of range");
    reply.simple("OK");
  }
  Server& server_;
  Store& store_;
  std::set<std::string, std::less<>> channels_;
};

// s: the session, a: the name and what follows it, r: where the reply goes.
const twister::RespCommandTable<Session>& Session::commands() {
  static const twister::RespCommandTable<Session> table = {
      {"get", 2, [](Session& s, Args a, Reply& r) { text(s.find<std::string>(a[1]), r); }},
      {"mget", -2, [](Session& s, Args a, Reply& r) { s.mget(a, r); }},
      {"set", -3, [](Session& s, Args a, Reply& r) { s.set(a, r); }, grows},
      {"mset", -3, [](Session& s, Args a, Reply& r) { s.mset(a, r); }, grows},
      {"incr", 2, [](Session& s, Args a, Reply& r) { s.add(a[1], 1, r); }, grows},
      {"decr", 2, [](Session& s, Args a, Reply& r) { s.add(a[1], -1, r); }, grows},
      {"incrby", 3, [](Session& s, Args a, Reply& r) { s.add(a[1], resp_integer(a[2]), r); },
       grows},
      {"decrby", 3, [](Session& s, Args a, Reply& r) { s.add(a[1], negative(a[2]), r); }, grows},
      {"lpush", -3, [](Session& s, Args a, Reply& r) { s.push(front, a, r); }, grows},
      {"rpush", -3, [](Session& s, Args a, Reply& r) { s.push(back, a, r); }, grows},
      {"lpop", -2, [](Session& s, Args a, Reply& r) { s.pop(front, a, r); }},
      {"rpop", -2, [](Session& s, Args a, Reply& r) { s.pop(back, a, r); }},
      {"llen", 2, [](Session& s, Args a, Reply& r) { r.integer(s.length_of(a[1])); }},
      {"lrange", 4, [](Session& s, Args a, Reply& r) { s.lrange(a, r); }},
      {"del", -2, [](Session& s, Args a, Reply& r) { r.integer(s.count(a, true)); }},
      {"exists", -2, [](Session& s, Args a, Reply& r) { r.integer(s.count(a, false)); }},
      {"type", 2, [](Session& s, Args a, Reply& r) { r.simple(s.type_of(a[1])); }},
      {"expire", -3, [](Session& s, Args a, Reply& r) { r.integer(s.expire(a, "expire", 1000)); }},
      {"pexpire", -3, [](Session& s, Args a, Reply& r) { r.integer(s.expire(a, "pexpire", 1)); }},
      {"persist", 2, [](Session& s, Args a, Reply& r) { r.integer(s.expire_at(a[1], never)); }},
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
      {"flushall", 1, [](Session& s, Args, Reply& r) { s.store_.clear(), r.simple("OK"); }},
      {"reset", 1, [](Session& s, Args, Reply& r) { s.leave_all(), r.simple("RESET"); },
       subscribes},
      {"quit", -1, [](Session& s, Args, Reply& r) { s.close(), r.simple("OK"); }, subscribes},
      // A browser, sent here by somebody's page: what follows may look like commands.
      {"post", -1, [](Session& s, Args, Reply&) { s.close(); }, subscribes},
      {"host:", -1, [](Session& s, Args, Reply&) { s.close(); }, subscribes},
  };
  return table;
}

int main(int argc, char** argv) {
  // An option that serve_main() does not know: it is taken out, wherever it stands.
  char** const option = std::find(argv, argv + argc, std::string_view("--max-memory"));
  const auto left = argv + argc - option;
  const auto max_mib = twister::parse_resp_integer(left == 0 ? "1024" : left == 1 ? "" : option[1]);
  if (!max_mib || *max_mib < 1 || *max_mib > 1 << 30) {
    std::fprintf(stderr, "%s: --max-memory: no number of MiB\n", argv[0]);
    return 2;
  }
  if (left > 0) std::copy(option + 2, argv + argc + 1, option), argc -= 2;
  Server server{Store(static_cast<std::size_t>(*max_mib) << 20)};
  twister::ServeOptions options{.max_threads = 1};  // all connections share the store
  // A subscriber that is slower than this is disconnected, as Redis does it, and may come again.
  options.server.stream.max_write_buffer_size = 32 * 1024 * 1024;
  const auto make = [&server](twister::IOLoop& loop, std::string_view address, const auto& its) {
    server.store.run_on(loop);
    return std::make_unique<twister::TcpServer>(loop, address,
                                                twister::build<Session>(std::ref(server)), its);
  };
  const int status = twister::serve_main(argc, argv, make, options);
  if (std::find(argv, argv + argc, std::string_view("--help")) != argv + argc)
    std::puts("  --max-memory MIB         keys and values; what adds to more is refused (1024)");
  return status;
}
