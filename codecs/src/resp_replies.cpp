#include <algorithm>

#include "twister/codecs/detail/rollback.hpp"

#include "resp_encode.hpp"
#include "resp_line.hpp"

namespace twister {

namespace {

using Number = detail::RespNumber;
using Node = detail::RespNode;

// A connection between two replies keeps room for so many items.
constexpr std::size_t kept_nodes = 16;

}  // namespace

RespReplies::RespReplies(const RespOptions& options)
    : options_(detail::checked(options, "RespReplies")) {}

DecodeResult RespReplies::decode(ByteView input) {
  if (error_) [[unlikely]] {
    return {.status = DecodeResult::Status::error, .error = error_};
  }
  if (at_ == 0) {
    nodes_.clear();
    items_ = text_bytes_ = 0;
  }
  needed_ = 0;
  do {
    switch (at_ == input.size() ? Step::incomplete : decode_item(input)) {
      case Step::incomplete:
        return {.needed = needed_};
      case Step::failed:
        return {.status = DecodeResult::Status::error, .error = error_};
      case Step::more:
        break;
    }
  } while (!open_.empty());
  frame_ = input.first(at_);
  at_ = 0;
  return {.status = DecodeResult::Status::message, .consumed = frame_.size(), .frame = frame_};
}

// One item without what is in it. There is at least its first byte.
RespReplies::Step RespReplies::decode_item(ByteView input) {
  const std::string_view item = as_text(input).substr(at_);
  const char type = item[0];
  if (type == '+') return decode_line(input, RespType::simple);
  if (type == '-') return decode_line(input, RespType::error);
  if (type != '$' && type != ':' && type != '*') return fail(CodecErrc::malformed_resp, at_);
  const Number number = detail::read_number(item);
  if (number.status == Number::Status::incomplete) return Step::incomplete;
  if (number.status == Number::Status::malformed) {
    return fail(CodecErrc::malformed_resp, at_ + number.bytes);
  }
  if (type == '$') return decode_bulk(input, number.bytes, number.value);
  if (type == '*') return decode_array(number.bytes, number.value);
  return add({.type = RespType::integer, .number = number.value}, at_ + number.bytes);
}

// No more is looked at than the verdict needs: the line to the limit, and its end.
RespReplies::Step RespReplies::decode_line(ByteView input, RespType type) {
  const std::size_t begin = at_ + 1;
  const std::string_view text = as_text(input).substr(begin);
  const std::size_t within = std::min(text.size(), options_.max_line_bytes);
  const std::size_t end = std::min(text.substr(0, within).find_first_of("\r\n", scanned_), within);
  scanned_ = end;
  if (end == text.size()) return Step::incomplete;
  if (end == options_.max_line_bytes && text[end] != '\r' && text[end] != '\n') {
    return fail(CodecErrc::line_too_long, std::uint64_t{end} + 1, end);
  }
  const std::string_view line_end = text.substr(end, 2);
  const std::size_t ending = detail::matching_end(line_end);
  if (ending < 2) {
    if (ending == line_end.size()) return Step::incomplete;
    return fail(CodecErrc::malformed_resp, begin + end + ending);
  }
  if (end > options_.max_frame_bytes - text_bytes_) {
    return fail(CodecErrc::frame_too_long, text_bytes_ + end, options_.max_frame_bytes);
  }
  scanned_ = 0;
  text_bytes_ += end;
  return add({.type = type, .number = static_cast<std::int64_t>(begin), .size = end},
             begin + end + 2);
}

RespReplies::Step RespReplies::decode_bulk(ByteView input, std::size_t header,
                                           std::int64_t length) {
  if (length == -1) return add({.type = RespType::null}, at_ + header);
  if (length < 0) return fail(CodecErrc::malformed_resp, at_ + 1);
  const auto announced = static_cast<std::uint64_t>(length);
  if (announced > options_.max_frame_bytes - text_bytes_) {
    return fail(CodecErrc::frame_too_long, text_bytes_ + announced, options_.max_frame_bytes);
  }
  const auto size = static_cast<std::size_t>(announced);  // fits: it is within the limit
  const std::size_t begin = at_ + header;
  const std::size_t arrived = input.size() - begin;
  if (arrived <= size) {
    needed_ = size - arrived + 2;
    return Step::incomplete;
  }
  const std::size_t ending = detail::matching_end(as_text(input).substr(begin + size, 2));
  if (ending < 2) {
    needed_ = 1;
    if (ending == arrived - size) return Step::incomplete;
    return fail(CodecErrc::malformed_resp, begin + size + ending);
  }
  text_bytes_ += size;
  return add({.type = RespType::bulk, .number = static_cast<std::int64_t>(begin), .size = size},
             begin + size + 2);
}

RespReplies::Step RespReplies::decode_array(std::size_t header, std::int64_t count) {
  if (count == -1) return add({.type = RespType::null_array}, at_ + header);
  if (count < 0) return fail(CodecErrc::malformed_resp, at_ + 1);
  const auto announced = static_cast<std::uint64_t>(count);
  if (open_.size() == options_.max_depth) {
    return fail(CodecErrc::too_deep, open_.size() + 1, options_.max_depth);
  }
  if (announced > options_.max_items - items_) {
    return fail(CodecErrc::too_many_items, items_ + announced, options_.max_items);
  }
  const auto size = static_cast<std::size_t>(announced);  // fits: it is within the limit
  items_ += size;
  if (size > 0) open_.push_back({.node = nodes_.size(), .missing = size + 1});
  return add({.type = RespType::array, .size = size}, at_ + header);
}

// The item is complete up to `end`, or it is an array whose items begin there. What it completes is
// closed: each array counts itself as the first of what it waits for.
RespReplies::Step RespReplies::add(const Node& node, std::size_t end) {
  nodes_.push_back(node);
  at_ = end;
  while (!open_.empty() && --open_.back().missing == 0) {
    Node& array = nodes_[open_.back().node];
    array.nodes = nodes_.size() - open_.back().node;
    open_.pop_back();
  }
  return Step::more;
}

CodecError RespReplies::encode(const RespCommand& command, ByteBuffer& out) const {
  const std::span<const std::string_view> args = command.args();
  if (args.empty()) return {CodecErrc::unencodable};
  if (args.size() > options_.max_items) {
    return {CodecErrc::too_many_items, args.size(), options_.max_items};
  }
  std::uint64_t text_bytes = 0;
  for (const std::string_view arg : args) text_bytes += arg.size();
  if (text_bytes > options_.max_frame_bytes) {
    return {CodecErrc::frame_too_long, text_bytes, options_.max_frame_bytes};
  }
  detail::Rollback rollback(out);
  RespWriter(out).strings(args);
  rollback.keep();
  return {};
}

CodecError RespReplies::finish(ByteView rest) const noexcept {
  if (error_ || rest.empty()) return error_;
  return {CodecErrc::truncated, rest.size()};
}

void RespReplies::forget() noexcept {
  if (at_ > 0) return;
  if (nodes_.capacity() > kept_nodes) std::vector<Node>().swap(nodes_);
  if (open_.capacity() > kept_nodes) std::vector<Open>().swap(open_);
}

RespReplies::Step RespReplies::fail(CodecErrc code, std::uint64_t size, std::uint64_t limit) {
  error_ = {code, size, limit};
  return Step::failed;
}

}  // namespace twister
