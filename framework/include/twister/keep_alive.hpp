// twister/keep_alive.hpp - TCP keepalive: finds peers that vanished without a word.
#pragma once

#include <chrono>

namespace twister {

struct KeepAlive {
  std::chrono::seconds idle{60};      // without a byte from the peer, before the first probe
  std::chrono::seconds interval{10};  // between probes
  int count = 6;                      // unanswered, and the connection is over: ETIMEDOUT
};

}  // namespace twister
