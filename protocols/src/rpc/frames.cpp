#include "twister/rpc/frames.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

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
      state_(options.begins_with_preface ? State::expects_preface : State::ready) {}

DecodeResult RpcFrames::decode_slowly(ByteView input) {
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
  return fail({CodecErrc::unknown_type, header_bytes});  // its kind, and not its first bytes
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
  return rest.empty() ? CodecError{} : CodecError{CodecErrc::truncated, rest.size()};
}

}  // namespace twister
