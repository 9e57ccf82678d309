// How calls with streams end, and what comes before.
#include "stream_pair.hpp"

namespace twister {
namespace {

using namespace testing;

}  // namespace
}  // namespace twister
