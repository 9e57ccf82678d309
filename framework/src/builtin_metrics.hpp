// src/builtin_metrics.hpp - twister's own metrics, from what loops have counted.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loop_sample.hpp"

namespace twister::detail {

// A sample for each loop, null for one that did not answer.
using LoopSamples = std::vector<std::shared_ptr<const LoopSample>>;

// Appends them in Prometheus' text format. A loop is called by its place in the list. One that did
// not answer has no series but `twister_loop_up 0`: a sum without it would look like a restart.
void write_builtin_metrics(std::string& out, const LoopSamples& loops);

}  // namespace twister::detail
