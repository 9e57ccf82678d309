#include <gtest/gtest.h>

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

}  // namespace
}  // namespace twister
