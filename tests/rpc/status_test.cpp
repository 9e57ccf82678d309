#include <gtest/gtest.h>

#include <twister/rpc/json_rpc_error.hpp>
#include <twister/rpc/status.hpp>

namespace twister {
namespace {

TEST(RpcStatus, IsOkByDefault) {
  EXPECT_TRUE(RpcStatus().ok());
  EXPECT_EQ(RpcStatus().message(), "OK");
}

TEST(RpcStatus, SaysItsCodeByNameAndItsText) {
  EXPECT_EQ(RpcStatus(RpcCode::not_found, "no room of that name").message(),
            "NOT_FOUND: no room of that name");
}

TEST(RpcStatus, HasTheNumbersOfGrpc) {
  EXPECT_EQ(static_cast<int>(RpcCode::cancelled), 1);
  EXPECT_EQ(static_cast<int>(RpcCode::resource_exhausted), 8);
  EXPECT_EQ(static_cast<int>(RpcCode::unauthenticated), 16);
}

TEST(RpcStatus, NamesEveryCodeAndFindsItByItsName) {
  for (std::uint16_t number = 0; number <= 16; ++number) {
    const auto code = static_cast<RpcCode>(number);
    EXPECT_EQ(rpc_code_of(to_string(code)), code) << number;
  }
  EXPECT_EQ(to_string(static_cast<RpcCode>(99)), "CODE_99");
  EXPECT_EQ(rpc_code_of("not_found"), std::nullopt);
}

TEST(RpcStatus, IsComparedWithACode) {
  EXPECT_EQ(RpcStatus(RpcCode::aborted, "again"), RpcCode::aborted);
  EXPECT_NE(RpcStatus(RpcCode::aborted, "again"), RpcStatus(RpcCode::aborted));
}

TEST(RpcError, CarriesAStatusAndSaysIt) {
  const RpcError error(RpcCode::permission_denied, "not yours");
  EXPECT_EQ(error.status(), RpcCode::permission_denied);
  EXPECT_STREQ(error.what(), "PERMISSION_DENIED: not yours");
}

TEST(RpcStatus, IsReadBackFromAnErrorOfJsonRpc) {
  for (std::size_t size = 0; size < 7; ++size) {
    RpcStatus status(RpcCode::not_found, "no such room");
    status.details = std::string("\x00\xfe\xff\x80z\n", 6).substr(0, size);
    status.retryable = size % 2 == 1;
    const JsonRpcError error = to_json_rpc_error(status);
    EXPECT_EQ(to_rpc_status(error), status) << error.data();
    EXPECT_EQ(error.data().is_null(), size == 0);
  }
}

TEST(RpcStatus, HasTheDataOfOthersErrorsAsDetails) {
  const std::int64_t not_found = -32005;
  for (const char* text :
       {R"({"code":"ABORTED"})", R"({"code":"NOT_FOUND","details":"AA="})",
        R"({"code":"NOT_FOUND","details":"A==="})", R"([1,"x"])", "5",
        R"({"code":"NOT_FOUND","details":"A*AA"})", R"({"code":"NOT_FOUND","details":"AB=="})",
        R"({"code":"NOT_FOUND","retryable":1})"}) {
    const RpcStatus status =
        to_rpc_status(JsonRpcError(not_found, "t", nlohmann::json::parse(text)));
    EXPECT_EQ(status, RpcCode::not_found);
    EXPECT_EQ(status.details, text);
    EXPECT_FALSE(status.retryable);
  }
}

}  // namespace
}  // namespace twister
