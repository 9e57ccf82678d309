// tests/protocols/pair.hpp - a message protocol that keeps what it receives, and transports that spoil it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/codecs/length_prefixed.hpp>
#include <twister/codecs/lines.hpp>
#include <twister/io_loop.hpp>
#include <twister/make_connection.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/testing/faulty_transport.hpp>
#include <twister/testing/manual_clock.hpp>
#include <twister/testing/memory_transport.hpp>

namespace twister::testing {

// What a Keeper has seen. Outlives the loop.
template <class C>
struct Kept {
  std::function<void(MessageProtocol<C>&, std::string_view)> message;
  std::vector<std::string> messages;
  std::vector<std::string> skipped;
  std::vector<CloseReason> closes;
  MessageProtocol<C>* conn = nullptr;
};

// For codecs whose messages are views.
template <class C>
class Keeper final : public MessageProtocol<C> {
 public:
  explicit Keeper(Kept<C>& kept, C codec = C())
      : MessageProtocol<C>(std::move(codec)), kept_(kept) {
    kept_.conn = this;
  }

 private:
  void on_message(ByteView message) override {
    kept_.messages.emplace_back(as_text(message));
    if (kept_.message) kept_.message(*this, as_text(message));
  }
  void on_message_skipped(const CodecError& error) override {
    kept_.skipped.push_back(error.message());
  }
  void on_close(const CloseReason& reason) override {
    kept_.closes.push_back(reason);
    kept_.conn = nullptr;
  }

  Kept<C>& kept_;
};

using Frames = LengthPrefixed;

// A frame of the default framing.
inline std::string frame(std::string_view body) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8)
    text += static_cast<char>(body.size() >> shift & 0xff);
  return text + std::string(body);
}

}  // namespace twister::testing
