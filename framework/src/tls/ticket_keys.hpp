// src/tls/ticket_keys.hpp - what a server's session tickets are encrypted with, and for how long.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string_view>

#include <twister/clock.hpp>

#include "openssl.hpp"

namespace twister::detail {

// A secret that changes every twelve hours: the next one is the hash of the last, which is forgotten a
// period later. So whoever learns it cannot decrypt what was recorded more than a day ago, and
// processes that were forked from the one that made it go from secret to secret together.
//
// Threads: any. Errors: the constructor throws std::system_error.
class TicketSecret {
 public:
  using Bytes = std::array<unsigned char, 32>;

  // The clock outlives it.
  explicit TicketSecret(const Clock& clock);
  ~TicketSecret();
  TicketSecret(const TicketSecret&) = delete;
  TicketSecret& operator=(const TicketSecret&) = delete;

  // That of this period and that of the one before; false for a lack of memory.
  bool get(std::array<Bytes, 2>& both) noexcept;

 private:
  const Clock& clock_;
  std::mutex mutex_;
  TimePoint ends_;  // of the period
  std::array<Bytes, 2> both_{};
};

// The keys of some contexts, made from a secret that they share with others. A ticket is good as long as
// the secret is there, and only where `binding` is the same.
//
// Threads: any. Ownership: the contexts point to it, so it stays where it is and outlives their
//   connections.
class TicketKeys {
 public:
  TicketKeys(std::shared_ptr<TicketSecret> secret, std::string_view binding);
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  void install(SSL_CTX* context);

 private:
  struct Key;

  bool derive(const TicketSecret::Bytes& secret, Key& key) const noexcept;
  int encrypt(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
  int decrypt(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac);

  std::shared_ptr<TicketSecret> secret_;
  TicketSecret::Bytes binding_{};
};

}  // namespace twister::detail
