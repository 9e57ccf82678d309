#include "ticket_keys.hpp"

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <span>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "tls_error.hpp"

namespace twister::detail {
namespace {

// Twelve hours. Tickets are taken for one period more than they are made, so for a day at most.
constexpr std::chrono::seconds ticket_key_period = std::chrono::seconds(43200);

using Input = std::span<const unsigned char>;

// Fills `output` with what follows from the inputs and tells nothing of them. Each input but the last
// has a length of its own, so that no two lists of them look alike.
bool expand(std::initializer_list<Input> inputs, std::span<unsigned char> output) noexcept {
  const std::unique_ptr<EVP_MD_CTX, OpenSslFree<EVP_MD_CTX_free>> hash(::EVP_MD_CTX_new());
  if (hash == nullptr || ::EVP_DigestInit_ex(hash.get(), ::EVP_shake256(), nullptr) != 1) {
    return false;
  }
  for (const Input input : inputs) {
    if (::EVP_DigestUpdate(hash.get(), input.data(), input.size()) != 1) return false;
  }
  return ::EVP_DigestFinalXOF(hash.get(), output.data(), output.size()) == 1;
}

// What a hash is for, so that one can never be taken for another.
constexpr std::array<unsigned char, 1> for_next_secret{'n'};
constexpr std::array<unsigned char, 1> for_key{'k'};
constexpr std::array<unsigned char, 1> for_binding{'b'};

}  // namespace

// ---- the secret ----

TicketSecret::TicketSecret(const Clock& clock)
    : clock_(clock), ends_(clock.now() + ticket_key_period) {
  for (Bytes& secret : both_) {  // no ticket was made with that of the period before
    if (::RAND_bytes(secret.data(), static_cast<int>(secret.size())) != 1) {
      throw_openssl_error("TLS ticket keys");
    }
  }
}

TicketSecret::~TicketSecret() {
  ::OPENSSL_cleanse(both_.data(), sizeof both_);
}

bool TicketSecret::get(std::array<Bytes, 2>& both) noexcept {
  const std::lock_guard lock(mutex_);
  for (const TimePoint now = clock_.now(); now >= ends_; ends_ += ticket_key_period) {
    Bytes next;
    if (!expand({for_next_secret, both_[0]}, next)) return false;
    both_ = {next, both_[0]};
  }
  both = both_;
  return true;
}

// ---- the keys ----

struct TicketKeys::Key {
  Key() = default;
  ~Key() { ::OPENSSL_cleanse(this, sizeof *this); }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  bool init_mac(EVP_MAC_CTX* context) const noexcept {
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        ::OSSL_PARAM_construct_end()};
    return ::EVP_MAC_init(context, mac.data(), mac.size(), parameters) == 1;
  }

  std::array<unsigned char, 16> name{};  // in the ticket, in clear
  std::array<unsigned char, 32> aes{};
  std::array<unsigned char, 32> mac{};
};

TicketKeys::TicketKeys(std::shared_ptr<TicketSecret> secret, std::string_view binding)
    : secret_(std::move(secret)) {
  const auto* text = reinterpret_cast<const unsigned char*>(binding.data());
  if (!expand({for_binding, Input(text, binding.size())}, binding_)) {
    throw_openssl_error("TLS ticket keys");
  }
}

void TicketKeys::install(SSL_CTX* context) {
  SSL_CTX_set_app_data(context, this);
  ::SSL_CTX_set_tlsext_ticket_key_evp_cb(
      context, [](SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                  EVP_MAC_CTX* mac, int encrypts) {
        auto* keys = static_cast<TicketKeys*>(SSL_CTX_get_app_data(::SSL_get_SSL_CTX(ssl)));
        if (encrypts != 0) return keys->encrypt(name, iv, cipher, mac);
        const int result = keys->decrypt(name, iv, cipher, mac);
        // RFC 8446, C.4: a ticket is used once, so that nobody can tell that two clients are one.
        return result == 1 && ::SSL_version(ssl) >= TLS1_3_VERSION ? 2 : result;
      });
}

bool TicketKeys::derive(const TicketSecret::Bytes& secret, Key& key) const noexcept {
  return expand({for_key, secret, binding_}, {reinterpret_cast<unsigned char*>(&key), sizeof key});
}

// OpenSSL's results: negative for an error, 0 for no ticket, 1 for one, 2 for one that shall be replaced.
int TicketKeys::encrypt(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac) {
  std::array<TicketSecret::Bytes, 2> secrets;
  Key key;
  const EVP_CIPHER* aes = ::EVP_aes_256_cbc();
  const bool made = secret_->get(secrets) && derive(secrets[0], key) &&
                    ::RAND_bytes(iv, ::EVP_CIPHER_get_iv_length(aes)) == 1 &&
                    ::EVP_EncryptInit_ex(cipher, aes, nullptr, key.aes.data(), iv) == 1 &&
                    key.init_mac(mac);
  ::OPENSSL_cleanse(secrets.data(), sizeof secrets);
  std::copy(key.name.begin(), key.name.end(), name);
  return made ? 1 : -1;
}

int TicketKeys::decrypt(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac) {
  std::array<TicketSecret::Bytes, 2> secrets;
  if (!secret_->get(secrets)) return -1;
  int result = 0;
  for (const TicketSecret::Bytes& secret : secrets) {
    Key key;
    if (!derive(secret, key)) result = -1;
    if (result < 0 || !std::equal(key.name.begin(), key.name.end(), name)) continue;
    const bool ready = key.init_mac(mac) && ::EVP_DecryptInit_ex(cipher, ::EVP_aes_256_cbc(),
                                                                 nullptr, key.aes.data(), iv) == 1;
    result = !ready ? -1 : &secret == &secrets[0] ? 1 : 2;
  }
  ::OPENSSL_cleanse(secrets.data(), sizeof secrets);
  return result;
}

}  // namespace twister::detail
