#include "support/lookup_faults.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>

namespace {

std::atomic<twister::testing::LookupFaults*> faults = nullptr;

using Lookup = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

int system_lookup(const char* host, const char* port, const addrinfo* hints, addrinfo** found) {
  static const auto real = reinterpret_cast<Lookup>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(host, port, hints, found);
}

}  // namespace

// Stands before the C library's function of this name, and before a sanitizer's.
extern "C" int getaddrinfo(const char* host, const char* port, const addrinfo* hints,
                           addrinfo** found) {
  if (twister::testing::LookupFaults* const current = faults;
      current != nullptr && host != nullptr) {
    if (const auto answer = current->answer(host, port, hints, found)) return *answer;
  }
  return system_lookup(host, port, hints, found);
}

namespace twister::testing {

LookupFaults::LookupFaults() {
  faults = this;
}

LookupFaults::~LookupFaults() {
  release();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return inside_ == 0; });
  faults = nullptr;
}

void LookupFaults::release() {
  const std::lock_guard lock(mutex_);
  released_ = true;
  changed_.notify_all();
}

int LookupFaults::waiting() {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

std::optional<int> LookupFaults::answer(std::string_view host, const char* port,
                                        const addrinfo* hints, addrinfo** found) {
  if (!host.ends_with(".test")) return std::nullopt;
  std::unique_lock lock(mutex_);
  ++begun_;
  ++inside_;
  if (host == "slow.test") {
    ++waiting_;
    changed_.wait(lock, [this] { return released_; });
    --waiting_;
  }
  --inside_;
  changed_.notify_all();
  if (host == "nosuch.test") return EAI_NONAME;
  if (host == "later.test") return EAI_AGAIN;
  if (host == "broken.test") {
    errno = EMFILE;
    return EAI_SYSTEM;
  }
  const int result = system_lookup("127.0.0.1", port, hints, found);
  if (result == 0 && host == "twice.test") {
    addrinfo** end = &(*found)->ai_next;
    while (*end != nullptr) end = &(*end)->ai_next;
    return system_lookup("127.0.0.1", port, hints, end);
  }
  if (result == 0 && host == "strange.test") (*found)->ai_addr->sa_family = AF_IPX;
  return result;
}

}  // namespace twister::testing
