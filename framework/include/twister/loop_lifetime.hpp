// twister/loop_lifetime.hpp - for what is kept by loop: a later loop may have the address of one that is gone.
//
//   std::weak_ptr<void> lifetime = twister::loop_lifetime(loop);
//   if (lifetime.expired()) ...  // what was kept for this loop is of no use any more
//
// Not for calling a loop that may be gone: that is for a Handle.
#pragma once

#include <memory>

namespace twister {

class IOLoop;

// Expires when the loop is destroyed; no two loops have the same. Threads: the loop's.
std::weak_ptr<void> loop_lifetime(IOLoop& loop) noexcept;

}  // namespace twister
