// echo: sends back what it receives.
//   ./dev run echo          then, in another terminal:  nc 127.0.0.1 8888
#include <twister/protocol.hpp>
#include <twister/serve.hpp>

class Echo : public twister::Protocol {
  void on_data(twister::ByteView data) override { write(data); }
};

int main(int argc, char** argv) {
  return twister::serve_main(argc, argv, twister::build<Echo>());
}
