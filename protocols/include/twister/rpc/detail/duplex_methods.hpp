// twister/rpc/detail/duplex_methods.hpp - what JsonRpcMethods and TorpcServices have in common: handlers by their
// names, what these are told, and how they answer.
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include <twister/rpc/detail/json_arguments.hpp>
#include <twister/rpc/method.hpp>
#include <twister/rpc/status.hpp>

namespace twister {

class IOLoop;
class JsonRpcError;
class MetricsRegistry;
class Protocol;
class RpcInterceptor;

namespace detail {

class FreeMethod;
class FreeMethods;
class SessionMethods;
template <class Wire>
class DuplexPeer;

// A call of the peer that is answered later. For its functions see DuplexReply.
class LateAnswer {
 public:
  virtual ~LateAnswer() = default;
  virtual void give(nlohmann::json result) = 0;
  virtual void fail(const RpcStatus& status) = 0;
  virtual void fail(const JsonRpcError& error) = 0;
  virtual void fail(const std::exception_ptr& error) = 0;
  virtual bool wanted() const noexcept = 0;
  virtual void on_cancel(std::function<void()> function) = 0;
};

// Answers one call, once: what comes later does nothing. Copies are the same reply; when the last of
// them is destroyed and nothing was answered, the caller gets an internal error.
//
// Threads: the connection's loop; from elsewhere, Handle::post().
class DuplexReply {
 public:
  explicit DuplexReply(std::shared_ptr<LateAnswer> answer) : answer_(std::move(answer)) {}

  void operator()(nlohmann::json result) const { answer_->give(std::move(result)); }
  void fail(const RpcStatus& status) const { answer_->fail(status); }
  // As if a handler had thrown it.
  void fail(const JsonRpcError& error) const { answer_->fail(error); }
  void fail(const std::exception_ptr& error) const { answer_->fail(error); }
  // False when nobody waits: it was answered, the connection is lost, or it was a notice.
  bool wanted() const noexcept { return answer_->wanted(); }
  // Calls the function, from the loop, when the connection is lost or the method's timeout has passed; at
  // once, if that has happened. Not after the answer. Any number of functions.
  void on_cancel(std::function<void()> function) const { answer_->on_cancel(std::move(function)); }

 private:
  std::shared_ptr<LateAnswer> answer_;
};

// What a handler may want to know of its call. Good during the call of the handler.
template <class Peer>
class DuplexContext {
 public:
  DuplexContext(Peer& peer, const std::string& method, bool is_notice)
      : peer_(peer), method_(method), is_notice_(is_notice) {}

  const std::string& method() const noexcept { return method_; }
  // The caller, who can be called as well. May be kept.
  std::shared_ptr<Peer> peer() const;
  IOLoop& loop() const;
  // Null where messages come by other ways.
  Protocol* connection() const;

 protected:
  bool is_notice() const noexcept { return is_notice_; }

 private:
  Peer& peer_;
  const std::string& method_;
  bool is_notice_;
};

template <class Context, class Reply>
class DuplexMethods {
 public:
  using json = nlohmann::json;
  using Handler = std::function<json(Context&, json& params)>;
  using LateHandler = std::function<void(Context&, json& params, Reply reply)>;

  struct Method {
    // One of the two is there.
    Handler at_once{};
    LateHandler later{};
    const FreeMethod* checks = nullptr;  // none: the handler does what they do
    SessionMethods* bridged = nullptr;   // then: whose it is
  };

  DuplexMethods(const DuplexMethods&) = delete;
  DuplexMethods& operator=(const DuplexMethods&) = delete;

  // As RpcServices::intercept(). Methods of add_services() have the interceptors of their services instead.
  void intercept(std::shared_ptr<RpcInterceptor> interceptor);
  // Calls are counted and timed there, as RpcOptions::metrics says; it outlives the connections. Otherwise where
  // StreamOptions::metrics says. For methods of add_services(): JsonRpcServicesOptions.
  void count_in(MetricsRegistry& metrics);

 protected:
  friend class JsonBridge;
  template <class Wire>
  friend class DuplexPeer;

  // `owner` is for the texts of errors. Names that begin with `reserved` are none of methods, unless it is empty.
  explicit DuplexMethods(std::string owner, std::string_view reserved = {});
  ~DuplexMethods();

  // These throw std::invalid_argument for a name that is taken, empty, or reserved; add() for one longer than
  // 255 bytes as well.
  void add(std::string name, Method method, const RpcMethodOptions& options);
  void add_unchecked(std::string name, Method method);
  // Null when there is none.
  const Method* find_own(const std::string& name) const;

  // `convert` makes the arguments that the handler takes, as a tuple, of what has come.
  template <class F, class Convert>
  static Method typed(F handler, Convert convert);

  std::string_view reserved_;
  std::map<std::string, Method, std::less<>> methods_;
  std::shared_ptr<FreeMethods> checks_;
};

template <class Context, class Reply>
template <class F, class Convert>
auto DuplexMethods<Context, Reply>::typed(F handler, Convert convert) -> Method {
  using Shape = HandlerShape<F, Context, Reply>;
  // With what it asks for before its arguments, and behind them.
  auto call = [handler = std::move(handler)](Context& context, auto& arguments,
                                             auto&... reply) mutable -> decltype(auto) {
    return std::apply(
        [&](auto&&... each) -> decltype(auto) {
          if constexpr (Shape::with_context) {
            return handler(context, std::forward<decltype(each)>(each)..., std::move(reply)...);
          } else {
            return handler(std::forward<decltype(each)>(each)..., std::move(reply)...);
          }
        },
        std::move(arguments));
  };
  if constexpr (Shape::with_reply) {
    return {.later = [convert = std::move(convert), call = std::move(call)](
                         Context& context, json& params, Reply reply) mutable {
      auto arguments = convert(params);
      call(context, arguments, reply);
    }};
  } else {
    return {.at_once = [convert = std::move(convert), call = std::move(call)](
                           Context& context, json& params) mutable {
      auto arguments = convert(params);
      return json_of_call([&]() -> decltype(auto) { return call(context, arguments); });
    }};
  }
}

}  // namespace detail
}  // namespace twister
