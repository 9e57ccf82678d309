// The parts of protoc-gen-twister, one by one.
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "comments.hpp"
#include "cpp_names.hpp"
#include "header.hpp"

namespace twister::protoc {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using Lines = std::vector<std::string>;

// A file out of the text form of its descriptor.
class ProtocPlugin : public ::testing::Test {
 protected:
  const FileDescriptor& file(const std::string& text) {
    FileDescriptorProto proto;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &proto));
    const FileDescriptor* const built = pool_.BuildFile(proto);
    EXPECT_NE(built, nullptr);
    return *built;
  }
  static std::string refusal(const FileDescriptor& file) {
    try {
      header_text(file);
      return "none";
    } catch (const Refused& refused) {
      return refused.what();
    }
  }

 private:
  DescriptorPool pool_;
};

TEST_F(ProtocPlugin, NamesTheHeaderAfterTheFile) {
  EXPECT_EQ(header_name(file("name: 'a/b.proto'")), "a/b.twister.hpp");
  EXPECT_EQ(header_name(file("name: 'a.proto.old'")), "a.proto.old.twister.hpp");
}

TEST_F(ProtocPlugin, WritesAHeaderForAFileWithoutServices) {
  EXPECT_EQ(header_text(file("name: 'a.proto'")),
            "// Written by protoc-gen-twister from a.proto: what is changed here is lost.\n"
            "// There are no services in it.\n"
            "#pragma once\n");
}

TEST_F(ProtocPlugin, MakesNamespacesOfPackages) {
  EXPECT_EQ(cpp_namespace(""), "");
  EXPECT_EQ(cpp_namespace("one"), "one");
  EXPECT_EQ(cpp_namespace("one.new.two"), "one::new_::two");
}

TEST_F(ProtocPlugin, CallsMessagesWhatProtocCallsThem) {
  const auto& built = file(
      "name: 'a.proto' package: 'p.q' message_type { name: 'delete' "
      "  nested_type { name: 'Inner' nested_type { name: 'new' } } } ");
  const auto& outer = *built.message_type(0);
  EXPECT_EQ(cpp_type(outer), "::p::q::delete_");
  EXPECT_EQ(cpp_type(*outer.nested_type(0)), "::p::q::delete__Inner");
  EXPECT_EQ(cpp_type(*outer.nested_type(0)->nested_type(0)), "::p::q::delete__Inner_new");
  EXPECT_EQ(cpp_type(*file("name: 'b.proto' message_type { name: 'int' }").message_type(0)),
            "::int_");
}

TEST_F(ProtocPlugin, KeepsCommentsInsideTheirLines) {
  EXPECT_EQ(as_comment(" One.\n two\r\n\n   three \t\n"),
            (Lines{"// One.", "// two", "//", "//   three"}));
  EXPECT_EQ(as_comment(" a path\\ \n int gotcha;"), (Lines{"// a path\\ .", "// int gotcha;"}));
  EXPECT_EQ(as_comment(""), Lines{});
}

TEST_F(ProtocPlugin, RefusesProtocsOwnServices) {
  EXPECT_EQ(refusal(file("name: 'a.proto' options { cc_generic_services: true } "
                         "service { name: 'S' }")),
            "a.proto: protoc's classes for services and twister's have the same names; "
            "take \"option cc_generic_services = true\" out");
  EXPECT_EQ(refusal(file("name: 'b.proto' options { cc_generic_services: true }")), "none");
}

TEST_F(ProtocPlugin, RefusesNamesThatAreTooLongForTheWire) {
  const std::string message = "message_type { name: 'M' } ";
  const auto service = [](const std::string& name) {
    return "service { name: 'S' method { name: '" + name + "' input_type: 'M' output_type: 'M' } }";
  };
  EXPECT_EQ(refusal(file("name: 'a.proto' " + message + service(std::string(253, 'm')))), "none");
  DescriptorPool other;
  FileDescriptorProto proto;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "name: 'b.proto' " + message + service(std::string(254, 'm')), &proto));
  EXPECT_EQ(refusal(*other.BuildFile(proto)).substr(0, 72),
            "b.proto: a method's name may have 255 bytes with those of its service an");
}

TEST_F(ProtocPlugin, WritesTheSameEachTime) {
  const auto& built = file(
      "name: 'a.proto' message_type { name: 'M' } "
      "service { name: 'S' method { name: 'A' input_type: 'M' output_type: 'M' } }");
  EXPECT_EQ(header_text(built), header_text(built));
}

}  // namespace
}  // namespace twister::protoc
