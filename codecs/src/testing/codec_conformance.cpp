#include "twister/testing/codec_conformance.hpp"

#include "rules.hpp"

namespace twister::testing {

ConformanceReport detail::try_codec(const CodecTrial& trial) {
  Examination now(trial);
  now.rule("round trip", round_trip);
  now.rule("every cut", every_cut);
  now.rule("empty input", empty_input);
  now.rule("truncation", truncation);
  now.rule("hand-over", hand_over);
  now.rule("both ways at once", both_ways_at_once);
  now.rule("own state", own_state);
  now.rule("refusal to encode", refusal_to_encode);
  if (trial.is_framing) {
    now.rule("in place", in_place);
  }
  now.rule("malformed", malformed);
  now.rule("limit", limit);
  now.rule("resynchronisation", resynchronisation);
  now.rule("noise", noise);
  now.rule("linear work", linear_work);
  now.rule("bounded allocation", bounded_allocation);
  now.rule("bounded needs", bounded_needs);
  return now.report();
}

}  // namespace twister::testing
