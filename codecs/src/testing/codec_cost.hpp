// codec_cost.hpp - the rules of a codec that are about what it costs: counted, never timed.
#pragma once

#include <string>

#include "twister/testing/detail/codec_trial.hpp"

namespace twister::testing::detail {

// Both empty: the rule was kept.
struct CostFinding {
  std::string broken{};
  std::string untried{};
};

// Pages of input looked at for one long message that arrives page by page.
CostFinding examine_long_message(const CodecTrial& trial);
// The same for short messages that have all arrived; `stream` is some of them.
CostFinding examine_waiting_messages(const CodecTrial& trial, const std::string& stream);
// Bytes allocated for what was announced and has not come.
CostFinding examine_allocation(const CodecTrial& trial);

}  // namespace twister::testing::detail
