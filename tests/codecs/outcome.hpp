// What a codec makes of a stream, as lines of text that can be compared. No GoogleTest: the fuzz
// targets use it too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "twister/codecs/codec.hpp"

namespace twister::testing_codecs {

// "message TEXT", "skipped WHY", "error WHY" in order; last "end" or "end WHY" unless there was an
// error. A line that begins with "BROKEN" says which rule of the contract the codec broke.
using Events = std::vector<std::string>;
using Pieces = std::vector<std::string_view>;

struct FrameText {
  std::string operator()(ByteView frame) const { return std::string(as_text(frame)); }
};

// Plays the part of a connection: keeps what is unconsumed, decodes after every piece.
template <Codec C, class Describe>
class Driver {
 public:
  Driver(C codec, Describe describe) : codec_(std::move(codec)), describe_(describe) {}

  Events run(const Pieces& pieces) {
    for (const std::string_view piece : pieces) {
      rest_.append(piece);
      arrived_ += piece.size();
      drain();
      if (failed_) {
        return events_;
      }
    }
    const CodecError error = codec_.finish(as_bytes(rest_));
    events_.push_back(error ? "end " + error.message() : "end");
    return events_;
  }

 private:
  using Status = DecodeResult::Status;

  void drain() {
    while (!failed_) {
      // A copy of its own for each call, so that AddressSanitizer sees a read past the end.
      const std::vector<char> input(rest_.begin(), rest_.end());
      const ByteView view = as_bytes({input.data(), input.size()});
      const DecodeResult result = codec_.decode(view);
      note(result, view);
      if (!failed_) {
        rest_.erase(0, result.consumed);
      }
      if (result.status == Status::incomplete) {
        return;
      }
    }
  }

  void note(const DecodeResult& result, ByteView input) {
    if (result.status == Status::error) {
      events_.push_back("error " + result.error.message());
      failed_ = true;
      check_sticky(result.error, input);
      return;
    }
    require(result.consumed <= input.size(), "consumed more than there was");
    if (result.status == Status::incomplete) {
      earliest_ = std::max(earliest_, arrived_ + result.needed);
      return;
    }
    require(result.consumed > 0, "found something and consumed nothing");
    if (result.status == Status::skipped) {
      events_.push_back("skipped " + result.error.message());
    } else {
      require(arrived_ >= earliest_, "needed more than it took");
      events_.push_back("message " + describe_(codec_.message()));
    }
  }

  void check_sticky(const CodecError& error, ByteView input) {
    for (const ByteView again : {input, ByteView()}) {
      const DecodeResult result = codec_.decode(again);
      require(result.status == Status::error && result.error == error, "error not sticky");
    }
    require(codec_.finish(ByteView()) == error, "finish() does not tell the error");
  }

  void require(bool ok, const char* rule) {
    if (!ok) {
      events_.push_back(std::string("BROKEN ") + rule);
      failed_ = true;
    }
  }

  C codec_;
  Describe describe_;
  std::string rest_;
  std::size_t arrived_ = 0;
  std::size_t earliest_ = 0;  // as many bytes have to arrive before the next message can
  Events events_;
  bool failed_ = false;
};

template <Codec C, class Describe = FrameText>
Events decode_pieces(const C& codec, const Pieces& pieces, Describe describe = {}) {
  return Driver<C, Describe>(codec, describe).run(pieces);
}

inline Pieces cut_every(std::string_view input, std::size_t bytes) {
  Pieces pieces;
  for (std::size_t at = 0; at < input.size(); at += bytes) {
    pieces.push_back(input.substr(at, bytes));
  }
  return pieces;
}

}  // namespace twister::testing_codecs
