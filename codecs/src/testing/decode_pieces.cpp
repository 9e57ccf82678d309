#include "twister/testing/decode_pieces.hpp"

#include <algorithm>

namespace twister::testing {
namespace {

using Status = DecodeResult::Status;

class Connection {
 public:
  explicit Connection(detail::TestedCodec& codec) : codec_(codec) {}

  Events run(const Pieces& pieces) {
    for (const std::string_view piece : pieces) {
      rest_.append(piece);
      arrived_ += piece.size();
      drain();
      if (ended_) {
        return events_;
      }
    }
    const CodecError error = codec_.finish(as_bytes(rest_));
    events_.push_back(error ? "end " + error.message() : "end");
    return events_;
  }

 private:
  void drain() {
    while (!ended_) {
      const std::vector<char> input(rest_.begin(), rest_.end());
      const ByteView view = as_bytes({input.data(), input.size()});
      const DecodeResult result = codec_.decode(view);
      note(result, view);
      if (!ended_) {
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
      ended_ = true;
      require(static_cast<bool>(result.error), "an error without a code");
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
      return require(static_cast<bool>(result.error), "skipped without a code");
    }
    require(arrived_ >= earliest_, "needed more than it took");
    require(lies_in(result.frame, input), "a frame that is not in the input");
    if (!ended_) {
      events_.push_back("message " + codec_.describe());
    }
  }

  static bool lies_in(ByteView frame, ByteView input) {
    return frame.empty() || (frame.data() >= input.data() &&
                             frame.data() + frame.size() <= input.data() + input.size());
  }

  void check_sticky(const CodecError& error, ByteView input) {
    for (const ByteView again : {input, ByteView()}) {
      const DecodeResult result = codec_.decode(again);
      require(result.status == Status::error && result.error == error, "error not sticky");
    }
    require(codec_.finish(ByteView()) == error, "finish() does not tell the error");
  }

  void require(bool ok, const char* rule) {
    if (ok || (!events_.empty() && events_.back().starts_with("BROKEN"))) {
      return;
    }
    events_.push_back(std::string("BROKEN ") + rule);
    ended_ = true;
  }

  detail::TestedCodec& codec_;
  std::string rest_;
  std::size_t arrived_ = 0;
  std::size_t earliest_ = 0;  // as many bytes have to arrive before the next message can
  Events events_;
  bool ended_ = false;
};

}  // namespace

Events detail::decode_pieces(TestedCodec& codec, const Pieces& pieces) {
  return Connection(codec).run(pieces);
}

Pieces cut_every(std::string_view input, std::size_t bytes) {
  Pieces pieces;
  for (std::size_t at = 0; at < input.size(); at += bytes) {
    pieces.push_back(input.substr(at, bytes));
  }
  return pieces;
}

}  // namespace twister::testing
