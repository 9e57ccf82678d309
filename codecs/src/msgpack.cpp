#include "twister/codecs/msgpack.hpp"

#include <stdexcept>
#include <string>

#include "twister/codecs/detail/rollback.hpp"

#include "msgpack_reader.hpp"
#include "msgpack_writer.hpp"

namespace twister {

Msgpack::Msgpack(const MsgpackOptions& options) : options_(options) {
  // Copying, comparing and printing a nlohmann::json recurse: 1000 levels fit any thread's stack.
  if (options.max_depth > 1000) {
    throw std::invalid_argument("Msgpack: max_depth must be at most 1000, not " +
                                std::to_string(options.max_depth));
  }
}

CodecError Msgpack::decode(ByteView frame) {
  value_ = nullptr;
  const CodecError error = detail::MsgpackReader(frame, options_).read(value_);
  if (error) {
    value_ = nullptr;
  }
  return error;
}

CodecError Msgpack::encode(const nlohmann::json& value, ByteBuffer& out) const {
  detail::Rollback rollback(out);
  return rollback.keep_unless(detail::MsgpackWriter(out, options_).write(value));
}

}  // namespace twister
