// thrift_load: calls Echo by Thrift. Its answers come in the order of the calls, so several are in flight by
// sending ahead; a connection has a thread, since its client waits for each answer.
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TSocket.h>

#include "Echo.h"
#include "call_load.hpp"

namespace {

using namespace apache::thrift;
using twister::bench::CallEnd;
using twister::bench::CallTimes;

void call(const twister::bench::LoadOptions& options, CallTimes& times, std::mutex& mutex) {
  const auto socket = std::make_shared<transport::TSocket>("127.0.0.1", options.port);
  socket->setNoDelay(true);
  // A buffer below the frames, so that a frame is not two reads.
  const auto frames = std::make_shared<transport::TFramedTransport>(
      std::make_shared<transport::TBufferedTransport>(socket));
  bench_thrift::EchoClient client(std::make_shared<protocol::TBinaryProtocol>(frames));
  frames->open();
  const std::string request(options.size, 'x');
  std::deque<CallTimes::Time> sent;
  auto now = CallTimes::Clock::now();
  for (int i = 0; i < options.in_flight; ++i) {
    client.send_call(request);
    sent.push_back(now);
  }
  for (std::string reply;;) {
    client.recv_call(reply);
    now = CallTimes::Clock::now();
    {
      const std::lock_guard lock(mutex);
      const auto how = reply.size() == request.size() ? CallEnd::ok : CallEnd::failed;
      if (!times.record(sent.front(), now, how)) return;
    }
    sent.pop_front();
    client.send_call(request);
    sent.push_back(now);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const twister::bench::LoadOptions options(argc, argv);
  CallTimes times(options.seconds);
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int i = 0; i < options.connections; ++i) {
    threads.emplace_back([&] { call(options, times, mutex); });
  }
  for (std::thread& thread : threads) thread.join();
  times.print();
  return times.failed() == 0 ? 0 : 1;
}
