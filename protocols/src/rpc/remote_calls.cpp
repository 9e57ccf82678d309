#include "remote_calls.hpp"

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <twister/io_loop.hpp>
#include <twister/memory_budget.hpp>
#include <twister/protocol.hpp>
#include <twister/rpc/connection.hpp>
#include <twister/rpc/detail/call_table.hpp>
#include <twister/rpc/detail/host.hpp>

namespace twister::detail {

// Where answers are brought. Threads: any; `calls` is used on the loop.
struct RemoteCalls::Door : std::enable_shared_from_this<Door> {
  void post(std::function<void(RemoteCalls&)> work) {
    const std::lock_guard lock(mutex);
    if (loop == nullptr) return;
    loop->add_callback([self = shared_from_this(), work = std::move(work)] {
      if (self->calls != nullptr) work(*self->calls);
    });
  }

  std::mutex mutex;
  IOLoop* loop = nullptr;  // null once the server is gone
  RemoteCalls* calls = nullptr;
  // To other loops, which take it off. The budget is the process's, since it outlives all that is posted.
  std::atomic<std::size_t> calls_under_way = 0;
  std::atomic<std::size_t> bytes_under_way = 0;
};

// A call on its way. Destroyed on whichever loop lets go of it.
class RemoteCalls::Parcel {
 public:
  Parcel(std::shared_ptr<Door> door, const RpcPending& call)
      : method(call.method()),
        node(call.node()),
        message(as_text(call.message())),
        metadata(as_text(call.metadata())),
        deadline(call.deadline()),
        door_(std::move(door)) {
    ++door_->calls_under_way;
    door_->bytes_under_way += bytes();
    MemoryBudget::of_process().change(0, bytes());
  }
  Parcel(const Parcel&) = delete;
  Parcel& operator=(const Parcel&) = delete;
  ~Parcel() {
    --door_->calls_under_way;
    door_->bytes_under_way -= bytes();
    MemoryBudget::of_process().change(bytes(), 0);
  }

  const std::string method;
  const std::string node;
  const std::string message;
  const std::string metadata;
  const TimePoint deadline;

 private:
  std::size_t bytes() const noexcept {
    return method.size() + node.size() + message.size() + metadata.size();
  }

  std::shared_ptr<Door> door_;
};

// The call on the peer's loop, while there is one. Used on that loop.
struct RemoteCalls::Running {
  RpcPending* call = nullptr;
};

// Brings one answer; when it is destroyed without, the peer was lost on the way.
class RemoteCalls::Answer {
 public:
  Answer(std::shared_ptr<Door> door, std::uint64_t order) noexcept
      : door_(std::move(door)), order_(order) {}
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() {
    if (door_ == nullptr) return;
    try {
      bring(RpcStatus(RpcCode::unavailable, "the peer was lost"), {}, {});
    } catch (...) {
      log_callback_threw(std::current_exception());  // no memory: the call's deadline ends it
    }
  }

  void bring(RpcStatus status, std::string reply, std::optional<RpcMetadata> metadata) {
    const auto door = std::exchange(door_, nullptr);
    door->post([order = order_, status = std::move(status), reply = std::move(reply),
                metadata = std::move(metadata)](RemoteCalls& calls) {
      const auto sent = calls.sent_.extract(order);
      if (sent.empty()) return;  // nobody waits any more
      RpcPending& call = *sent.mapped().call;
      call.channel = nullptr;
      call.end(status, as_bytes(reply), metadata ? &*metadata : nullptr);
      call.release();
    });
  }

 private:
  std::shared_ptr<Door> door_;
  std::uint64_t order_;
};

// The call on the peer's loop, which answers that of the other.
class RemoteCalls::Asked final : public RpcPending {
 public:
  // A notice has no answer.
  Asked(std::shared_ptr<Answer> answer, std::shared_ptr<Running> running) noexcept
      : answer_(std::move(answer)), running_(std::move(running)) {
    running_->call = this;
  }
  ~Asked() override { running_->call = nullptr; }

 private:
  void complete(const RpcStatus& status, ByteView reply, const RpcMetadata* metadata) override {
    running_->call = nullptr;
    if (answer_ == nullptr) return;
    answer_->bring(status, std::string(as_text(reply)),
                   metadata == nullptr ? std::nullopt : std::optional(*metadata));
  }

  std::shared_ptr<Answer> answer_;
  std::shared_ptr<Running> running_;
};

RemoteCalls::RemoteCalls(IOLoop& loop) : door_(std::make_shared<Door>()) {
  door_->loop = &loop;
  door_->calls = this;
}

RemoteCalls::~RemoteCalls() {
  close();
}

RpcStatus RemoteCalls::refusal(const RpcPending& pending) const {
  if (pending.unencodable) {
    return {RpcCode::invalid_argument, "a required field of the request is missing"};
  }
  if (door_->calls == nullptr) return {RpcCode::unavailable, "the server is gone"};
  if (door_->calls_under_way < max_calls_under_way &&
      door_->bytes_under_way < max_bytes_under_way && !MemoryBudget::of_process().is_used_up()) {
    return {};
  }
  RpcStatus status(RpcCode::resource_exhausted, "too much is on its way to the peer's loop");
  status.retryable = true;
  return status;
}

void RemoteCalls::start(RpcPending& pending, const Handle& peer) {
  if (RpcStatus why = refusal(pending); !why.ok()) {
    pending.channel = nullptr;
    pending.end_later(std::move(why));
    return pending.release();
  }
  const std::uint64_t order = ++last_;
  const auto running = std::make_shared<Running>();
  auto parcel = std::make_shared<const Parcel>(door_, pending);
  std::shared_ptr<Answer> answer;
  if (!pending.one_way) {
    answer = std::make_shared<Answer>(door_, order);
    pending.order = order;
    pending.channel = this;
    sent_.emplace(order, Sent{&pending, peer, running});
  }
  peer.post([answer, running, parcel = std::move(parcel)](Protocol& connection) {
    const RpcCallOptions options;
    auto& asked = *make_pending<Asked>({.method = parcel->method,
                                        .method_index = 0,
                                        .node = parcel->node,
                                        .message = nullptr,
                                        .options = &options,
                                        .raw_message = as_bytes(parcel->message),
                                        .raw_metadata = as_bytes(parcel->metadata)},
                                       answer, running);
    asked.one_way = answer == nullptr;
    RpcHost::start_call_on(static_cast<RpcConnection&>(connection), asked, parcel->deadline);
  });
  if (pending.one_way) {
    pending.end(RpcStatus());
    pending.release();
  }
}

// Nobody waits for the answer any more.
void RemoteCalls::drop(RpcPending& pending) {
  const auto sent = sent_.extract(pending.order);
  sent.mapped().peer.post([running = sent.mapped().running](Protocol&) {
    if (running->call != nullptr) running->call->cancel();
  });
  pending.release();
}

void RemoteCalls::close() {
  {
    const std::lock_guard lock(door_->mutex);
    door_->loop = nullptr;
  }
  door_->calls = nullptr;
  for (const auto& [order, sent] : std::exchange(sent_, {})) {
    sent.call->channel = nullptr;
    sent.call->end_later(RpcStatus(RpcCode::unavailable, "the server is gone"));
    sent.call->release();
  }
}

}  // namespace twister::detail
