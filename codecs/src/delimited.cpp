#include "twister/codecs/delimited.hpp"

#include <algorithm>
#include <limits>

#include "twister/codecs/detail/rollback.hpp"

#include "delimiter_table.hpp"

namespace twister {

using Verdict = detail::DelimiterTable::Verdict;

Delimited::Delimited(const DelimitedOptions& options)
    : table_(std::make_shared<const detail::DelimiterTable>(options.delimiters)),
      // A frame with its end has to be countable in memory.
      max_frame_bytes_(
          std::min(options.max_frame_bytes, std::numeric_limits<std::size_t>::max() - 256)),
      skips_oversize_(options.on_oversize == Oversize::skip),
      keeps_terminator_(options.terminator == Terminator::keep) {}

// Between calls `search_` counts from the first byte that was not consumed.
DecodeResult Delimited::decode(ByteView input) {
  if (state_ == State::too_long) {
    return {.status = DecodeResult::Status::error, .error = too_long()};
  }
  std::size_t passed = 0;
  if (state_ == State::skipping) {
    const Verdict verdict = table_->find(input, search_);
    passed = search_.at;
    search_.at = 0;
    if (verdict == Verdict::open) {
      return {.status = DecodeResult::Status::incomplete, .consumed = passed};
    }
    search_.matched = 0;
    input = input.subspan(passed);
    state_ = State::ready;
  }

  switch (table_->find(input, search_, max_frame_bytes_)) {
    case Verdict::open:
      return {.status = DecodeResult::Status::incomplete, .consumed = passed};
    case Verdict::too_long:
      return refuse(passed);
    case Verdict::ended:
      break;
  }
  const std::size_t size = search_.at;
  frame_ = input.first(keeps_terminator_ ? size : size - table_->matched_bytes(search_));
  search_ = {};
  return {.status = DecodeResult::Status::message, .consumed = passed + size, .frame = frame_};
}

// What was looked at is stepped over. It may end with the beginning of a delimiter, or with one.
DecodeResult Delimited::refuse(std::size_t passed) {
  if (!skips_oversize_) {
    state_ = State::too_long;
    return {.status = DecodeResult::Status::error, .error = too_long()};
  }
  passed += search_.at;
  search_.at = 0;
  if (table_->ends(search_)) {
    search_.matched = 0;
  } else {
    state_ = State::skipping;
  }
  return {.status = DecodeResult::Status::skipped, .consumed = passed, .error = too_long()};
}

CodecError Delimited::encode(ByteView message, ByteBuffer& out) const {
  if (const CodecError error = check(message)) {
    return error;
  }
  out.append(message, terminator());
  return {};
}

CodecError Delimited::end_frame(ByteBuffer& out, std::size_t mark) const {
  if (const CodecError error = check(out.view().subspan(mark))) {
    out.truncate(mark);
    return error;
  }
  detail::Rollback rollback(out, mark);
  out.append(terminator());
  rollback.keep();
  return {};
}

CodecError Delimited::finish(ByteView rest) const noexcept {
  if (state_ == State::too_long) {
    return too_long();
  }
  if (state_ == State::skipping || !rest.empty()) {
    return {CodecErrc::truncated, rest.size()};
  }
  return {};
}

// Goes through what would be sent as a receiver would, and expects what it was made of.
CodecError Delimited::check(ByteView message) const noexcept {
  if (keeps_terminator_) {
    return check_with_end(message);
  }
  if (message.size() > max_frame_bytes_) {
    return {CodecErrc::frame_too_long, message.size(), max_frame_bytes_};
  }
  detail::DelimiterSearch search;
  bool reads_back = table_->find(message, search) == Verdict::open;
  if (reads_back) {
    search.at = 0;
    const Verdict verdict = table_->find(terminator(), search);
    // Not so when the end of the message and the beginning of the delimiter are one, or when they
    // make another delimiter.
    reads_back = verdict == Verdict::ended && search.at == terminator().size() &&
                 table_->matched_bytes(search) == terminator().size();
  }
  return reads_back ? CodecError{} : CodecError{CodecErrc::embedded_delimiter, message.size()};
}

CodecError Delimited::check_with_end(ByteView message) const noexcept {
  detail::DelimiterSearch search;
  switch (table_->find(message, search, max_frame_bytes_)) {
    case Verdict::too_long:
      return too_long();
    case Verdict::open:
      return {CodecErrc::unencodable, message.size()};
    case Verdict::ended:
      break;
  }
  return search.at == message.size() ? CodecError{}
                                     : CodecError{CodecErrc::embedded_delimiter, message.size()};
}

ByteView Delimited::terminator() const noexcept {
  return keeps_terminator_ ? ByteView() : table_->first();
}

CodecError Delimited::too_long() const noexcept {
  return {CodecErrc::frame_too_long, std::uint64_t{max_frame_bytes_} + 1, max_frame_bytes_};
}

}  // namespace twister
