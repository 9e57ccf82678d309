#include "twister/protocols/resp_protocol.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

namespace twister {

template class MessageProtocol<RespCommands>;

namespace {

// No command has a longer name.
constexpr std::size_t max_name_bytes = 32;

// Of the memory that replies are made in, by each thread.
constexpr std::size_t max_kept_bytes = 64 * 1024;

// What Redis repeats of a mistake.
constexpr std::size_t max_quoted_bytes = 128;

// As much of what a client sent as Redis repeats: it ends at a NUL.
std::string_view quoted(std::string_view text, std::size_t max_bytes) noexcept {
  return text.substr(0, std::min(text.find('\0'), max_bytes));
}

std::string without_nul(std::string text) {
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Where to look first, of a power of two. The names are the program's: nobody else can make many of
// them meet in one place.
std::size_t slot_of(std::string_view lower_case_name, std::size_t slots) noexcept {
  std::size_t hash = lower_case_name.size();
  for (const char c : lower_case_name) hash = hash * 31 + static_cast<unsigned char>(c);
  return (hash ^ hash >> 7) & (slots - 1);
}

}  // namespace

RespError::RespError(std::string text) : std::runtime_error(without_nul(std::move(text))) {}

RespError wrong_number_of_arguments(std::string_view command) {
  return RespError("ERR wrong number of arguments for '" + std::string(command) + "' command");
}

RespError unknown_subcommand(std::string_view command, std::string_view subcommand) {
  return RespError("ERR unknown subcommand '" +
                   std::string(subcommand.substr(0, max_quoted_bytes)) + "'. Try " +
                   std::string(command) + " HELP.");
}

std::string resp_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = lower(c);
  return result;
}

std::int64_t resp_integer(std::string_view text) {
  if (const auto value = parse_resp_integer(text)) return *value;
  throw RespError("ERR value is not an integer or out of range");
}

// The reply is made beside the output, so that on_command may write() to anybody, itself included.
void RespProtocol::on_message(RespArgs command) {
  thread_local ByteBuffer replies;  // of commands that are under way: one, unless they nest
  const std::size_t begin = replies.size();
  RespWriter reply(replies);
  std::optional<std::error_code> closes;
  closes_ = &closes;
  try {
    on_command(command, reply);
  } catch (const RespError& error) {
    reply.take_back();
    reply.error(error.what());
  } catch (...) {
    closes_ = nullptr;
    reply.take_back();
    throw;
  }
  closes_ = nullptr;
  write(replies.view().subspan(begin));
  reply.take_back();
  if (replies.capacity() > max_kept_bytes) replies.release();
  if (closes) Protocol::close(*closes);
}

void RespProtocol::on_message_error(const CodecError&) {
  write_in_place([&](ByteBuffer& out) {
    RespWriter(out).error("ERR Protocol error: " + codec().error_text());
    return true;
  });
}

void RespProtocol::close(std::error_code error) {
  if (closes_ == nullptr) return Protocol::close(error);
  if (!*closes_) *closes_ = error;
}

namespace detail {

void RespNames::add(std::string_view lower_case_name) {
  if (lower_case_name.size() > max_name_bytes || find(lower_case_name) != names_.size()) {
    throw std::invalid_argument("RespCommandTable: \"" + std::string(lower_case_name) +
                                "\" is too long, or there twice");
  }
  names_.push_back(lower_case_name);
  std::size_t size = 16;
  while (size < 3 * names_.size()) size *= 2;
  slots_.assign(size, names_.size());
  for (std::size_t i = 0; i < names_.size(); ++i) {
    std::size_t slot = slot_of(names_[i], size);
    while (slots_[slot] != names_.size()) slot = (slot + 1) & (size - 1);
    slots_[slot] = i;
  }
}

std::size_t RespNames::find(std::string_view name) const noexcept {
  if (slots_.empty() || name.size() > max_name_bytes) return names_.size();
  std::array<char, max_name_bytes> text;
  std::transform(name.begin(), name.end(), text.begin(), lower);
  const std::string_view wanted(text.data(), name.size());
  std::size_t slot = slot_of(wanted, slots_.size());
  while (slots_[slot] != names_.size() && names_[slots_[slot]] != wanted) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slots_[slot];
}

RespError unknown_command(RespArgs command) {
  std::string given;
  for (const std::string_view arg : command.subspan(1)) {
    if (given.size() >= max_quoted_bytes) break;
    const std::string_view part = quoted(arg, max_quoted_bytes - given.size());
    given.append("'").append(part).append("' ");
  }
  return RespError("ERR unknown command '" + std::string(quoted(command[0], max_quoted_bytes)) +
                   "', with args beginning with: " + given);
}

}  // namespace detail

}  // namespace twister
