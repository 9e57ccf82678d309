// tests/vectors/rpc.txt, which says how it is written.
#include <fstream>

#include <twister/rpc/stream.hpp>
#include <twister/rpc/task.hpp>

#include "decode_all.hpp"
#include "pair.hpp"

namespace twister {
namespace {

using namespace testing;
using testing_codecs::hex;
using testing_codecs::to_hex;

struct Conversation {
  std::string title;
  std::vector<std::string> in{""};  // what comes before the side goes away, and what behind it
  std::string out{};
  bool closed = false;
};

RpcTask<> count(RpcContext&, const Int32Value& request, RpcWriter<Int32Value> out) {
  for (int i = 1; i <= request.value(); ++i) out.send(number(i));
  co_return;
}

RpcTask<Int32Value> sum(RpcContext&, RpcReader<Int32Value> in) {
  int total = 0;
  for (;;) {
    const std::optional<Int32Value> next = co_await in.read();
    if (!next) break;
    total += next->value();
  }
  co_return number(total);
}

void add_methods(RpcServices& services, std::vector<RpcReply<Int32Value>>& unanswered) {
  services.on<Int32Value, Int32Value>("Fail",
                                      [](RpcContext&, const Int32Value&, Int32Value&) -> RpcStatus {
                                        RpcStatus status(RpcCode::not_found, "no such room");
                                        status.details = "room 7";
                                        return status;
                                      });
  services.on<Int32Value, Int32Value>("Never",
                                      [&](RpcContext&, Int32Value&, RpcReply<Int32Value> reply) {
                                        unanswered.push_back(std::move(reply));
                                      });
  services.on_server_stream<Int32Value, Int32Value>("Count", count);
  services.on_client_stream<Int32Value, Int32Value>("Sum", sum);
}

std::pair<std::string, std::vector<Conversation>> read_vectors() {
  std::ifstream file(TWISTER_TEST_VECTORS "/rpc.txt");
  std::string preface;
  std::vector<Conversation> cases;
  for (std::string line; std::getline(file, line);) {
    const std::string word = line.substr(0, line.find(' '));
    const std::string rest = line.size() > word.size() ? line.substr(word.size() + 1) : "";
    if (word == "preface") preface = hex(rest);
    if (word == "case") cases.push_back({.title = rest});
    if (word == "in") cases.back().in.back() += hex(rest);
    if (word == "out") cases.back().out += hex(rest);
    if (word == "goes_away") cases.back().in.emplace_back();
    if (word == "closed") cases.back().closed = true;
  }
  return {preface, cases};
}

TEST(RpcVectors, AreAnsweredByteForByte) {
  const auto [preface, cases] = read_vectors();
  EXPECT_GE(cases.size(), 17u);
  for (const Conversation& each : cases) {
    SCOPED_TRACE(each.title);
    RpcPair pair;
    std::vector<RpcReply<Int32Value>> unanswered;
    add_methods(pair.services, unanswered);
    auto made = std::make_unique<RpcConnection>(pair.loop, &pair.services);
    RpcConnection& connection = *made;
    MemoryPeer peer(pair.loop, std::move(made));
    peer.send(preface + each.in[0]);
    for (std::size_t i = 1; i < each.in.size(); ++i) {
      connection.go_away();
      peer.send(each.in[i]);
    }
    EXPECT_EQ(to_hex(as_bytes(peer.take())), to_hex(as_bytes(preface + each.out)));
    EXPECT_EQ(peer.ended(), each.closed);
    unanswered.clear();
  }
}

}  // namespace
}  // namespace twister
