// src/endpoint_options.hpp - the schemes of endpoints, their options, and the values of each.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include <twister/endpoint.hpp>

namespace twister::detail {

enum class OptionValue : std::uint8_t { file, names, host, ip, flag, demand, count, mode, time };

// Where an option has a meaning.
enum OptionUse : unsigned {
  on_tcp = 1,
  on_tls = 2,
  on_unix = 4,
  server_only = 8,
  client_only = 16,
};

struct SchemeName {
  std::string_view name;
  Endpoint::Scheme scheme;
  unsigned use;  // OptionUse
};

inline constexpr std::array schemes{
    SchemeName{"tcp", Endpoint::Scheme::tcp, on_tcp},
    SchemeName{"tls", Endpoint::Scheme::tls, on_tls},
    SchemeName{"unix", Endpoint::Scheme::unix_domain, on_unix},
    SchemeName{"fd", Endpoint::Scheme::fd, 0},
};
const SchemeName& entry_of(Endpoint::Scheme scheme) noexcept;

struct KnownOption {
  std::string_view name;
  OptionValue value;
  unsigned use;  // OptionUse, put together
};

// docs/reference/endpoints.md is compared with this table by a test.
inline constexpr std::array known_options{
    KnownOption{"backlog", OptionValue::count, on_tcp | on_tls | on_unix | server_only},
    KnownOption{"reuse-port", OptionValue::flag, on_tcp | on_tls | server_only},
    KnownOption{"mode", OptionValue::mode, on_unix | server_only},
    KnownOption{"cert", OptionValue::file, on_tls},
    KnownOption{"key", OptionValue::file, on_tls},
    KnownOption{"client-ca", OptionValue::file, on_tls | server_only},
    KnownOption{"client-cert", OptionValue::demand, on_tls | server_only},
    KnownOption{"ca", OptionValue::file, on_tls | client_only},
    KnownOption{"alpn", OptionValue::names, on_tls},
    KnownOption{"verify", OptionValue::flag, on_tls | client_only},
    KnownOption{"hostname", OptionValue::host, on_tls | client_only},
    KnownOption{"source", OptionValue::ip, on_tcp | on_tls | client_only},
    KnownOption{"timeout", OptionValue::time, on_tcp | on_tls | on_unix | client_only},
};

// What a value has to be, in words.
std::string_view describe(OptionValue kind) noexcept;
bool is_possible(OptionValue kind, std::string_view value);

// The values themselves; empty for what is not possible.
std::optional<unsigned> parse_count(std::string_view text) noexcept;
std::optional<unsigned> parse_mode(std::string_view text) noexcept;
std::optional<bool> parse_flag(std::string_view text) noexcept;
std::optional<std::chrono::milliseconds> parse_time(std::string_view text) noexcept;

// Names of hosts and addresses, without port and brackets.
bool is_ipv4(std::string_view text);
// With a zone behind `%`, or without.
bool is_ipv6(std::string_view text);
// Where the name is wrong; its size when it is right. Not for an empty one.
std::size_t check_host_name(std::string_view name) noexcept;

}  // namespace twister::detail
