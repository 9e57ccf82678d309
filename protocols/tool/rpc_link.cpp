#include "rpc_link.hpp"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/wrappers.pb.h>

namespace twister::tool {

// Says when it is gone: its owner has only a pointer.
class RpcLink::Connection final : public RpcConnection {
 public:
  Connection(Session& session, std::shared_ptr<bool> lost)
      : RpcConnection(session.loop(), nullptr), session_(session), lost_(std::move(lost)) {}

 private:
  void on_close(const CloseReason& reason) override {
    *lost_ = true;
    RpcConnection::on_close(reason);
    session_.wake();
  }

  Session& session_;
  std::shared_ptr<bool> lost_;
};

RpcLink::RpcLink(Session& session, CallSettings settings)
    : session_(session), settings_(std::move(settings)) {
  auto connection = std::make_unique<Connection>(session, lost_);
  connection_ = connection.get();
  session.connect(std::move(connection));
}

// Ends the connection behind what was written: a notice, or a cancel, still leaves.
RpcLink::~RpcLink() {
  if (*lost_) return;
  connection_->close();
  session_.on_interrupt([this] { session_.wake(); });
  bool late = false;
  session_.loop().call_later(std::chrono::seconds(1), [&] {
    late = true;
    session_.wake();
  });
  session_.run_until([&] { return *lost_ || late; });
}

RpcCallOptions RpcLink::options() const {
  RpcCallOptions options;
  if (settings_.timeout) options.timeout = *settings_.timeout;
  options.metadata = &settings_.metadata;
  return options;
}

Answer RpcLink::call(const std::string& method, const google::protobuf::Message& request) {
  if (*lost_) return {.status = {RpcCode::unavailable, "the connection was lost"}};
  Answer answer;
  bool ended = false;
  const RpcCallHandle handle = connection_->call<Unparsed>(
      method, request, options(),
      [&](const RpcStatus& status, Unparsed& reply, const RpcMetadata& metadata) {
        answer = {status, std::move(reply), metadata};
        ended = true;
        session_.wake();
      });
  session_.on_interrupt([handle] { handle.cancel(); });
  session_.run_until([&] { return ended; });
  session_.on_interrupt({});
  return answer;
}

Answer RpcLink::reflect(const std::string& method, const std::string& prefix) {
  google::protobuf::StringValue request;
  request.set_value(prefix);
  Answer answer = call("twister.Reflection/" + method, request);
  if (answer.status == RpcCode::unimplemented) {
    throw Failure(ExitCode::status,
                  "the server does not describe itself (add_reflection() does); say what it speaks "
                  "by --proto FILE");
  }
  if (!answer.status.ok())
    throw Failure(conclude(answer.status), "the server could not be asked what it offers");
  return answer;
}

std::vector<MethodInfo> RpcLink::methods(const std::string& prefix) {
  google::protobuf::StringValue lines;
  if (!lines.ParseFromString(reflect("Methods", prefix).reply.SerializeAsString())) {
    throw Failure(ExitCode::status, "the server's list of methods makes no sense");
  }
  return parse_methods(lines.value());
}

std::unique_ptr<Schema> RpcLink::describe(const std::string& prefix,
                                          std::vector<MethodInfo> methods) {
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromString(reflect("Descriptors", prefix).reply.SerializeAsString())) {
    throw Failure(ExitCode::status, "the server's descriptors make no sense");
  }
  return std::make_unique<Schema>(std::move(methods), files);
}

ExitCode RpcLink::conclude(const RpcStatus& status) {
  if (status.ok()) return ExitCode::ok;
  session_.console().note_status(status);
  if (session_.interrupted()) return ExitCode::interrupted;
  if (status == RpcCode::deadline_exceeded) return ExitCode::deadline;
  const bool leaves = *lost_ || connection_->going_away();
  return status == RpcCode::unavailable && leaves ? ExitCode::connection : ExitCode::status;
}

}  // namespace twister::tool
