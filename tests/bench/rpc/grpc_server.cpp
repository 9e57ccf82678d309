// grpc_server [callbacks]: Echo by gRPC's completion queue, on one thread, or by its callbacks, which run on
// threads of its own.
#include <cstdio>
#include <cstring>
#include <memory>

#include <grpcpp/grpcpp.h>

#include "echo.grpc.pb.h"

namespace {

using google::protobuf::BytesValue;
using Service = bench::Echo::AsyncService;

// One call after the other.
class Call {
 public:
  Call(Service& service, grpc::ServerCompletionQueue& queue) : service_(service), queue_(queue) {
    wait();
  }
  // The call that was waited for is there, or its answer has left.
  void proceed() {
    if (answered_) {
      wait();
    } else {
      answered_ = true;
      reply_.set_value(request_.value());
      parts_->responder.Finish(reply_, grpc::Status::OK, this);
    }
  }

 private:
  // gRPC wants new ones for each call.
  struct Parts {
    grpc::ServerContext context;
    grpc::ServerAsyncResponseWriter<BytesValue> responder{&context};
  };

  void wait() {
    answered_ = false;
    parts_ = std::make_unique<Parts>();
    service_.RequestCall(&parts_->context, &request_, &parts_->responder, &queue_, &queue_, this);
  }

  Service& service_;
  grpc::ServerCompletionQueue& queue_;
  bool answered_ = false;
  BytesValue request_;
  BytesValue reply_;
  std::unique_ptr<Parts> parts_;
};

class Callbacks final : public bench::Echo::CallbackService {
  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* context, const BytesValue* request,
                                 BytesValue* reply) override {
    reply->set_value(request->value());
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// With a queue, if there is one.
std::unique_ptr<grpc::Server> listen(grpc::Service& service,
                                     std::unique_ptr<grpc::ServerCompletionQueue>* queue) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  if (queue != nullptr) *queue = builder.AddCompletionQueue();
  auto server = builder.BuildAndStart();
  std::printf("listening on 127.0.0.1:%d\n", port);
  std::fflush(stdout);
  return server;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "callbacks") == 0) {
    Callbacks service;
    listen(service, nullptr)->Wait();
    return 0;
  }
  Service service;
  std::unique_ptr<grpc::ServerCompletionQueue> queue;
  const auto server = listen(service, &queue);
  constexpr int calls_at_a_time = 1024;
  for (int i = 0; i < calls_at_a_time; ++i)
    new Call(service, *queue);  // live as long as the program
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) {
    if (ok) static_cast<Call*>(tag)->proceed();
  }
}
