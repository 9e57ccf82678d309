#include "twister/protocols/line_protocol.hpp"

namespace twister {

template class MessageProtocol<Lines>;

}  // namespace twister
