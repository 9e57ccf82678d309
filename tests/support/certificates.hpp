// tests/support/certificates.hpp - certificates for tests, made on the spot.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace twister::testing {

// A certificate authority in a directory of its own, which goes with it.
class CertificateAuthority {
 public:
  CertificateAuthority();
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  struct Files {
    std::string certificate;
    std::string key;
  };
  // A certificate for these names ("example.com", "*.example.com", "127.0.0.1"). It began to be valid
  // a day ago and ends after `days`, which may be negative.
  Files issue(const std::vector<std::string>& names, int days = 30);
  // The file to believe in.
  std::string file() const { return (directory_ / "ca.pem").string(); }
  std::string path(const std::string& name) const { return (directory_ / name).string(); }

 private:
  std::filesystem::path directory_;
  struct Pair;
  std::unique_ptr<Pair> authority_;
  int issued_ = 0;
};

}  // namespace twister::testing
