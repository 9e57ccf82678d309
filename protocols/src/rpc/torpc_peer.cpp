#include <array>
#include <stdexcept>
#include <utility>

#include <twister/rpc/torpc_peer.hpp>

namespace twister {

using detail::DuplexFailure;
using detail::TorpcWire;
using nlohmann::json;

namespace {

json arguments_of(json arguments) {
  return arguments.is_null() ? json::array() : std::move(arguments);
}

json pair_of(json first, json second) {
  json pair = json::array();
  pair.push_back(std::move(first));
  pair.push_back(std::move(second));
  return pair;
}

// Bytes that are no UTF-8 may come as strings, and dump() throws on those.
std::string text_of(const json& error) {
  if (error.is_string()) return error.get<std::string>();
  return error.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

json TorpcResult::value_or_throw() && {
  if (ok()) return std::move(value);
  throw RpcError(std::move(status));
}

// ---- the wire ----

RpcStatus TorpcWire::check_params(const json& arguments) {
  if (arguments.is_null() || arguments.is_array()) return {};
  return {RpcCode::invalid_argument, unsendable};
}

TorpcMessage TorpcWire::request(std::uint64_t id, std::string_view method, json arguments) {
  return {TorpcType::request, static_cast<std::int32_t>(id),
          pair_of(method, arguments_of(std::move(arguments)))};
}

DuplexFailure TorpcWire::failure(const RpcStatus& status) {
  return {status, status.text.empty() ? status.message() : status.text};
}

DuplexFailure TorpcWire::failure(const JsonRpcError& error, const std::string& method) {
  RpcStatus status = to_rpc_status(error);
  status.text =
      method + ": " + (error.data().is_string() ? error.data().get<std::string>() : error.text());
  return failure(status);
}

DuplexFailure TorpcWire::internal_error(const std::string& reference, const std::string& method) {
  return failure({RpcCode::internal, method + ": internal error, reference " + reference});
}

RpcStatus TorpcWire::unknown_method(const std::string& method) {
  return {RpcCode::unimplemented, "there is no function " + method};
}

std::shared_ptr<TorpcPeer> TorpcPeer::make(IOLoop& loop, const TorpcServices& services,
                                           const TorpcOptions& options) {
  return std::shared_ptr<TorpcPeer>(new TorpcPeer(loop, services, options));
}

// ---- calling ----

WriteStatus TorpcPeer::notice(std::string_view method, json arguments) {
  if (!TorpcWire::check_params(arguments).ok()) return WriteStatus::refused;
  return transmit({TorpcType::notice, static_cast<std::int32_t>(calls_.take_id()),
                   pair_of(method, arguments_of(std::move(arguments)))},
                  {}, true);
}

void TorpcPeer::register_name(std::string_view name, TorpcCallback done) {
  if (!done) throw std::invalid_argument("TorpcPeer: a call without a callback");
  if (!is_open()) return calls_.fail_soon(std::move(done), unsent(WriteStatus::closed));
  const std::uint64_t id = calls_.add(std::move(done), options_.call_timeout);
  send_now({TorpcType::register_name, static_cast<std::int32_t>(id), pair_of("register", name)},
           std::array{id});
}

void TorpcPeer::receive(TorpcMessage& message) {
  if (message.type != TorpcType::response) return take_request(message);
  TorpcCallback done;
  if (message.id < 0 || !calls_.take(static_cast<std::uint64_t>(message.id), done)) {
    ++counters_.unmatched_responses;
    return;
  }
  TorpcResult result;
  if (message.body[0].is_null()) {
    result.value = std::move(message.body[1]);
  } else {
    result.status = {RpcCode::unknown, text_of(message.body[0])};
  }
  done(std::move(result));
}

void TorpcPeer::receive_malformed(const TorpcPayload::Header& header, const CodecError& error) {
  if (error.code == CodecErrc::unknown_type) {
    ++counters_.unknown_types;
    return;
  }
  ++counters_.malformed;
  const auto type = static_cast<TorpcType>(header.type);
  if (type == TorpcType::request || type == TorpcType::register_name) {
    respond(header.id, "malformed request: " + error.message(), nullptr);
  } else if (type == TorpcType::response && header.id >= 0) {
    TorpcCallback done;
    if (calls_.take(static_cast<std::uint64_t>(header.id), done)) {
      done(TorpcResult(RpcStatus(RpcCode::data_loss, "the response is malformed")));
    }
  }
}

// ---- serving ----

void TorpcPeer::take_request(TorpcMessage& request) {
  ++counters_.requests;
  if (request.type != TorpcType::register_name) {
    const bool is_notice = request.type == TorpcType::notice;
    return serve(request.body[0].get_ref<const std::string&>(), request.body[1],
                 {request.id, is_notice});
  }
  const auto& name = request.body[1].get_ref<const std::string&>();
  if (request.body[0] != "register") {
    respond(request.id, "names are registered by \"register\"", nullptr);
  } else if (!take_name_) {
    respond(request.id, "no names are registered here", nullptr);
  } else {
    respond(request.id, nullptr, take_name_(name));
  }
}

void TorpcPeer::answer(const Ticket& ticket, json error, json result) {
  if (!ticket.is_notice) respond(ticket.id, std::move(error), std::move(result));
}

void TorpcPeer::respond(std::int32_t id, json error, json result) {
  if (!send_) return;
  const WriteStatus status =
      send_({TorpcType::response, id, pair_of(std::move(error), std::move(result))});
  if (status == WriteStatus::refused) {
    send_({TorpcType::response, id, pair_of("the result cannot be sent", nullptr)});
  }
}

}  // namespace twister
