// thrift_server: Echo by Thrift's TNonblockingServer, whose handlers run where it reads.
#include <memory>
#include <string>

#include <thrift/server/TNonblockingServer.h>
#include <thrift/transport/TNonblockingServerSocket.h>

#include "Echo.h"

namespace {

class Handler final : public bench_thrift::EchoIf {
 public:
  void call(std::string& reply, const std::string& payload) override { reply = payload; }
};

// Says when it listens.
class Ready final : public apache::thrift::server::TServerEventHandler {
 public:
  explicit Ready(std::shared_ptr<apache::thrift::transport::TNonblockingServerSocket> socket)
      : socket_(std::move(socket)) {}
  void preServe() override {
    std::printf("listening on 127.0.0.1:%d\n", socket_->getListenPort());
    std::fflush(stdout);
  }

 private:
  std::shared_ptr<apache::thrift::transport::TNonblockingServerSocket> socket_;
};

}  // namespace

int main() {
  const auto socket =
      std::make_shared<apache::thrift::transport::TNonblockingServerSocket>("127.0.0.1", 0);
  apache::thrift::server::TNonblockingServer server(
      std::make_shared<bench_thrift::EchoProcessor>(std::make_shared<Handler>()), socket);
  server.setServerEventHandler(std::make_shared<Ready>(socket));
  server.serve();
}
