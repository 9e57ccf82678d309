// What was decoded from RESP, as a line of text. No GoogleTest: the fuzz target uses it too.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "twister/codecs/resp.hpp"

namespace twister::testing_codecs {

// "[SET][key][value]"
struct CommandText {
  std::string operator()(std::span<const std::string_view> command) const {
    std::string text;
    for (const std::string_view arg : command) text.append("[").append(arg).append("]");
    return text;
  }
};

// "(+OK :1 $bytes (nil) -ERR)", an array in parentheses; "nil" and "nil-array" for what is none.
struct ReplyText {
  std::string operator()(const RespReply& reply) const {
    switch (reply.type()) {
      case RespType::simple:
        return "+" + std::string(reply.text());
      case RespType::error:
        return "-" + std::string(reply.text());
      case RespType::integer:
        return ":" + std::to_string(reply.integer());
      case RespType::bulk:
        return "$" + std::string(reply.text());
      case RespType::null:
        return "nil";
      case RespType::null_array:
        return "nil-array";
      case RespType::array:
        break;
    }
    std::string text = "(";
    for (const RespReply item : reply) {
      if (text.size() > 1) text += ' ';
      text += (*this)(item);
    }
    return text + ")";
  }
};

}  // namespace twister::testing_codecs
