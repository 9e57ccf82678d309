// plugin/cpp_names.hpp - what things of a .proto are called in C++.
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>

namespace twister::protoc {

// The word, or the word and an underscore where C++ or its library has taken it.
std::string cpp_word(std::string_view word);

// "odd::class_" for the package odd.class; empty for none.
std::string cpp_namespace(std::string_view package);

// "::market::Order_Line" for the message Line in the message Order: as protoc's own C++ has it.
std::string cpp_type(const google::protobuf::Descriptor& message);

}  // namespace twister::protoc
