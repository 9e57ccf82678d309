#include "twister/rpc/frames.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace twister {

namespace {

// What the first bytes of a preface say, taken for a length.
constexpr std::uint32_t magic_length = 0x73697774;

// How many of the bytes are those that a preface begins with.
std::size_t like_preface(ByteView input) noexcept {
  const std::size_t there = std::min(input.size(), RpcFrames::magic_bytes);
  std::size_t same = 0;
  while (same < there && std::to_integer<char>(input[same]) == RpcFrames::magic[same]) ++same;
  return same;
}

bool begins_with_name(const RpcFrame& frame) noexcept {
  const bool asks = frame.kind == RpcFrameKind::request || frame.kind == RpcFrameKind::notice;
  return asks && (frame.flags & RpcFrameFlag::names_method) != 0;
}

std::size_t checked(std::size_t bytes, const char* option) {
  if (bytes >= magic_length) {
    throw std::invalid_argument("RpcFrames: " + std::string(option) + " " + std::to_string(bytes) +
                                " is not below " + std::to_string(magic_length));
  }
  return bytes;
}

}  // namespace

RpcFrames::RpcFrames(const RpcFramesOptions& options)
    : max_frame_bytes_(checked(options.max_frame_bytes, "max_frame_bytes")),
      max_preface_bytes_(checked(options.max_preface_bytes, "max_preface_bytes")),
      unasked_bytes_(max_frame_bytes_),
      state_(options.begins_with_preface ? State::expects_preface : State::ready) {}

void RpcFrames::ask_for_room(HasRoom has_room) {
  has_room_ = std::move(has_room);
  unasked_bytes_ = has_room_ ? std::min(max_frame_bytes_, asked_bytes) : max_frame_bytes_;
}

DecodeResult RpcFrames::decode_slowly(ByteView input) {
  if (state_ == State::skipping) return skip(input);
  if (state_ == State::failed) {
    return {.status = DecodeResult::Status::error, .error = error_};
  }
  const std::size_t alike = like_preface(input);
  if (state_ == State::expects_preface && alike < std::min(input.size(), magic_bytes)) {
    return fail({CodecErrc::unknown_type, alike + 1});
  }
  if (input.size() < header_bytes) {
    return {.status = DecodeResult::Status::incomplete, .needed = header_bytes - input.size()};
  }
  if (alike == magic_bytes) {
    return decode_preface(input);
  }
  const std::uint64_t length = detail::load_little<std::uint32_t>(input.data());
  if (length > max_frame_bytes_) {
    return fail({CodecErrc::frame_too_long, length, max_frame_bytes_});
  }
  if (static_cast<RpcFrameKind>(input[4]) == RpcFrameKind::preface) {
    return fail({CodecErrc::unknown_type, header_bytes});  // its kind, and not its first bytes
  }
  return decode_large(input);
}

DecodeResult RpcFrames::decode_large(ByteView input) {
  const auto length = std::size_t{detail::load_little<std::uint32_t>(input.data())};
  const std::size_t arrived = input.size() - header_bytes;
  read_header(input.data());
  if (state_ != State::admitted) {
    // What its number stands for from now on has to be known even if the rest is not.
    std::size_t name = 0;
    if (begins_with_name(frame_)) {
      name = arrived == 0 ? 1 : 1 + std::to_integer<std::size_t>(input[header_bytes]);
      name = std::min(name, length);
    }
    if (arrived < name || (arrived == 0 && name != 0)) {
      return {.status = DecodeResult::Status::incomplete, .needed = name - arrived};
    }
    if (!has_room_(length)) {
      frame_.body = input.subspan(header_bytes, name);
      return refuse(input, length);
    }
    state_ = State::admitted;
  }
  if (arrived < length) {
    return {.status = DecodeResult::Status::incomplete, .needed = length - arrived};
  }
  state_ = State::ready;
  frame_.body = input.subspan(header_bytes, length);
  return found(header_bytes + length);
}

DecodeResult RpcFrames::refuse(ByteView input, std::size_t length) {
  const std::size_t there = std::min(input.size(), header_bytes + length);
  skip_bytes_ = header_bytes + length - there;
  state_ = skip_bytes_ == 0 ? State::ready : State::skipping;
  return {.status = DecodeResult::Status::skipped,
          .consumed = there,
          .error = {CodecErrc::frame_too_long, length, asked_bytes}};
}

DecodeResult RpcFrames::skip(ByteView input) {
  const std::size_t there = std::min(input.size(), skip_bytes_);
  skip_bytes_ -= there;
  if (skip_bytes_ != 0) {
    return {.status = DecodeResult::Status::incomplete,
            .consumed = there,
            .needed = skip_bytes_ + header_bytes};
  }
  state_ = State::ready;
  DecodeResult next = decode(input.subspan(there));
  if (next.status != DecodeResult::Status::error) next.consumed += there;
  return next;
}

DecodeResult RpcFrames::decode_preface(ByteView input) {
  const auto length = std::size_t{detail::load_little<std::uint32_t>(input.data() + magic_bytes)};
  if (length > max_preface_bytes_) {
    return fail({CodecErrc::frame_too_long, length, max_preface_bytes_});
  }
  const std::size_t arrived = input.size() - header_bytes;
  if (arrived < length) {
    return {.status = DecodeResult::Status::incomplete, .needed = length - arrived};
  }
  frame_ = {.kind = RpcFrameKind::preface, .body = input.subspan(header_bytes, length)};
  state_ = State::ready;
  return found(header_bytes + length);
}

DecodeResult RpcFrames::fail(const CodecError& error) {
  state_ = State::failed;
  error_ = error;
  return {.status = DecodeResult::Status::error, .error = error};
}

CodecError RpcFrames::encode(const RpcFrame& frame, ByteBuffer& out) const {
  std::byte header[header_bytes];
  if (frame.kind == RpcFrameKind::preface) {
    if (frame.flags != 0 || frame.number != 0 || frame.id != 0) {
      return {CodecErrc::unencodable};
    }
    if (frame.body.size() > max_preface_bytes_) {
      return {CodecErrc::frame_too_long, frame.body.size(), max_preface_bytes_};
    }
    std::memcpy(header, magic.data(), magic_bytes);
    detail::store_little(header + magic_bytes, static_cast<std::uint32_t>(frame.body.size()));
  } else {
    if (frame.body.size() > max_frame_bytes_) {
      return {CodecErrc::frame_too_long, frame.body.size(), max_frame_bytes_};
    }
    put_header(header, frame, frame.body.size());
  }
  out.append(ByteView(header, header_bytes), frame.body);
  return {};
}

CodecError RpcFrames::finish(ByteView rest) const noexcept {
  if (state_ == State::failed) {
    return error_;
  }
  if (state_ == State::skipping) return {CodecErrc::truncated, rest.size()};
  return rest.empty() ? CodecError{} : CodecError{CodecErrc::truncated, rest.size()};
}

}  // namespace twister
