// twister/codecs/msgpack.hpp - frames of MessagePack (target twister::json; needs nlohmann_json).
//
//   Framed<LengthPrefixed, Msgpack> codec(LengthPrefixed(), Msgpack({.max_depth = 8}));
//
// When not to use it: between programs of your own, see protobuf.hpp, which knows what it reads.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nlohmann/json.hpp>

#include "twister/codecs/codec.hpp"
#include "twister/codecs/framed.hpp"

namespace twister {

// What a MessagePack string may hold.
enum class MsgpackStrings : std::uint8_t {
  utf8,       // what the format says; other bytes are an error
  any_bytes,  // for peers that send binary as strings; nlohmann's dump() then throws
};

// The forms in which values are sent; all are understood.
enum class MsgpackForms : std::uint8_t {
  current,  // the shortest that the format has
  raw,  // what peers from before 2013 know: no str 8, no bin, which goes as a string, no float 32
};

struct MsgpackOptions {
  // Levels of arrays and maps, both directions; [] is one level, a number none. At most 1000.
  std::size_t max_depth = 64;
  // Elements of arrays and pairs of maps, of all levels together; both directions. One byte of the
  // frame may be an empty object of 80, and a pair may take 160: this many some 10 MiB.
  std::size_t max_items = 64 * 1024;
  MsgpackStrings strings = MsgpackStrings::utf8;
  MsgpackForms forms = MsgpackForms::current;
};

// One MessagePack value a frame (github.com/msgpack/msgpack, spec.md), as a nlohmann::json.
//
//      +------+==================+------+======================+
//      | type | size, or number  | body of a string or binary, |     big endian throughout
//      +------+==================+  or the values inside       +
//
//   nil, bool, int, float   null, boolean, number; an integer that is not negative is unsigned,
//                           whatever its form; float 32 becomes a double; NaN and infinities pass
//   str, array, map         string, array, object; the last of equal keys wins
//   bin, ext                binary; that of an ext has its type as subtype, which is a byte:
//                           255 is the type -1, a timestamp
//
// Decoding: one value and nothing behind it. The keys of a map are strings; others, which the
//   format allows and a nlohmann::json has no place for, are malformed. Any form of an integer or
//   of a size will do, the shortest or not.
// Encoding: the shortest form of each; a double that float 32 holds exactly is sent as that.
//   Unless MsgpackForms says otherwise.
// Limits: max_depth and max_items are judged on the header of an array or map, before it is built.
//   What is still owed to all open ones together is compared with the bytes that are left, so that
//   a claimed size allocates nothing that did not arrive. Does not recurse.
// Errors: malformed_msgpack (an empty frame too) with the position of the value that is wrong,
//   too_deep, too_many_items, invalid_utf8 with the position of the byte; encoding too_deep,
//   too_many_items, invalid_utf8, and unencodable for what the format cannot say: more than 2^32-1
//   bytes or items in one, a subtype over 255.
// Ownership: message() is the codec's, freed when the input runs dry; move from it to keep it.
class Msgpack {
 public:
  using Message = nlohmann::json;
  using Received = nlohmann::json&;

  Msgpack() = default;
  // Throws std::invalid_argument for a max_depth over 1000.
  explicit Msgpack(const MsgpackOptions& options);

  CodecError decode(ByteView frame);
  nlohmann::json& message() noexcept { return value_; }
  CodecError encode(const nlohmann::json& value, ByteBuffer& out) const;
  void forget() noexcept { value_ = nullptr; }

 private:
  MsgpackOptions options_;
  nlohmann::json value_;
};

}  // namespace twister
