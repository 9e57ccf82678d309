#include "codec_cost.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "show.hpp"
#include "watched_pages.hpp"

namespace twister::testing {
namespace {

using detail::CodecTrial;
using detail::CostFinding;
using detail::show;
using detail::WatchedPages;
using Status = DecodeResult::Status;

// Fewer pages would not show the difference between twice and as often as there are pages.
constexpr std::size_t least_pages = 9;

CostFinding broken_by(std::string what) {
  return {.broken = std::move(what)};
}

CostFinding untried_for(std::string what) {
  return {.untried = std::move(what)};
}

}  // namespace

// At most three pages are looked at for each that arrives (the header's, the new one, and one that
// a delimiter may begin in), and all once more when the message is whole.
CostFinding detail::examine_long_message(const CodecTrial& trial) {
  if (!trial.has_longest) {
    return untried_for("no `longest`");
  }
  ByteBuffer wire;
  if (const CodecError error = trial.make()->encode(trial.longest, wire)) {
    return broken_by("`longest` is refused by encode(): " + error.message());
  }
  const std::size_t page = WatchedPages::page_bytes();
  const std::size_t pages = (wire.size() + page - 1) / page;
  if (pages < least_pages) {
    return untried_for("`longest` takes " + std::to_string(wire.size()) + " bytes, and " +
                       std::to_string(least_pages * page) + " are needed");
  }
  const auto codec = trial.make();
  WatchedPages watched(as_text(wire.view()));
  std::size_t consumed = 0;
  bool complete = false;
  for (std::size_t arrived = page; !complete; arrived += page) {
    const std::size_t end = std::min(arrived, wire.size());
    watched.hide();
    const DecodeResult result = codec->decode(watched.view().subspan(consumed, end - consumed));
    if (result.status == Status::incomplete) {
      consumed += result.consumed;
    }
    complete = result.status != Status::incomplete || end == wire.size();
  }
  if (watched.seen() > 4 * pages + 2) {
    return broken_by("for a message of " + std::to_string(pages) +
                     " pages that arrived page by page " + std::to_string(watched.seen()) +
                     " pages were looked at");
  }
  return {};
}

CostFinding detail::examine_waiting_messages(const CodecTrial& trial, const std::string& some) {
  const std::size_t page = WatchedPages::page_bytes();
  std::string stream;
  while (stream.size() < least_pages * page) {
    stream += some;
  }
  const auto codec = trial.make();
  WatchedPages watched(stream);
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t before = watched.seen();
    watched.hide();
    const DecodeResult result = codec->decode(watched.view().subspan(at));
    if (result.status != Status::message || result.consumed == 0) {
      return {};  // another rule's matter
    }
    const std::size_t span = (at + result.consumed - 1) / page - at / page + 1;
    at += result.consumed;
    if (const std::size_t seen = watched.seen() - before; seen > span + 1) {
      return broken_by("for a message that lies in " + std::to_string(span) + " of " +
                       std::to_string(stream.size() / page) + " pages that are there, " +
                       std::to_string(seen) + " were looked at");
    }
  }
  return {};
}

CostFinding detail::examine_allocation(const CodecTrial& trial) {
  if (!trial.allocated_bytes) {
    return untried_for("no `allocated_bytes`");
  }
  if (trial.announcements.empty() && trial.too_long.empty()) {
    return untried_for("no stream in `announcements` or `too_long`");
  }
  for (const auto* streams : {&trial.announcements, &trial.too_long}) {
    for (const std::string& stream : *streams) {
      const auto codec = trial.make();
      const std::size_t before = trial.allocated_bytes();
      codec->decode(as_bytes(stream));
      const std::size_t allocated = trial.allocated_bytes() - before;
      if (allocated > stream.size() + trial.own_bytes) {
        return broken_by(std::to_string(allocated) + " bytes are allocated for " + show(stream));
      }
    }
  }
  return {};
}

}  // namespace twister::testing
