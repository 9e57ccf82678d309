// grpc_load: calls Echo by gRPC's completion queue, on one thread.
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "call_load.hpp"
#include "echo.grpc.pb.h"

namespace {

using google::protobuf::BytesValue;
using twister::bench::CallEnd;
using twister::bench::CallTimes;

struct Call {
  bench::Echo::Stub* stub;
  std::unique_ptr<grpc::ClientContext> context{};
  std::unique_ptr<grpc::ClientAsyncResponseReader<BytesValue>> reader{};
  BytesValue reply{};
  grpc::Status status{};
  CallTimes::Time sent{};

  void start(const BytesValue& request, grpc::CompletionQueue& queue, CallTimes::Time now) {
    sent = now;
    context = std::make_unique<grpc::ClientContext>();
    reader = stub->AsyncCall(context.get(), request, &queue);
    reader->Finish(&reply, &status, this);
  }
};

}  // namespace

int main(int argc, char** argv) {
  const twister::bench::LoadOptions options(argc, argv);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // each channel has its connection
  std::vector<std::unique_ptr<bench::Echo::Stub>> stubs;
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < options.connections; ++i) {
    const auto channel = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(options.port),
                                                   grpc::InsecureChannelCredentials(), arguments);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      std::fputs("grpc_load: no connection\n", stderr);
      return 1;
    }
    stubs.push_back(bench::Echo::NewStub(channel));
    for (int n = 0; n < options.in_flight; ++n) {
      calls.push_back(std::make_unique<Call>(Call{.stub = stubs.back().get()}));
    }
  }
  BytesValue request;
  request.set_value(std::string(options.size, 'x'));
  grpc::CompletionQueue queue;
  CallTimes times(options.seconds);
  for (const auto& call : calls) call->start(request, queue, CallTimes::Clock::now());
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
    Call& call = *static_cast<Call*>(tag);
    const auto now = CallTimes::Clock::now();
    const bool good = call.status.ok() && call.reply.value().size() == options.size;
    if (!times.record(call.sent, now, good ? CallEnd::ok : CallEnd::failed)) break;
    call.start(request, queue, now);
  }
  times.print();
  std::_Exit(times.failed() == 0 ? 0 : 1);  // calls are in flight
}
