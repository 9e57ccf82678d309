// rules.hpp - the rules of codec.hpp, each tried by a function. Which is which: codec_conformance.cpp.
#pragma once

#include "examination.hpp"

namespace twister::testing::detail {

// sending_rules.cpp
void round_trip(Examination& now);
void both_ways_at_once(Examination& now);
void refusal_to_encode(Examination& now);
void in_place(Examination& now);

// receiving_rules.cpp
void every_cut(Examination& now);
void empty_input(Examination& now);
void truncation(Examination& now);
void hand_over(Examination& now);
void own_state(Examination& now);

// hostile_rules.cpp
void malformed(Examination& now);
void limit(Examination& now);
void resynchronisation(Examination& now);
void noise(Examination& now);

// cost_rules.cpp; counted, never timed
void linear_work(Examination& now);
void bounded_allocation(Examination& now);
void bounded_needs(Examination& now);  // of all that the rules before it decoded

}  // namespace twister::testing::detail
