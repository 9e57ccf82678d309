// src/handle_core.hpp - what is behind a Handle.
#pragma once

#include <mutex>

namespace twister::detail {

class LoopCore;
class Stream;

// What a Handle points to, until the connection is gone. `loop` is read from any thread, under the
// lock; `stream` on the loop only.
struct HandleCore {
  std::mutex mutex;
  LoopCore* loop = nullptr;
  Stream* stream = nullptr;
};

}  // namespace twister::detail
