#include "twister/codecs/resp_writer.hpp"

#include <charconv>
#include <cstring>
#include <span>

namespace twister {

namespace {

constexpr std::size_t max_number_bytes = 1 + 20 + 2;  // type, sign and 19 digits, CRLF

// Writes "TNNN\r\n" and returns its end.
char* write_number(char* at, char type, std::int64_t value) noexcept {
  *at++ = type;
  at = std::to_chars(at, at + 20, value).ptr;
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

char* begin_of(std::span<std::byte> room) noexcept {
  return reinterpret_cast<char*>(room.data());
}

}  // namespace

void RespWriter::bulk(std::string_view bytes) {
  const auto length = static_cast<std::int64_t>(bytes.size());
  if (out_.room() >= max_number_bytes + 2 && bytes.size() <= out_.room() - max_number_bytes - 2)
      [[likely]] {
    char* const begin = begin_of(out_.prepare(out_.room()));
    char* at = write_number(begin, '$', length);
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    at += bytes.size();
    *at++ = '\r';
    *at++ = '\n';
    out_.commit(static_cast<std::size_t>(at - begin));
    return;
  }
  // May move the buffer's content, and the bytes may be part of it.
  char header[max_number_bytes];
  const char* const end = write_number(header, '$', length);
  out_.append(as_bytes({header, static_cast<std::size_t>(end - header)}), as_bytes(bytes));
  out_.append("\r\n");
}

void RespWriter::strings(std::span<const std::string_view> items) {
  array(items.size());
  for (const std::string_view item : items) bulk(item);
}

void RespWriter::line(char type, std::string_view text) {
  const std::size_t size = 1 + text.size() + 2;
  char* at = begin_of(out_.prepare(size));
  *at++ = type;
  for (const char byte : text) *at++ = byte == '\r' || byte == '\n' ? ' ' : byte;
  *at++ = '\r';
  *at++ = '\n';
  out_.commit(size);
}

void RespWriter::number(char type, std::int64_t value) {
  char* const begin = begin_of(out_.prepare(max_number_bytes));
  out_.commit(static_cast<std::size_t>(write_number(begin, type, value) - begin));
}

}  // namespace twister
