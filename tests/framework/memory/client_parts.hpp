// tests/framework/memory/client_parts.hpp - clients without a network: names, connections and time in a
// test's hands.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <twister/resolver.hpp>
#include <twister/tcp_client.hpp>
#include <twister/testing/manual_dialer.hpp>

#include "memory/script.hpp"

namespace twister::testing {

// Answers when a test says so.
class ManualResolver final : public Resolver {
 public:
  struct Question {
    std::string host;
    std::uint16_t port;
    Address::Family family;
    Handler handler;
    bool ended = false;
  };

  explicit ManualResolver(IOLoop& loop) : loop_(loop) {}

  const std::vector<Question>& questions() const { return *questions_; }

  void answer(std::size_t index, const std::vector<std::string>& addresses) {
    std::vector<Address> parsed;
    for (const std::string& each : addresses) parsed.push_back(Address::parse(each));
    loop_.add_callback([questions = questions_, index, parsed] {
      if (const auto handler = std::exchange((*questions)[index].handler, nullptr))
        handler({}, parsed);
    });
    loop_.run_until_idle();
  }
  void fail(std::size_t index, std::error_code error) {
    loop_.add_callback([questions = questions_, index, error] {
      if (const auto handler = std::exchange((*questions)[index].handler, nullptr))
        handler(error, {});
    });
    loop_.run_until_idle();
  }

  std::function<void()> resolve(std::string_view host, std::uint16_t port, Address::Family family,
                                Handler handler) override {
    const std::size_t index = questions_->size();
    questions_->push_back({std::string(host), port, family, std::move(handler)});
    return [questions = questions_, index] {
      (*questions)[index].ended = true;
      const Handler forgotten = std::exchange((*questions)[index].handler, nullptr);
    };
  }

 private:
  IOLoop& loop_;
  std::shared_ptr<std::vector<Question>> questions_ = std::make_shared<std::vector<Question>>();
};

// What a connect() has come to.
struct Outcome {
  int calls = 0;
  ConnectError error;
  IOStream stream;

  ConnectHandler handler() {
    return [this](const ConnectError& failure, IOStream connected) {
      ++calls;
      error = failure;
      stream = std::move(connected);
    };
  }
  bool connected() const { return calls == 1 && !error && stream.is_open(); }
};

class ClientTest : public MemoryTest {
 protected:
  TcpClientOptions options() {
    TcpClientOptions made;
    made.resolver = &resolver;
    made.dialer = &dialer;
    return made;
  }
  // Where the attempts went, in their order.
  std::vector<std::string> dialed() const {
    std::vector<std::string> all;
    for (const ManualDialer::Attempt& each : dialer.attempts()) all.push_back(each.to.to_string());
    return all;
  }

  ManualResolver resolver{loop};
  ManualDialer dialer{loop};
};

}  // namespace twister::testing
