#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>

#include "rules.hpp"
#include "show.hpp"
#include "watched_pages.hpp"

namespace twister::testing::detail {
namespace {

using Status = DecodeResult::Status;

// Fewer pages would not show the difference between twice and as often as there are pages.
constexpr std::size_t least_pages = 9;

// At most three pages are looked at for each that arrives (the header's, the new one, and one that
// a delimiter may begin in), and all once more when the message is whole.
void long_message(Examination& now) {
  if (!now.trial().has_longest) {
    return now.untried("no `longest`");
  }
  const std::string& wire = now.longest_wire();
  if (wire.empty()) {
    return;  // refused: another rule's matter
  }
  const std::size_t page = WatchedPages::page_bytes();
  const std::size_t pages = (wire.size() + page - 1) / page;
  if (pages < least_pages) {
    return now.untried("`longest` takes " + std::to_string(wire.size()) + " bytes, and " +
                       std::to_string(least_pages * page) + " are needed");
  }
  const auto codec = now.make();
  WatchedPages watched(wire);
  std::size_t consumed = 0;
  DecodeResult result;
  for (std::size_t end = 0; result.status == Status::incomplete && end < wire.size();) {
    end = std::min(end + page, wire.size());
    watched.hide();
    result = codec->decode(watched.view().subspan(consumed, end - consumed));
    consumed += result.consumed;
  }
  if (result.status != Status::message) {
    now.broken("`longest`, arriving page by page, is not decoded");
  } else if (watched.seen() > 4 * pages + 2) {
    now.broken("for a message of " + std::to_string(pages) + " pages that arrived page by page " +
               std::to_string(watched.seen()) + " pages were looked at");
  }
}

// Many short messages that have all arrived: those of 256 bytes or so at a time, because to hide
// the pages takes longer than to decode. The first of them are enough.
void waiting_messages(Examination& now) {
  constexpr std::size_t together_bytes = 256;
  constexpr int most_messages = 2000;
  const std::size_t page = WatchedPages::page_bytes();
  std::string stream;
  while (stream.size() < least_pages * page) {
    stream += now.stream();
  }
  const auto codec = now.make();
  WatchedPages watched(stream);
  int messages = 0;
  for (std::size_t at = 0; at < stream.size() && messages < most_messages;) {
    const std::size_t begin = at;
    const std::size_t before = watched.seen();
    watched.hide();
    while (at < std::min(begin + together_bytes, stream.size())) {
      const DecodeResult result = codec->decode(watched.view().subspan(at));
      if (result.status != Status::message || result.consumed == 0) {
        return;  // another rule's matter
      }
      at += result.consumed;
      ++messages;
    }
    const std::size_t span = (at - 1) / page - begin / page + 1;
    if (const std::size_t seen = watched.seen() - before; seen > span + 1) {
      return now.broken("for messages that lie in " + std::to_string(span) + " of " +
                        std::to_string(stream.size() / page) + " pages that are there, " +
                        std::to_string(seen) + " were looked at");
    }
  }
}

// Whether they are what they are called, and announce enough to show anything.
void examine_announcements(Examination& now) {
  std::size_t most = 0;
  for (const std::string& stream : now.trial().announcements) {
    const auto codec = now.make();
    const DecodeResult result = codec->decode(as_bytes(stream));
    if (result.status != Status::incomplete ||
        !codec->finish(as_bytes(stream).subspan(result.consumed))) {
      now.broken(show(stream) + " in `announcements` is not the beginning of a frame");
    }
    most = std::max(most, result.needed == 0 ? std::numeric_limits<std::size_t>::max()
                                             : stream.size() + result.needed);
  }
  if (!now.trial().announcements.empty() && most < now.longest_wire().size() / 2) {
    now.untried("no stream in `announcements` announces half as much as `longest` takes");
  }
}

}  // namespace

void linear_work(Examination& now) {
  long_message(now);
  waiting_messages(now);
}

void bounded_allocation(Examination& now) {
  const CodecTrial& trial = now.trial();
  examine_announcements(now);
  if (!trial.allocated_bytes) {
    return now.untried("no `allocated_bytes`");
  }
  if (trial.announcements.empty() && trial.too_long.empty()) {
    return now.untried("no stream in `announcements` or `too_long`");
  }
  for (const auto* streams : {&trial.announcements, &trial.too_long}) {
    for (const std::string& stream : *streams) {
      const auto codec = now.make();
      const std::size_t before = trial.allocated_bytes();
      codec->decode(as_bytes(stream));
      const std::size_t allocated = trial.allocated_bytes() - before;
      if (allocated > stream.size() + trial.own_bytes) {
        now.broken(std::to_string(allocated) + " bytes are allocated for " + show(stream));
      }
    }
  }
}

// Twice, because a limit may count what is written on the wire in fewer bytes, and `longest` need
// not be the very largest.
void bounded_needs(Examination& now) {
  if (!now.trial().has_longest) {
    return now.untried("no `longest` to judge `needed` by");
  }
  const std::size_t longest = now.longest_wire().size();
  if (const std::size_t most = now.watch().most_needed; longest > 0 && most > 2 * longest) {
    now.broken("`needed` asked for a frame of " + std::to_string(most) +
               " bytes, and `longest` takes " + std::to_string(longest));
  }
}

}  // namespace twister::testing::detail
