// tests/rpc/wire.hpp - a server's connection, and a test that speaks to it in bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <twister/rpc/frames.hpp>

#include "decode_all.hpp"
#include "pair.hpp"

namespace twister::testing {

using testing_codecs::decode_pieces;
using testing_codecs::hex;
using testing_codecs::to_hex;
using Lines = std::vector<std::string>;

inline const std::string preface = "twister\x01" + hex("00000000");
// Number 1 is Add1, number 2 Later; a request of each with the id 1 and 2, without a message.
inline const std::string name_add1 = hex("05000000 01 01 0100 01000000 04") + "Add1";
inline const std::string name_later = hex("06000000 01 01 0200 02000000 05") + "Later";
// A request for the name "a".
inline const std::string register_a =
    hex("1a000000 01 01 0100 01000000 16") + "twister.Names/Register" + "\x0a\x01" + "a";

struct DescribeFrame {
  std::string operator()(const RpcFrame& frame) const {
    const auto kind = static_cast<std::byte>(frame.kind);
    const bool has_text = frame.kind == RpcFrameKind::goaway;
    return to_hex({&kind, 1}) + " " + std::to_string(frame.number) + " " +
           std::to_string(frame.id) + (has_text ? " " + std::string(as_text(frame.body)) : "");
  }
};

// A server's connection and a peer that sends bytes.
struct Wire : RpcPair {
  explicit Wire(RpcOptions options = {}) : RpcPair(options), peer(loop, make(options)) {}
  std::unique_ptr<RpcConnection> make(const RpcOptions& options) {
    auto made = std::make_unique<RpcConnection>(loop, &services, options);
    server = made.get();
    return made;
  }
  // The frames that come back: "81 STATUS ID", without "message" and the preface.
  Lines send(std::string_view bytes) {
    peer.send(bytes);
    Lines frames;
    const std::string received = peer.take();
    const RpcFrames codec({.begins_with_preface = false});
    for (std::string line : decode_pieces(codec, {received}, DescribeFrame())) {
      if (line.starts_with("message ")) line.erase(0, 8);
      if (line != "end" && !line.starts_with("74 ")) frames.push_back(line);
    }
    return frames;
  }
  MemoryPeer peer;
};

}  // namespace twister::testing
