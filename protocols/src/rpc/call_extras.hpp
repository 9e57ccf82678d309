// src/rpc/call_extras.hpp - what few calls have: made when it is first needed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include <twister/rpc/caller.hpp>
#include <twister/rpc/context.hpp>

namespace twister {

struct RpcContext::Extras {
  RpcMetadata metadata;
  RpcMetadata reply_metadata;
  std::vector<std::function<void()>> on_cancel;
  std::vector<RpcCallHandle> nested;
  std::vector<detail::Sleeper*> sleepers;
  std::optional<std::stop_source> stop;
  std::optional<RpcForwardedTo> forwarded_to;
};

}  // namespace twister
