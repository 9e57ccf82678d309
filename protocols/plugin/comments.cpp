#include "comments.hpp"

#include <sstream>

namespace twister::protoc {

std::vector<std::string> as_comment(const std::string& text) {
  std::vector<std::string> comment;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line.erase(line.find_last_not_of(" \t\r\f\v") + 1);
    if (line.ends_with('\\')) line += " .";  // otherwise it takes the next line along
    const bool spaced = line.empty() || line.front() == ' ';
    comment.push_back((spaced ? "//" : "// ") + line);
  }
  return comment;
}

}  // namespace twister::protoc
