// twister/rpc/detail/call_table.hpp - calls that were made and not answered yet: ids, deadlines, and one end for each.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <twister/clock.hpp>
#include <twister/io_loop.hpp>
#include <twister/rpc/status.hpp>
#include <twister/stream_options.hpp>

namespace twister::detail {

// Logs what a callback of the user has thrown where nobody above could catch it.
void log_callback_threw(const std::exception_ptr& error) noexcept;

// `Result` is made of an RpcStatus. Ids go from 0 to `ids` - 1 and around, past those in flight.
//
// Ownership: outlived by the loop, or emptied by end_all() before that is gone.
template <class Result>
class CallTable {
 public:
  using Done = std::function<void(Result)>;

  CallTable(IOLoop& loop, std::uint64_t ids, std::uint64_t first = 0)
      : loop_(loop), ids_(ids), next_(first) {}
  ~CallTable() {
    for (auto& [id, call] : calls_) loop_.cancel(call.timer);
  }
  CallTable(const CallTable&) = delete;
  CallTable& operator=(const CallTable&) = delete;

  std::size_t size() const noexcept { return calls_.size(); }
  // Called when the last call has been taken out, before it is told.
  void when_empty(std::function<void()> function) { emptied_ = std::move(function); }

  // An id that is not in flight; notices use them up too.
  std::uint64_t take_id() {
    while (calls_.contains(next_)) next_ = following(next_);
    return std::exchange(next_, following(next_));
  }

  // `done` will be called once, by whoever takes the call out, or here after `timeout`.
  std::uint64_t add(Done done, std::chrono::milliseconds timeout) {
    const std::uint64_t id = take_id();
    TimerId timer;
    if (timeout != never) {
      timer = loop_.call_later(saturated(timeout), [this, id, timeout] {
        Done late;
        if (!take(id, late)) return;
        late(Result(RpcStatus(RpcCode::deadline_exceeded,
                              "no answer within " + std::to_string(timeout.count()) + " ms")));
      });
    }
    calls_.emplace(id, Call{std::move(done), timer, order_++});
    return id;
  }

  bool contains(std::uint64_t id) const { return calls_.contains(id); }

  // Takes a call out; false when there is none of that id.
  bool take(std::uint64_t id, Done& done) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return false;
    loop_.cancel(found->second.timer);
    done = std::move(found->second.done);
    calls_.erase(found);
    if (calls_.empty() && emptied_) emptied_();
    return true;
  }

  // Ends a call from the loop, not inside this call.
  void end_soon(std::uint64_t id, RpcStatus status) {
    Done done;
    if (take(id, done)) fail_soon(std::move(done), std::move(status));
  }
  void fail_soon(Done done, RpcStatus status) {
    loop_.add_callback(
        [done = std::move(done), status = std::move(status)] { done(Result(status)); });
  }

  // Ends all calls, in the order in which they were made. Those that are made meanwhile stay.
  void end_all(const RpcStatus& status) {
    for (const Call& call : take_all()) {
      try {
        call.done(Result(status));
      } catch (...) {
        log_callback_threw(std::current_exception());
      }
    }
  }
  // The same from the loop, not inside this call.
  void end_all_soon(const RpcStatus& status) {
    for (Call& call : take_all()) fail_soon(std::move(call.done), status);
  }

 private:
  struct Call {
    Done done;
    TimerId timer;
    std::uint64_t order;
  };

  std::vector<Call> take_all() {
    std::vector<Call> all;
    all.reserve(calls_.size());
    for (auto& [id, call] : calls_) {
      loop_.cancel(call.timer);
      all.push_back(std::move(call));
    }
    calls_.clear();
    std::sort(all.begin(), all.end(),
              [](const Call& a, const Call& b) { return a.order < b.order; });
    return all;
  }

  std::uint64_t following(std::uint64_t id) const noexcept { return id + 1 == ids_ ? 0 : id + 1; }

  IOLoop& loop_;
  std::uint64_t ids_;
  std::uint64_t next_;
  std::uint64_t order_ = 0;
  std::unordered_map<std::uint64_t, Call> calls_;
  std::function<void()> emptied_;
};

}  // namespace twister::detail
