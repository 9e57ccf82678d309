// resp_encode.hpp - what both sides of RESP have in common.
#pragma once

#include "twister/codecs/resp.hpp"

namespace twister::detail {

// Throws std::invalid_argument, which names the class, for what no codec can keep to.
const RespOptions& checked(const RespOptions& options, const char* whose);

// Appends the value, or refuses it and leaves `out` as it was.
CodecError encode_value(const RespValue& value, const RespOptions& options, ByteBuffer& out);

}  // namespace twister::detail
