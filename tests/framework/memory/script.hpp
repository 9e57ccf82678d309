// tests/framework/memory/script.hpp - a Protocol that writes down what happens to it and plays a part.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <twister/io_loop.hpp>
#include <twister/log.hpp>
#include <twister/make_connection.hpp>
#include <twister/protocol.hpp>
#include <twister/testing/faulty_transport.hpp>
#include <twister/testing/manual_clock.hpp>
#include <twister/testing/memory_transport.hpp>

namespace twister::testing {

// What a Scripted does in its events, and what it has seen. Once it is gone, its connection is silent.
struct Script {
  Script() = default;
  ~Script() { *self = nullptr; }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  std::function<void(Protocol&)> connect;
  std::function<void(Protocol&, std::string_view)> data;
  std::function<EofAction(Protocol&)> eof;
  std::function<void(Protocol&, const CloseReason&)> close;
  std::function<void(Protocol&)> paused;
  std::function<void(Protocol&)> resumed;
  std::function<void(Protocol&)> drain;

  std::vector<std::string>
      events;  // "connect", "data", "eof", "paused", "resumed", "drain", "close"
  std::string received;
  CloseReason reason;
  Protocol* conn = nullptr;  // null before on_connect and after on_close
  std::shared_ptr<Script*> self = std::make_shared<Script*>(this);

  long count(std::string_view event) const {
    return std::count(events.begin(), events.end(), event);
  }
};

class Scripted final : public Protocol {
 public:
  explicit Scripted(Script& script) : script_(script.self) {}

  void on_connect() override {
    if (Script* script = *script_) {
      script->conn = this;
      tell("connect", script->connect);
    }
  }
  void on_data(ByteView data) override {
    if (Script* script = *script_) {
      script->events.emplace_back("data");
      script->received += as_text(data);
      if (script->data) script->data(*this, as_text(data));
    }
  }
  EofAction on_eof() override {
    if (Script* script = *script_) {
      script->events.emplace_back("eof");
      if (script->eof) return script->eof(*this);
    }
    return Protocol::on_eof();
  }
  void on_close(const CloseReason& reason) override {
    if (Script* script = *script_) {
      script->events.emplace_back("close");
      script->reason = reason;
      script->conn = nullptr;
      if (script->close) script->close(*this, reason);
    }
  }
  void on_write_paused() override {
    if (*script_ != nullptr) tell("paused", (*script_)->paused);
  }
  void on_write_resumed() override {
    if (*script_ != nullptr) tell("resumed", (*script_)->resumed);
  }
  void on_drain() override {
    if (*script_ != nullptr && (*script_)->drain) return tell("drain", (*script_)->drain);
    if (*script_ != nullptr) (*script_)->events.emplace_back("drain");
    Protocol::on_drain();
  }

 private:
  void tell(const char* event, const std::function<void(Protocol&)>& part) {
    (*script_)->events.emplace_back(event);
    if (part) part(*this);
  }

  std::shared_ptr<Script*> script_;
};

// The framework's log lines, instead of standard error. Each test has its own, so none is held back.
class CapturedLog {
 public:
  CapturedLog() {
    set_log_sink([lines = lines_](const LogRecord& record) { lines->push_back(record.line()); });
  }
  ~CapturedLog() { set_log_sink({}); }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  const std::vector<std::string>& lines() const { return *lines_; }

 private:
  std::shared_ptr<std::vector<std::string>> lines_ = std::make_shared<std::vector<std::string>>();
};

// A loop whose time stands still.
class MemoryTest : public ::testing::Test {
 protected:
  std::unique_ptr<MemoryPeer> connect(Script& script, const StreamOptions& stream = {},
                                      const MemoryTransportOptions& transport = {}) {
    return std::make_unique<MemoryPeer>(loop, std::make_unique<Scripted>(script), stream,
                                        transport);
  }

  // Connects to `script`, and returns the other end as a bare transport: what is not received stays.
  std::unique_ptr<Transport> connect_bare(Script& script, const StreamOptions& stream = {},
                                          std::size_t capacity_bytes = 1024) {
    auto [near, far] = memory_transport_pair(loop, {.capacity_bytes = capacity_bytes});
    make_connection(loop, std::move(near), std::make_unique<Scripted>(script), stream);
    loop.run_until_idle();
    return std::move(far);
  }

  // Receives up to `bytes` from a bare transport.
  std::string receive(Transport& far, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) {
      std::string room(bytes - text.size(), '\0');
      const IoResult result = far.receive(std::as_writable_bytes(std::span(room)));
      if (result.status != IoResult::Status::ok) break;
      text.append(room, 0, result.bytes);
      loop.run_until_idle();
    }
    return text;
  }

  CapturedLog log;
  ManualClock clock;
  IOLoop loop{clock};
};

}  // namespace twister::testing
