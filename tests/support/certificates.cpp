#include "certificates.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace twister::testing {
namespace {

struct Free {
  void operator()(X509* each) const { ::X509_free(each); }
  void operator()(EVP_PKEY* each) const { ::EVP_PKEY_free(each); }
  void operator()(std::FILE* each) const { std::fclose(each); }
  void operator()(X509_EXTENSION* each) const { ::X509_EXTENSION_free(each); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

constexpr long day = 24L * 60 * 60;

void add_extension(X509* certificate, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      ::X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
  if (extension == nullptr) throw std::runtime_error("bad extension " + value);
  ::X509_add_ext(certificate, extension.get(), -1);
}

Certificate make(EVP_PKEY* key, const std::string& name, int serial, int days) {
  Certificate certificate(::X509_new());
  X509* raw = certificate.get();
  ::X509_set_version(raw, X509_VERSION_3);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(raw), serial);
  ::X509_gmtime_adj(::X509_getm_notBefore(raw), -2 * day);
  ::X509_gmtime_adj(::X509_getm_notAfter(raw), days * day);
  ::X509_set_pubkey(raw, key);
  ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(raw), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

template <class Write>
void write_file(const std::string& path, Write write) {
  const std::unique_ptr<std::FILE, Free> file(std::fopen(path.c_str(), "w"));
  if (file == nullptr || write(file.get()) != 1) throw std::runtime_error("cannot write " + path);
}

}  // namespace

struct CertificateAuthority::Pair {
  Key key{::EVP_EC_gen("P-256")};
  Certificate certificate;
};

CertificateAuthority::CertificateAuthority() : authority_(std::make_unique<Pair>()) {
  std::string pattern = (std::filesystem::temp_directory_path() / "twister-ca-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = pattern;
  authority_->certificate = make(authority_->key.get(), directory_.filename().string(), 1, 365);
  X509* raw = authority_->certificate.get();
  ::X509_set_issuer_name(raw, ::X509_get_subject_name(raw));
  add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE");
  ::X509_sign(raw, authority_->key.get(), ::EVP_sha256());
  write_file(file(), [raw](std::FILE* out) { return ::PEM_write_X509(out, raw); });
}

CertificateAuthority::~CertificateAuthority() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

CertificateAuthority::Files CertificateAuthority::issue(const std::vector<std::string>& names,
                                                        int days) {
  const std::string stem = "certificate-" + std::to_string(++issued_);
  const Key key(::EVP_EC_gen("P-256"));
  const Certificate certificate = make(key.get(), names.front(), 1 + issued_, days);
  X509* raw = certificate.get();
  ::X509_set_issuer_name(raw, ::X509_get_subject_name(authority_->certificate.get()));
  std::string alternatives;
  for (const std::string& name : names) {
    const bool address = name.find_first_not_of("0123456789.") == name.npos;
    alternatives +=
        (alternatives.empty() ? "" : ",") + std::string(address ? "IP:" : "DNS:") + name;
  }
  add_extension(raw, authority_->certificate.get(), NID_subject_alt_name, alternatives);
  ::X509_sign(raw, authority_->key.get(), ::EVP_sha256());
  const Files files{path(stem + ".pem"), path(stem + ".key")};
  write_file(files.certificate, [raw](std::FILE* out) { return ::PEM_write_X509(out, raw); });
  write_file(files.key, [&key](std::FILE* out) {
    return ::PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

}  // namespace twister::testing
