// rpc_link.hpp - a connection of twister's RPC, and what its server says of itself.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <google/protobuf/empty.pb.h>

#include <twister/rpc/connection.hpp>
#include <twister/rpc/metadata.hpp>

#include "schema.hpp"
#include "session.hpp"

namespace twister::tool {

// A reply of a type that the compiler does not know: an Empty keeps the fields that it has no name for, so that it
// is written as it was read.
using Unparsed = google::protobuf::Empty;

struct CallSettings {
  std::optional<std::chrono::milliseconds> timeout{};
  RpcMetadata metadata{};
};

// How a call ended that was waited for.
struct Answer {
  RpcStatus status{};
  Unparsed reply{};
  RpcMetadata metadata{};
};

// Ownership: goes before its session. Errors: those of Session.
class RpcLink {
 public:
  // Connects.
  RpcLink(Session& session, CallSettings settings);
  ~RpcLink();
  RpcLink(const RpcLink&) = delete;
  RpcLink& operator=(const RpcLink&) = delete;

  // Waits. A signal cancels the call.
  Answer call(const std::string& method, const google::protobuf::Message& request);
  // What is needed for a method, or for all that begin so. Failure for servers without reflection.
  std::vector<MethodInfo> methods(const std::string& prefix);
  std::unique_ptr<Schema> describe(const std::string& prefix, std::vector<MethodInfo> methods);

  // What the program ends with. Prints what is not OK.
  ExitCode conclude(const RpcStatus& status);

  RpcConnection& connection() noexcept { return *connection_; }
  // For calls that are made here.
  RpcCallOptions options() const;

 private:
  class Connection;

  Answer reflect(const std::string& method, const std::string& prefix);

  Session& session_;
  CallSettings settings_;
  std::shared_ptr<bool> lost_ = std::make_shared<bool>(false);
  RpcConnection* connection_ = nullptr;
};

}  // namespace twister::tool
