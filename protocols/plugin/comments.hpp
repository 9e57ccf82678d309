// plugin/comments.hpp - the comments of a .proto as those of C++.
#pragma once

#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>

namespace twister::protoc {

// Text as the lines of a comment, which cannot be more than that whatever the text is.
std::vector<std::string> as_comment(const std::string& text);

// What stands above something of a .proto, and behind it on its line.
template <class Descriptor>
std::vector<std::string> comment_of(const Descriptor& descriptor) {
  google::protobuf::SourceLocation where;
  if (!descriptor.GetSourceLocation(&where)) return {};
  return as_comment(where.leading_comments + where.trailing_comments);
}

}  // namespace twister::protoc
