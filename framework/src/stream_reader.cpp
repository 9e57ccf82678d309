#include "stream_reader.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace twister::detail {

bool StreamReader::start(ReadRequest request) {
  request.number = ++last_;
  if (request_) {
    failed_.emplace_back(std::move(request.handler), Errc::already_reading);
  } else {
    request_ = std::move(request);
    searched_ = 0;
  }
  return !delivering_;
}

bool StreamReader::cancel(std::error_code why) {
  return request_ && cancel(request_->number, why);
}

bool StreamReader::cancel(std::uint64_t number, std::error_code why) {
  if (!request_ || request_->number != number) return false;
  failed_.emplace_back(std::move(request_->handler), why);
  request_.reset();
  return true;
}

void StreamReader::end(std::error_code why) {
  if (!ended_) end_ = why;
  ended_ = true;
  deliver({});
}

void StreamReader::forget() noexcept {
  request_.reset();
  failed_.clear();
}

void StreamReader::deliver(ByteView chunk) {
  if (delivering_) return late_.append(chunk);
  struct Delivering {
    explicit Delivering(bool& on) : flag(on) { flag = true; }
    ~Delivering() { flag = false; }
    bool& flag;
  };
  const Delivering delivering(delivering_);
  // Bytes are only copied when no read takes them where they lie.
  if (buffer_.empty()) {
    const std::size_t taken = serve(chunk);
    buffer_.append(chunk.subspan(taken));
  } else {
    buffer_.append(chunk);
    buffer_.consume(serve(buffer_.view()));
  }
  buffer_.append(std::exchange(late_, {}).view());
}

// Hands over what is due of `input`; returns how many bytes that took.
std::size_t StreamReader::serve(ByteView input) {
  std::size_t taken = 0;
  for (;;) {
    for (const auto& [handler, why] : std::exchange(failed_, {})) {
      if (handler) handler(why, {});
    }
    if (!request_) break;
    taken += hand_over(input.subspan(taken));
    if (!request_) continue;  // cancelled while it was handed its bytes
    const std::optional<Outcome> result = outcome(input.subspan(taken));
    if (!result) break;
    const ByteView data = input.subspan(taken, result->size);
    taken += result->size;
    complete(result->error, data);
  }
  return taken;
}

// For reads that take their bytes as they come.
std::size_t StreamReader::hand_over(ByteView input) {
  if (!request_->on_chunk || input.empty()) return 0;
  const bool bounded = request_->kind == ReadRequest::Kind::bytes;
  const std::size_t size = bounded ? std::min(input.size(), request_->count) : input.size();
  if (size == 0) return 0;
  if (bounded) request_->count -= size;
  request_->begun = true;
  const auto on_chunk = request_->on_chunk;  // the read may be cancelled while it runs
  on_chunk(input.first(size));
  return size;
}

std::optional<StreamReader::Outcome> StreamReader::outcome(ByteView input) {
  const ReadRequest& request = *request_;
  switch (request.kind) {
    case ReadRequest::Kind::bytes:
      if (request.count > max_buffer_size_ && !request.partial && !request.on_chunk &&
          request.into.empty()) {
        breach_ = Errc::read_limit;  // how many is often what the peer has said
        return Outcome{.error = breach_};
      }
      if (input.size() >= request.count || (request.partial && !input.empty())) {
        return Outcome{.size = std::min(input.size(), request.count)};
      }
      break;
    case ReadRequest::Kind::until:
      if (const auto found = outcome_of_search(input)) return found;
      break;
    case ReadRequest::Kind::close:
      if (input.size() > max_buffer_size_) {
        breach_ = Errc::read_limit;
        return Outcome{.error = breach_};
      }
      if (ended_ && !end_) return Outcome{.size = input.size()};
      break;
  }
  if (!ended_) return std::nullopt;
  if (end_) return Outcome{.error = end_};
  const bool cut_short = request.begun && request.kind == ReadRequest::Kind::bytes;
  const bool nothing = input.empty() && !cut_short;
  return Outcome{.error = nothing ? Errc::end_of_stream : Errc::truncated_message};
}

// The verdict is the same however the bytes were cut: the delimiter ends within the first max_bytes,
// or the limit is broken as soon as so many are there.
std::optional<StreamReader::Outcome> StreamReader::outcome_of_search(ByteView input) {
  const std::size_t most = std::min(request_->max_bytes, max_buffer_size_);
  const std::string_view text = as_text(input.first(std::min(input.size(), most)));
  if (request_->matcher) {
    if (const auto found = outcome_of_match(text, ended_ || text.size() == most)) return found;
  } else {
    const std::size_t size = request_->delimiter.size();
    const std::size_t found = text.find(request_->delimiter, searched_);
    if (found != text.npos) return Outcome{.size = found + size};
    searched_ = text.size() >= size ? text.size() - size + 1 : 0;
  }
  if (input.size() < most) return std::nullopt;
  breach_ = Errc::read_limit;
  return Outcome{.error = breach_};
}

std::optional<StreamReader::Outcome> StreamReader::outcome_of_match(std::string_view text,
                                                                    bool complete) {
  const Matcher matcher = request_->matcher;  // it may throw, or end the read
  const MatchResult result = matcher(text, searched_, complete);
  switch (result.status) {
    case MatchResult::Status::found:
      return Outcome{.size = std::min(result.position, text.size())};
    case MatchResult::Status::not_yet:
      searched_ = std::min(result.position, text.size());
      return std::nullopt;
    case MatchResult::Status::failed:
      break;
  }
  return Outcome{.error = result.error};
}

void StreamReader::complete(std::error_code error, ByteView data) {
  const ReadRequest request = std::move(*request_);
  request_.reset();
  if (!request.into.empty() && !data.empty()) {
    std::memcpy(request.into.data(), data.data(), data.size());
    data = request.into.first(data.size());
  }
  if (request.handler) request.handler(error, data);
}

}  // namespace twister::detail
