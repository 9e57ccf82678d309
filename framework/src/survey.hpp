// src/survey.hpp - asks several loops what they have counted, and does not wait for one that hangs.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <twister/io_loop.hpp>

#include "builtin_metrics.hpp"

namespace twister::detail {

// Posts a question to each loop and answers when all have answered, or when the time is over.
//
// Ownership: the loops asked outlive it; the loop it lives on may end while a question is on its
//   way. Threads: its home loop's.
// Limits: one question a loop is on its way at a time, however many wait for its answer: a loop that
//   hangs for an hour has one to answer then.
class Survey {
 public:
  // Called on the home loop, once, perhaps inside ask(). A loop that did not answer has null.
  using Done = std::function<void(const LoopSamples&)>;

  // `connections`: as for take_sample().
  Survey(IOLoop& home, std::vector<IOLoop*> loops, std::size_t connections);
  ~Survey();
  Survey(const Survey&) = delete;
  Survey& operator=(const Survey&) = delete;

  // Who asks twice at once waits for the same answers.
  void ask(Duration timeout, Done done);
  const std::vector<IOLoop*>& loops() const noexcept { return loops_; }

 private:
  struct Round {
    LoopSamples samples;
    std::vector<bool> awaited;  // by loop
    std::size_t missing = 0;
    TimerId deadline;
    Done done;
  };
  // What the answers are brought to; survives the survey.
  struct Mailbox {
    Survey* survey = nullptr;  // null once it is gone; used on the home loop only
  };

  void ask_loop(std::size_t index);
  void answered(std::size_t index, const std::shared_ptr<const LoopSample>& sample);
  void finish(const std::shared_ptr<Round>& round);

  IOLoop& home_;
  const std::vector<IOLoop*> loops_;
  const std::size_t connections_;
  std::vector<bool> asked_;  // a question is on its way
  std::vector<std::shared_ptr<Round>> rounds_;
  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace twister::detail
