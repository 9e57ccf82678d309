// twister/rpc/detail/awaited.hpp - what coroutines of <twister/rpc/task.hpp> wait for: replies, and time.
#pragma once

#include <coroutine>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/rpc/caller.hpp>
#include <twister/rpc/context.hpp>

namespace twister::detail {

// A call whose reply is awaited. What it refers to lasts for the expression that awaits it. When the coroutine is
// destroyed before, the call is cancelled.
template <class Reply>
class [[nodiscard]] AwaitedCall {
 public:
  AwaitedCall(RpcCaller& caller, const RpcMethodRef& method,
              const google::protobuf::MessageLite& request, const RpcCallOptions& options) noexcept
      : caller_(caller), method_(method), request_(request), options_(options) {}
  AwaitedCall(const AwaitedCall&) = delete;
  AwaitedCall& operator=(const AwaitedCall&) = delete;
  ~AwaitedCall() {
    if (resume_ == nullptr) return;
    resume_->awaited = nullptr;
    call_.cancel();
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    awaiting_ = awaiting;
    call_ = caller_.template call<Reply>(method_, request_, options_, Resume(*this));
  }
  Reply await_resume() {
    if (!status_.ok()) throw RpcError(std::move(status_));
    return std::move(*reply_);
  }

 private:
  // The callback, and what it wakes, know one another, so that either may go first.
  struct Resume {
    explicit Resume(AwaitedCall& its) noexcept : awaited(&its) { its.resume_ = this; }
    Resume(Resume&& other) noexcept : awaited(std::exchange(other.awaited, nullptr)) {
      if (awaited != nullptr) awaited->resume_ = this;
    }
    Resume& operator=(Resume&&) = delete;
    ~Resume() {
      if (awaited != nullptr) awaited->resume_ = nullptr;
    }
    void operator()(const RpcStatus& status, Reply& reply) {
      if (awaited == nullptr) return;
      AwaitedCall& its = *std::exchange(awaited, nullptr);
      its.resume_ = nullptr;
      its.status_ = status;
      its.reply_ = &reply;
      its.awaiting_.resume();
    }
    AwaitedCall* awaited;
  };

  RpcCaller& caller_;
  RpcMethodRef method_;
  const google::protobuf::MessageLite& request_;
  RpcCallOptions options_;
  std::coroutine_handle<> awaiting_;
  Resume* resume_ = nullptr;  // while it waits
  RpcCallHandle call_;
  RpcStatus status_;
  Reply* reply_ = nullptr;
};

// Destroyed with its coroutine, it forgets its timer.
class [[nodiscard]] AwaitedTime {
 public:
  AwaitedTime(IOLoop& loop, Duration time) noexcept : loop_(loop), time_(time) {}
  AwaitedTime(const AwaitedTime&) = delete;
  AwaitedTime& operator=(const AwaitedTime&) = delete;
  ~AwaitedTime() {
    if (waits_) loop_.cancel(timer_);
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    timer_ = loop_.call_later(time_, [this, awaiting] {
      waits_ = false;
      awaiting.resume();
    });
    waits_ = true;
  }
  void await_resume() const noexcept {}

 private:
  IOLoop& loop_;
  Duration time_;
  TimerId timer_{};
  bool waits_ = false;
};

class [[nodiscard]] AwaitedSleep final : private Sleeper {
 public:
  AwaitedSleep(RpcContext& context, Duration time) noexcept : context_(context), time_(time) {}
  AwaitedSleep(const AwaitedSleep&) = delete;
  AwaitedSleep& operator=(const AwaitedSleep&) = delete;
  ~AwaitedSleep() {
    if (!waits_) return;
    context_.loop().cancel(timer_);
    context_.remove_sleeper(*this);
  }

  bool await_ready() const noexcept { return context_.cancelled(); }
  void await_suspend(std::coroutine_handle<> awaiting) {
    awaiting_ = awaiting;
    context_.add_sleeper(*this);
    timer_ = context_.loop().call_later(time_, [this] {
      context_.remove_sleeper(*this);
      resume();
    });
    waits_ = true;
  }
  bool await_resume() const noexcept { return !context_.cancelled(); }

 private:
  void wake() override {
    context_.loop().cancel(timer_);
    resume();
  }
  void resume() {
    waits_ = false;
    awaiting_.resume();
  }

  RpcContext& context_;
  Duration time_;
  std::coroutine_handle<> awaiting_;
  TimerId timer_{};
  bool waits_ = false;
};

}  // namespace twister::detail
