// tests/vectors/msgpack.txt, which says how it is written; msgpack_vectors_test.py reads it too.
#include <fstream>
#include <functional>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "twister/codecs/msgpack.hpp"

#include "decode_all.hpp"
#include "msgpack_values.hpp"

namespace twister {
namespace {

using nlohmann::json;
using testing_codecs::hex;
using testing_codecs::msgpack_text;
using testing_codecs::msgpack_value;
using testing_codecs::to_hex;

// Its lines by their first words: "in", "out message", "out error", "encode", "wire", "refused".
using Case = std::map<std::string, std::string>;

const std::map<std::string, CodecErrc> codes = {
    {"malformed_msgpack", CodecErrc::malformed_msgpack},
    {"too_deep", CodecErrc::too_deep},
    {"too_many_items", CodecErrc::too_many_items},
    {"invalid_utf8", CodecErrc::invalid_utf8},
    {"unencodable", CodecErrc::unencodable},
};

// Calls `check` for each case that has a line of that name; gives how many there were.
int for_each_case_with(const std::string& name, const std::function<void(Case&)>& check) {
  std::ifstream file(TWISTER_TEST_VECTORS "/msgpack.txt");
  int count = 0;
  Case lines;
  const auto end_case = [&] {
    if (lines.contains(name)) {
      SCOPED_TRACE(lines["case"]);
      check(lines);
      ++count;
    }
    lines.clear();
  };
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') {
      continue;
    }
    const std::size_t words = line.starts_with("out ") ? line.find(' ', 4) : line.find(' ');
    if (line.starts_with("case ")) {
      end_case();
    }
    lines[line.substr(0, words)] = words == line.npos ? "" : line.substr(words + 1);
  }
  end_case();
  return count;
}

std::string plain(const std::string& text) {
  return msgpack_text(msgpack_value(json::parse(text)));
}

TEST(MsgpackVectors, AreDecodedToTheirValues) {
  const int count = for_each_case_with("out message", [](Case& lines) {
    Msgpack payload;
    EXPECT_EQ(payload.decode(as_bytes(hex(lines["in"]))), CodecError());
    EXPECT_EQ(msgpack_text(payload.message()), plain(lines["out message"]));
  });
  EXPECT_GE(count, 100);
}

TEST(MsgpackVectors, AreRefusedAsTheySay) {
  const int count = for_each_case_with("out error", [](Case& lines) {
    EXPECT_EQ(Msgpack().decode(as_bytes(hex(lines["in"]))).code, codes.at(lines["out error"]));
  });
  EXPECT_GE(count, 50);
}

TEST(MsgpackVectors, AreEncodedToTheirOnlyForm) {
  const int count = for_each_case_with("wire", [](Case& lines) {
    ByteBuffer out;
    const json value = msgpack_value(json::parse(lines["encode"]));
    EXPECT_EQ(Msgpack().encode(value, out), CodecError());
    EXPECT_EQ(to_hex(out.view()), lines["wire"]);
  });
  EXPECT_GE(count, 70);
}

TEST(MsgpackVectors, SayWhatIsNotEncoded) {
  const int count = for_each_case_with("refused", [](Case& lines) {
    ByteBuffer out;
    const json value = msgpack_value(json::parse(lines["encode"]));
    EXPECT_EQ(Msgpack().encode(value, out).code, codes.at(lines["refused"]));
    EXPECT_TRUE(out.empty());
  });
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace twister
