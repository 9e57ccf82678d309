#include "twister/codecs/json.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "twister/codecs/detail/rollback.hpp"

#include "json_writer.hpp"
#include "utf8.hpp"

namespace twister {

namespace {

using nlohmann::json;

// Builds the value from the parser's events; stops it, by returning false, before a level too many
// is built and at the first number that would be rounded. The parser itself does not recurse.
class Builder {
 public:
  Builder(json& root, std::size_t max_depth) : root_(root), max_depth_(max_depth) {}

  const CodecError& error() const noexcept { return error_; }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(json::number_integer_t value) { return add(value); }
  bool number_unsigned(json::number_unsigned_t value) { return add(value); }
  bool number_float(json::number_float_t value, const std::string& literal) {
    // The parser falls back to a double for integers that 64 bits do not hold.
    if (literal.find_first_of(".eE") == std::string::npos) {
      return stop({CodecErrc::number_out_of_range, literal.size()});
    }
    return add(value);
  }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(json::binary_t&) { return stop({CodecErrc::malformed_json}); }  // never in text

  bool start_object(std::size_t) { return open(json::value_t::object); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(json::value_t::array); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    member_ = &open_.back()->get_ref<json::object_t&>()[std::move(name)];
    return true;
  }

  // The parser counts what it has read, the byte that shows the mistake too, and the end like one.
  bool parse_error(std::size_t bytes_read, const std::string&, const json::exception& error) {
    constexpr int number_overflow = 406;  // nlohmann's id for 1e400
    return stop(
        {error.id == number_overflow ? CodecErrc::number_out_of_range : CodecErrc::malformed_json,
         bytes_read - std::min<std::size_t>(bytes_read, 1)});
  }

 private:
  template <class Value>
  json& place(Value&& value) {
    if (open_.empty()) {
      return root_ = json(std::forward<Value>(value));
    }
    if (open_.back()->is_array()) {
      return open_.back()->get_ref<json::array_t&>().emplace_back(std::forward<Value>(value));
    }
    return *member_ = json(std::forward<Value>(value));
  }

  template <class Value>
  bool add(Value&& value) {
    place(std::forward<Value>(value));
    return true;
  }

  bool open(json::value_t type) {
    if (open_.size() >= max_depth_) {
      return stop({CodecErrc::too_deep, open_.size() + 1, max_depth_});
    }
    open_.push_back(&place(type));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  bool stop(const CodecError& error) {
    error_ = error;
    return false;
  }

  json& root_;
  std::size_t max_depth_;
  std::vector<json*> open_;  // the arrays and objects around the next value, outermost first
  json* member_ = nullptr;   // in an object: where the value of the last key goes
  CodecError error_;
};

CodecError parse(std::string_view text, json& value, std::size_t max_depth) {
  // The parser takes a NUL byte for the end of its input and would not see what follows.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return {CodecErrc::malformed_json, nul};
  }
  // Nor would it mention a byte order mark, which RFC 8259 (section 8.1) says is not to be sent.
  if (text.starts_with("\xef\xbb\xbf")) {
    return {CodecErrc::malformed_json, 0};
  }
  Builder builder(value, max_depth);
  try {
    json::sax_parse(text.begin(), text.end(), &builder);
  } catch (const json::exception&) {
    return {CodecErrc::malformed_json};
  }
  return builder.error();
}

}  // namespace

Json::Json(const JsonOptions& options) : max_depth_(options.max_depth) {
  // Copying, comparing and printing a nlohmann::json recurse: 1000 levels fit any thread's stack.
  if (max_depth_ > 1000) {
    throw std::invalid_argument("Json: max_depth must be at most 1000");
  }
}

CodecError Json::decode(ByteView frame) {
  value_ = nullptr;
  CodecError error = parse(as_text(frame), value_, max_depth_);
  if (error.code == CodecErrc::malformed_json) {
    if (const std::size_t valid = detail::utf8_prefix_bytes(frame); valid < frame.size()) {
      error = {CodecErrc::invalid_utf8, valid};
    }
  }
  return error;
}

CodecError Json::encode(const json& value, ByteBuffer& out) const {
  detail::Rollback rollback(out);
  return rollback.keep_unless(detail::JsonWriter(out, max_depth_).write(value));
}

}  // namespace twister
