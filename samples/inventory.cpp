// inventory: a store's stock, over several protobuf messages. Who watches is told of every change.
//   ./dev run inventory     messages: samples/inventory.proto; a client: samples/clients/inventory_client.py
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/tagged_protobuf.hpp>
#include <twister/protocols/dispatching_protocol.hpp>
#include <twister/protocols/protobuf_log.hpp>
#include <twister/serve.hpp>

#include "inventory.pb.h"

using Messages = twister::Framed<twister::LengthPrefixed, twister::TaggedProtobuf>;

// What both sides can say, and by which numbers.
const twister::ProtobufTypes& types() {
  static const auto types = twister::ProtobufTypes()
                                .add<inventory::Add>(1)
                                .add<inventory::Take>(2)
                                .add<inventory::Watch>(3)
                                .add<inventory::Stock>(4)
                                .add<inventory::Stocks>(5)
                                .add<inventory::Refused>(6);
  return types;
}

struct Store {
  static constexpr std::size_t max_items = 1000;
  std::map<std::string, std::uint32_t> counts;
  std::set<class Clerk*> watchers;
};

class Clerk : public twister::DispatchingProtocol<Clerk, Messages> {
 public:
  explicit Clerk(Store& store) : DispatchingProtocol(handlers()), store_(store) {}

 private:
  static const Handlers& handlers() {
    static const auto handlers = Handlers(types())
                                     .on<inventory::Add>(&Clerk::on_add)
                                     .on<inventory::Take>(&Clerk::on_take)
                                     .on<inventory::Watch>(&Clerk::on_watch);
    return handlers;
  }

  void on_add(inventory::Add& add) {
    if (add.item().empty() || add.item().size() > 64) return refuse("no such name");
    if (store_.counts.size() == Store::max_items && !store_.counts.contains(add.item()))
      return refuse("full");
    std::uint32_t& count = store_.counts[add.item()];
    if (add.count() > UINT32_MAX - count) return refuse("too many");
    tell(add.item(), count += add.count());
  }

  void on_take(inventory::Take& take) {
    const auto found = store_.counts.find(take.item());
    if (found == store_.counts.end() || found->second < take.count()) return refuse("not enough");
    const std::uint32_t left = found->second -= take.count();
    if (left == 0) store_.counts.erase(found);
    tell(take.item(), left);
  }

  void on_watch(inventory::Watch&) {
    inventory::Stocks all;
    for (const auto& [item, count] : store_.counts) fill(*all.add_stocks(), item, count);
    send(all);
    store_.watchers.insert(this);
  }

  void on_close(const twister::CloseReason&) override { store_.watchers.erase(this); }

  static void fill(inventory::Stock& stock, const std::string& item, std::uint32_t count) {
    stock.set_item(item);
    stock.set_count(count);
  }

  void tell(const std::string& item, std::uint32_t count) {
    inventory::Stock stock;
    fill(stock, item, count);
    if (!store_.watchers.contains(this)) send(stock);
    for (Clerk* watcher : store_.watchers) watcher->send(stock);
  }

  void refuse(const char* why) {
    inventory::Refused refused;
    refused.set_why(why);
    send(refused);
  }

  Store& store_;
};

int main(int argc, char** argv) {
  twister::log_protobuf();
  Store store;  // shared by all connections: hence one thread
  return twister::serve_main(argc, argv, twister::build<Clerk>(std::ref(store)),
                             {.max_threads = 1});
}
