#include "survey.hpp"

#include <new>
#include <utility>

#include "loop_core.hpp"

namespace twister::detail {

Survey::Survey(IOLoop& home, std::vector<IOLoop*> loops, std::size_t connections)
    : home_(home),
      loops_(std::move(loops)),
      connections_(connections),
      asked_(loops_.size()),
      mailbox_(std::make_shared<Mailbox>()) {
  mailbox_->survey = this;
}

Survey::~Survey() {
  mailbox_->survey = nullptr;
  for (const auto& round : rounds_) home_.cancel(round->deadline);
}

void Survey::ask(Duration timeout, Done done) {
  auto round = std::make_shared<Round>();
  round->samples.resize(loops_.size());
  round->awaited.resize(loops_.size());
  round->done = std::move(done);
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    LoopCore& core = loops_[i]->core();
    if (loops_[i] == &home_) {
      round->samples[i] = std::make_shared<const LoopSample>(take_sample(core, connections_));
    } else if (!core.activity().ended.load(std::memory_order_relaxed)) {
      round->awaited[i] = true;
      ++round->missing;
    }
  }
  if (round->missing == 0) return round->done(round->samples);
  rounds_.push_back(round);
  round->deadline = home_.call_later(timeout, [this, round] { finish(round); });
  for (std::size_t i = 0; i < loops_.size(); ++i)
    if (round->awaited[i] && !asked_[i]) ask_loop(i);
}

void Survey::ask_loop(std::size_t index) {
  asked_[index] = true;
  LoopCore& core = loops_[index]->core();
  core.add_callback(
      [&core, index, connections = connections_, mailbox = mailbox_, home = home_.core().remote()] {
        std::shared_ptr<const LoopSample> sample;
        try {
          sample = std::make_shared<const LoopSample>(take_sample(core, connections));
        } catch (const std::bad_alloc&) {
          // That is no answer either, and the next question may have one.
        }
        home->post([index, mailbox, sample = std::move(sample)] {
          if (mailbox->survey != nullptr) mailbox->survey->answered(index, sample);
        });
      });
}

void Survey::answered(std::size_t index, const std::shared_ptr<const LoopSample>& sample) {
  asked_[index] = false;
  std::vector<std::shared_ptr<Round>> complete;
  for (const auto& round : rounds_) {
    if (!round->awaited[index]) continue;
    round->awaited[index] = false;
    round->samples[index] = sample;
    if (--round->missing == 0) complete.push_back(round);
  }
  const auto mailbox = mailbox_;  // `done` may destroy the survey
  for (const auto& round : complete)
    if (mailbox->survey != nullptr) finish(round);
}

void Survey::finish(const std::shared_ptr<Round>& round) {
  home_.cancel(round->deadline);
  std::erase(rounds_, round);
  round->done(round->samples);
}

}  // namespace twister::detail
