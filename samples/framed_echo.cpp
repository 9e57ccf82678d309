// framed_echo: sends back each message, framed by a 4-byte big-endian length.
//   ./dev run framed_echo   then:  printf '\0\0\0\5hello' | nc -N 127.0.0.1 8888 | xxd
#include <twister/codecs/length_prefixed.hpp>
#include <twister/protocols/message_protocol.hpp>
#include <twister/serve.hpp>

class FramedEcho : public twister::MessageProtocol<twister::LengthPrefixed> {
  void on_message(twister::ByteView message) override { send(message); }
};

int main(int argc, char** argv) {
  return twister::serve_main(argc, argv, twister::build<FramedEcho>());
}
