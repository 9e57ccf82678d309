// src/admin_pages.hpp - what the pages of an AdminServer say.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <twister/metrics.hpp>

#include "builtin_metrics.hpp"

namespace twister::detail {

struct AdminResponse {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;
};

AdminResponse metrics_page(const LoopSamples& loops, const MetricsRegistry& registry);
// `ended`: how many of the loops have come to their end, which is not an illness.
AdminResponse health_page(const LoopSamples& loops, const std::function<bool(std::size_t)>& ended,
                          std::chrono::milliseconds timeout);
AdminResponse readiness_page(const LoopSamples& loops, const std::function<bool()>& ready);
// At most `max_listed` connections.
AdminResponse connections_page(const LoopSamples& loops, std::size_t max_listed);
AdminResponse error_page(int status);

// The whole message. Without the body for HEAD, with its length.
std::string http_message(const AdminResponse& response, bool head, bool keep_alive);

// True for "localhost", "127.0.0.1:9100", "[::1]" and the like: what no name service was asked for.
bool is_numeric_or_localhost(std::string_view host);

}  // namespace twister::detail
