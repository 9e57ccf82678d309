#include "admin_pages.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <exception>
#include <optional>

#include <twister/address.hpp>

#include "exposition.hpp"
#include "text.hpp"

namespace twister::detail {
namespace {

std::string_view phrase_of(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

// "Sun, 01 Mar 2026 12:00:00 GMT", whatever the locale.
std::string http_date() {
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                utc.tm_min, utc.tm_sec);
  return text.data();
}

void append_number(std::string& out, std::string_view name, std::optional<std::uint64_t> value) {
  out.append("\"").append(name).append("\":").append(value ? std::to_string(*value) : "null");
}

void append_connection(std::string& out, const ConnectionSample& connection, std::size_t loop) {
  out += '{';
  append_number(out, "id", connection.id);
  out += ',';
  append_number(out, "loop", loop);
  out += ",\"server\":";
  if (connection.server) {
    append_json_string(out, *connection.server);
  } else {
    out += "null";
  }
  out += ",\"peer\":";
  append_json_string(out, connection.peer);
  out += ',';
  append_number(out, "seconds_open", static_cast<std::uint64_t>(connection.age.count()));
  out += ',';
  append_number(out, "received_bytes", connection.received_bytes);
  out += ',';
  append_number(out, "sent_bytes", connection.sent_bytes);
  out += ',';
  append_number(out, "queued_bytes", connection.queued_bytes);
  out += '}';
}

}  // namespace

AdminResponse metrics_page(const LoopSamples& loops, const MetricsRegistry& registry) {
  AdminResponse page{.content_type = exposition_type, .body = {}};
  write_builtin_metrics(page.body, loops);
  registry.write(page.body);
  return page;
}

AdminResponse health_page(const LoopSamples& loops, const std::function<bool(std::size_t)>& ended,
                          std::chrono::milliseconds timeout) {
  AdminResponse page;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    if (loops[i] != nullptr || ended(i)) continue;
    page.status = 503;
    page.body += "loop " + std::to_string(i) + " did not answer within " +
                 std::to_string(timeout.count()) + " ms\n";
  }
  if (page.status == 200) page.body = "ok\n";
  return page;
}

AdminResponse readiness_page(const LoopSamples& loops, const std::function<bool()>& ready) {
  AdminResponse page;
  const auto refuse = [&page](const std::string& why) {
    page.status = 503;
    page.body += why + "\n";
  };
  bool accepting = false;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    if (loops[i] == nullptr) {
      refuse("loop " + std::to_string(i) + " did not answer");
      continue;
    }
    for (const ServerSample& server : loops[i]->servers) {
      accepting = accepting || server.accepting;
      if (server.draining) refuse(server.label + " is draining");
    }
  }
  if (page.status == 200 && !accepting) refuse("no server accepts");
  try {
    if (page.status == 200 && ready && !ready()) refuse("not ready");
  } catch (const std::exception& error) {
    refuse(std::string("not ready: ") + error.what());
  }
  if (page.status == 200) page.body = "ready\n";
  return page;
}

AdminResponse connections_page(const LoopSamples& loops, std::size_t max_listed) {
  AdminResponse page{.content_type = "application/json", .body = "{\"connections\":["};
  std::size_t listed = 0;
  std::size_t total = 0;
  std::string missing;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    if (loops[i] == nullptr) {
      missing += (missing.empty() ? "" : ",") + std::to_string(i);
      continue;
    }
    total += loops[i]->streams;
    for (const ConnectionSample& connection : loops[i]->connections) {
      if (listed == max_listed) break;
      page.body += listed++ == 0 ? "\n" : ",\n";
      append_connection(page.body, connection, i);
    }
  }
  page.body += "\n],";
  append_number(page.body, "total", total);
  page.body += std::string(",\"truncated\":") + (listed < total ? "true" : "false");
  page.body += ",\"missing_loops\":[" + missing + "]}\n";
  return page;
}

AdminResponse error_page(int status) {
  AdminResponse page{.status = status, .body = std::string(phrase_of(status)) + "\n"};
  if (status == 404) page.body += "There are /metrics, /healthz, /readyz and /connections.\n";
  return page;
}

std::string http_message(const AdminResponse& response, bool head, bool keep_alive) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
  text.append(phrase_of(response.status)).append("\r\nDate: ").append(http_date());
  text.append("\r\nContent-Type: ").append(response.content_type);
  text.append("\r\nContent-Length: ").append(std::to_string(response.body.size()));
  if (response.status == 405) text += "\r\nAllow: GET, HEAD";
  text.append("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: ");
  text.append(keep_alive ? "keep-alive" : "close").append("\r\n\r\n");
  if (!head) text += response.body;
  return text;
}

bool is_numeric_or_localhost(std::string_view host) {
  if (host.empty() || host.front() == ':' || host.starts_with("unix:")) return false;
  std::string name(host);
  // An IPv6 address has colons of its own, in brackets.
  const std::size_t colon = name.find(':', name.front() == '[' ? name.find(']') : 0);
  if (colon == name.npos) name += ":0";
  const std::size_t end = name.rfind(':');
  std::string lower = name.substr(0, end);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const std::string_view port = std::string_view(name).substr(end + 1);
  const bool digits =
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  return (lower == "localhost" && digits) || Address::try_parse(name).has_value();
}

}  // namespace twister::detail
