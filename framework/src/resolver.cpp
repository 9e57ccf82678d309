#include "twister/resolver.hpp"

#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include <twister/error.hpp>
#include <twister/io_loop.hpp>

#include "lookup_threads.hpp"
#include "loop_core.hpp"

namespace twister {
namespace {

std::optional<Address> numeric(std::string_view host, std::uint16_t port) {
  if (!is_valid_ip(host)) return std::nullopt;
  const std::string text(host);
  const bool v6 = host.find(':') != host.npos;
  return Address::parse((v6 ? "[" + text + "]:" : text + ":") + std::to_string(port));
}

}  // namespace

// ---- SystemResolver ----

// What is asked for, until it is answered. Only the loop's thread looks into it; lookups that come to
// their end on another one refer to it weakly.
struct SystemResolver::State : std::enable_shared_from_this<State> {
  struct Question {
    Handler handler;
    std::uint64_t job = 0;  // of the LookupThreads; 0 for none
  };

  explicit State(IOLoop& owner) : loop(owner), remote(owner.core().remote()) {}
  ~State() {
    while (!pending.empty()) end(pending.begin()->first);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void answer(std::uint64_t id, std::error_code error, std::vector<Address> addresses) {
    const auto question = pending.extract(id);
    if (!question.empty()) question.mapped().handler(error, std::move(addresses));
  }

  void answer_soon(std::uint64_t id, std::error_code error, std::vector<Address> addresses) {
    loop.add_callback([weak = weak_from_this(), id, error, addresses = std::move(addresses)] {
      if (const auto state = weak.lock()) state->answer(id, error, addresses);
    });
  }

  void end(std::uint64_t id) {
    const auto question = pending.extract(id);
    if (question.empty() || question.mapped().job == 0) return;
    detail::LookupThreads::instance().forget(question.mapped().job);
  }

  IOLoop& loop;
  std::shared_ptr<detail::RemoteLoop> remote;
  std::unordered_map<std::uint64_t, Question> pending;
  std::uint64_t last = 0;
};

SystemResolver::SystemResolver(IOLoop& loop) : state_(std::make_shared<State>(loop)) {}

SystemResolver::~SystemResolver() = default;

std::function<void()> SystemResolver::resolve(std::string_view host, std::uint16_t port,
                                              Address::Family family, Handler handler) {
  const std::uint64_t id = ++state_->last;
  State::Question& question = state_->pending[id];
  question.handler = std::move(handler);
  const std::weak_ptr<State> weak = state_;
  if (const auto address = numeric(host, port)) {
    const bool fits = family == Address::Family::none || family == address->family();
    if (fits) state_->answer_soon(id, {}, {*address});
    if (!fits) state_->answer_soon(id, Errc::lookup_failed, {});
  } else if (host.empty() || host.size() > detail::max_host_bytes || host.find('\0') != host.npos) {
    state_->answer_soon(id, Errc::lookup_failed, {});
  } else {
    try {
      question.job = detail::LookupThreads::instance().add(
          {.host = std::string(host), .port = std::to_string(port), .family = family},
          [remote = state_->remote, weak, id](std::error_code error,
                                              std::vector<Address> addresses) {
            remote->post([weak, id, error, addresses = std::move(addresses)] {
              if (const auto state = weak.lock()) state->answer(id, error, addresses);
            });
          });
    } catch (const std::system_error& error) {
      state_->answer_soon(id, error.code(), {});
    }
  }
  return [weak, id] {
    if (const auto state = weak.lock()) state->end(id);
  };
}

// ---- OverrideResolver ----

namespace {

// Names are compared without regard to case (RFC 4343): ASCII alone, whatever the locale.
std::string lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

OverrideResolver::OverrideResolver(Resolver& inner,
                                   const std::map<std::string, std::string>& overrides)
    : inner_(inner) {
  const auto parse = [](const std::string& text) {
    auto parts = detail::split_host_port(text);
    if (!parts) throw std::invalid_argument("not HOST or HOST:PORT: \"" + text + "\"");
    return Key(std::move(parts->host), parts->port ? *parts->port : -1);
  };
  for (const auto& [from, to] : overrides) {
    auto [host, port] = parse(to);
    const Key key = parse(from);
    overrides_[{lower_case(key.first), key.second}] = {.host = std::move(host), .port = port};
  }
}

const OverrideResolver::Target* OverrideResolver::find(const Key& key) const {
  const auto found = overrides_.find(key);
  return found == overrides_.end() ? nullptr : &found->second;
}

std::function<void()> OverrideResolver::resolve(std::string_view host, std::uint16_t port,
                                                Address::Family family, Handler handler) {
  const std::string name = lower_case(host);
  const Target* target = find({name, port});
  if (target == nullptr) target = find({name, -1});
  if (target == nullptr) return inner_.resolve(host, port, family, std::move(handler));
  const auto to_port = target->port < 0 ? port : static_cast<std::uint16_t>(target->port);
  return inner_.resolve(target->host, to_port, family, std::move(handler));
}

}  // namespace twister
