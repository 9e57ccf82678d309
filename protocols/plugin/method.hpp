// plugin/method.hpp - one method of a service, as the templates of its C++ want it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>

namespace twister::protoc {

// What stands for $name$ in a template.
using Words = std::map<std::string, std::string>;

// Names for the methods of a service that C++ takes, and that differ from each other.
class MethodNames {
 public:
  explicit MethodNames(const google::protobuf::ServiceDescriptor& service);

  // The method's own, with an underscore behind where C++, its library or our classes have taken it.
  std::string of_call(const std::string& method) const;
  // Of what sends it without waiting for an answer.
  std::string of_notice(const std::string& method) const;

 private:
  std::set<std::string> in_proto_;
};

struct Method {
  // wire, method, notify, in, out, kind, open, forms, best_form, deprecated, options, call_options and
  // default_options
  Words words;
  std::vector<std::string> comment;
  bool takes_stream = false;
  bool sends_stream = false;
  bool answers_empty = false;  // a google.protobuf.Empty
};

// Throws Refused.
Method describe(const google::protobuf::MethodDescriptor& method, const MethodNames& names);

}  // namespace twister::protoc
