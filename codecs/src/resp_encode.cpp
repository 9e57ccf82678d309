#include "resp_encode.hpp"

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "twister/codecs/detail/rollback.hpp"

namespace twister::detail {

namespace {

// Writes a value item by item, in the order of the wire, and counts what the other side will count.
class Encoder {
 public:
  Encoder(const RespOptions& options, ByteBuffer& out) : options_(options), writer_(out) {}

  CodecError encode(const RespValue& value) {
    const RespValue* next = &value;
    for (;;) {
      if (const CodecError error = write(*next)) return error;
      while (!open_.empty() && open_.back().second == open_.back().first->items.size()) {
        open_.pop_back();
      }
      if (open_.empty()) return {};
      next = &open_.back().first->items[open_.back().second++];
    }
  }

 private:
  CodecError write(const RespValue& value) {
    switch (value.type) {
      case RespType::simple:
      case RespType::error:
        return write_line(value);
      case RespType::integer:
        writer_.integer(value.number);
        return {};
      case RespType::bulk:
        if (const CodecError error = count(value.text)) return error;
        writer_.bulk(value.text);
        return {};
      case RespType::array:
        return open_array(value);
      case RespType::null:
        writer_.null();
        return {};
      case RespType::null_array:
        writer_.null_array();
        return {};
    }
    return {CodecErrc::unencodable};
  }

  CodecError write_line(const RespValue& value) {
    if (value.text.size() > options_.max_line_bytes) {
      return {CodecErrc::line_too_long, value.text.size(), options_.max_line_bytes};
    }
    if (value.text.find_first_of("\r\n") != std::string::npos) {
      return {CodecErrc::embedded_delimiter, value.text.size()};
    }
    if (const CodecError error = count(value.text)) return error;
    if (value.type == RespType::simple) {
      writer_.simple(value.text);
    } else {
      writer_.error(value.text);
    }
    return {};
  }

  CodecError open_array(const RespValue& value) {
    if (open_.size() == options_.max_depth) {
      return {CodecErrc::too_deep, open_.size() + 1, options_.max_depth};
    }
    items_ += value.items.size();
    if (items_ > options_.max_items) {
      return {CodecErrc::too_many_items, items_, options_.max_items};
    }
    writer_.array(value.items.size());
    open_.emplace_back(&value, 0);
    return {};
  }

  CodecError count(const std::string& text) {
    text_bytes_ += text.size();
    if (text_bytes_ <= options_.max_frame_bytes) return {};
    return {CodecErrc::frame_too_long, text_bytes_, options_.max_frame_bytes};
  }

  const RespOptions& options_;
  RespWriter writer_;
  // The arrays around the next item, and how many items of each are written.
  std::vector<std::pair<const RespValue*, std::size_t>> open_;
  std::size_t items_ = 0;
  std::size_t text_bytes_ = 0;
};

}  // namespace

const RespOptions& checked(const RespOptions& options, const char* whose) {
  // Copying, comparing and destroying a RespValue recurse: 1000 levels fit any thread's stack.
  if (options.max_depth > 1000) {
    throw std::invalid_argument(std::string(whose) + ": max_depth " +
                                std::to_string(options.max_depth) + ", at most 1000");
  }
  if (options.max_items == 0) {
    throw std::invalid_argument(std::string(whose) + ": max_items 0, a command has a name");
  }
  return options;
}

CodecError encode_value(const RespValue& value, const RespOptions& options, ByteBuffer& out) {
  Rollback rollback(out);
  return rollback.keep_unless(Encoder(options, out).encode(value));
}

}  // namespace twister::detail
