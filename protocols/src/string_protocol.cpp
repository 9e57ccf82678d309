#include "twister/protocols/string_protocol.hpp"

namespace twister {

template class MessageProtocol<LengthPrefixed>;
template class MessageProtocol<Netstring>;

}  // namespace twister
