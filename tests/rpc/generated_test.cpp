// Classes that protoc-gen-twister wrote out of protos that have everything odd in them.
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/empty.pb.h>

#include <twister/rpc/client.hpp>
#include <twister/rpc/local.hpp>
#include <twister/rpc/reflection.hpp>
#include <twister/rpc/server.hpp>
#include <twister/testing/manual_dialer.hpp>

#include "odd.twister.hpp"
#include "pair.hpp"
#include "plain.twister.hpp"

namespace twister {
namespace {

using namespace testing;
using Lines = std::vector<std::string>;
using odd::twister::Outer_Inner;
using shared::types::Number;
using OddEmpty = odd::twister::Empty;
using OddDelete = odd::twister::delete_;
using google::protobuf::Empty;

Number of(int value) {
  Number made;
  made.set_value(value);
  return made;
}

// Each method in another form.
class Forms : public odd::twister::Forms::Service<Forms> {
 public:
  RpcStatus AtOnce(RpcContext&, const Outer_Inner& request, Number& reply) {
    if (!request.has_value()) return {RpcCode::invalid_argument, "no value"};
    reply.set_value(request.value() + 1);
    return {};
  }
  void Later(RpcContext&, Outer_Inner&, RpcReply<Number> reply) {
    replies.push_back(std::move(reply));
  }
  RpcTask<odd::twister::Outer_delete> Coroutine(RpcContext& context, const Number& request) {
    // The caller's own, by the connection that the call came on.
    const odd::twister::Forms::Client back(context.caller());
    Outer_Inner ask;
    ask.set_value(request.value());
    const RpcCallOptions options{.parent = &context};
    const Number answer = co_await back.AtOnce(ask, options);
    odd::twister::Outer_delete reply;
    reply.set_value(answer.value());
    co_return reply;
  }
  void Done(RpcContext&, const Number& request) { done += request.value(); }
  RpcStatus DoneAtOnce(RpcContext&, const Empty&, Empty&) { return {RpcCode::aborted, "not now"}; }
  RpcStatus OwnEmpty(RpcContext&, const OddEmpty& request, OddEmpty& reply) {
    reply = request;
    return {};
  }
  RpcTask<> CountUp(RpcContext&, const Number& request, RpcWriter<Number> out) {
    for (int i = 1; i <= request.value(); ++i) {
      if (!co_await out.ready()) co_return;
      out.send(of(i));
    }
  }
  RpcTask<Number> Add(RpcContext&, RpcReader<Number> in) {
    int sum = 0;
    for (;;) {
      const std::optional<Number> next = co_await in.read();
      if (!next) break;
      sum += next->value();
    }
    co_return of(sum);
  }
  void AddLater(RpcContext&, RpcReader<Number> in, RpcReply<Number> reply) {
    auto sum = std::make_shared<int>(0);
    in.receive([sum](Number& next) { *sum += next.value(); },
               [sum, reply](const RpcStatus& status) {
                 if (status.ok()) reply(of(*sum));
               });
  }
  void Echo(RpcContext&, RpcReader<Number> in, RpcWriter<Number> out) {
    in.receive([out](Number& next) { out.send(next); },
               [out](const RpcStatus& status) { out.finish(status); });
  }
  template <class Reply>  // a template will do, and one that takes anything
  RpcStatus Old(RpcContext&, const auto& request, Reply& reply) {
    reply.set_value(request.value());
    return {};
  }

  std::vector<RpcReply<Number>> replies;
  int done = 0;
};

// The service on both sides of a connection, and a client for each.
struct FormsPair : RpcPair {
  FormsPair() {
    services.add(forms);
    client_services.add(client_forms);
    connect();
  }
  ~FormsPair() { forms.replies.clear(); }
  odd::twister::Forms::Client stub() const { return odd::twister::Forms::Client(*client); }

  Forms forms;
  Forms client_forms;
};

Outer_Inner inner(int value) {
  Outer_Inner made;
  made.set_value(value);
  return made;
}

TEST(GeneratedService, HasMethodsOfEveryForm) {
  FormsPair pair;
  const auto stub = pair.stub();
  stub.AtOnce(inner(1), pair.outcomes.add());
  stub.AtOnce({}, pair.outcomes.add());
  stub.Later(inner(1), {.timeout = 1s}, pair.outcomes.add());
  stub.Coroutine(of(6), pair.outcomes.add());
  stub.OwnEmpty({}, pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"OK 2", "INVALID_ARGUMENT: no value", "OK 0", "OK 7"}));
  pair.forms.replies.at(0)(of(9));
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines.back(), "OK 9");
}

TEST(GeneratedService, PassesOptionsAndMetadataOn) {
  FormsPair pair;
  Lines lines;
  pair.stub().Later(inner(1), {.timeout = 20ms},
                    [&](const RpcStatus& status, Number&, const RpcMetadata&) {
                      lines.push_back(to_string(status.code));
                    });
  pair.loop.run_until_idle();
  pair.clock.advance(20ms);
  EXPECT_EQ(lines, Lines{"DEADLINE_EXCEEDED"});
}

TEST(GeneratedService, AnswersAnEmptyByReturning) {
  FormsPair pair;
  Lines lines;
  const auto say = [&](const RpcStatus& status, Empty&) { lines.push_back(status.message()); };
  pair.stub().Done(of(5), say);
  pair.stub().DoneAtOnce({}, say);
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.forms.done, 5);
  EXPECT_EQ(lines, (Lines{"OK", "ABORTED: not now"}));
}

TEST(GeneratedService, TakesANoticeForWhatAnswersAnEmpty) {
  FormsPair pair;
  pair.stub().notify_Done(of(3));
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.forms.done, 3);
  EXPECT_TRUE(pair.server != nullptr);
}

// What a reader was given: "1", "2", and the status.
struct Received {
  void from(const RpcReader<Number>& reader) {
    reader.receive([this](Number& message) { lines.push_back(std::to_string(message.value())); },
                   [this](const RpcStatus& status) { lines.push_back(status.message()); });
  }
  Lines lines;
};

TEST(GeneratedService, StreamsInEitherDirectionAndInBoth) {
  FormsPair pair;
  Received up, sum, later, echo;
  up.from(pair.stub().CountUp(of(2)));
  const auto add = pair.stub().Add();
  const auto add_later = pair.stub().AddLater({.timeout = 1s});
  const auto both = pair.stub().Echo();
  sum.from(add.reader);
  later.from(add_later.reader);
  echo.from(both.reader);
  for (const auto& writer : {add.writer, add_later.writer, both.writer}) {
    for (const int value : {1, 2}) writer.send(of(value));
    writer.end();
  }
  pair.loop.run_until_idle();
  EXPECT_EQ(up.lines, (Lines{"1", "2", "OK"}));
  EXPECT_EQ(sum.lines, (Lines{"3", "OK"}));
  EXPECT_EQ(later.lines, (Lines{"3", "OK"}));
  EXPECT_EQ(echo.lines, (Lines{"1", "2", "OK"}));
}

TEST(GeneratedService, IsCalledInTheSameProgram) {
  ManualClock clock;
  Forms forms;
  RpcServices services;
  services.add(forms);
  Outcomes outcomes;
  IOLoop loop{clock};
  RpcServer server(loop, "", services);
  RpcLocalDialer here(server);
  RpcClient client(loop, RpcLocalDialer::address(), {.connect = {.dialer = &here}});
  const odd::twister::Forms::Client stub(client);
  stub.AtOnce(inner(1), outcomes.add());
  loop.run_until_idle();
  EXPECT_EQ(outcomes.lines, Lines{"OK 2"});
  EXPECT_EQ(&stub.caller(), &client);
}

TEST(GeneratedService, IsIdempotentWhereTheProtoSaysSo) {
  RpcServices services;
  Forms forms;
  services.add(forms);
  for (const std::string name : {"Later", "Coroutine", "Echo"}) {
    EXPECT_TRUE(services.find("odd.twister.Forms/" + name)->options().idempotent) << name;
  }
  EXPECT_FALSE(services.find("odd.twister.Forms/AtOnce")->options().idempotent);
}

TEST(GeneratedClient, TriesIdempotentCallsAgain) {
  ManualClock clock;
  Forms forms;
  RpcServices services;
  services.add(forms);
  Outcomes outcomes;
  IOLoop loop{clock};
  ManualDialer dialer{loop};
  RpcServer server(loop, "", services);
  RpcClient client(loop, Address::parse("192.0.2.1:80"), {.connect = {.dialer = &dialer}});
  odd::twister::Forms::Client(client).Later(inner(1), outcomes.add());
  loop.run_until_idle();
  server.add_connection(dialer.succeed(0));
  clock.advance(11s);
  server.abort_connections();
  loop.run_until_idle();
  server.add_connection(dialer.succeed(1));
  loop.run_until_idle();
  ASSERT_EQ(forms.replies.size(), 2u);
  forms.replies.back()(of(4));
  loop.run_until_idle();
  EXPECT_EQ(outcomes.lines, Lines{"OK 4"});
  forms.replies.clear();
}

TEST(GeneratedService, HasMethodsWithOptionsThatCanBeChanged) {
  RpcServices services;
  Forms forms;
  services.add(forms);
  services.options_of("odd.twister.Forms/Later").max_in_flight = 1;
  EXPECT_EQ(services.find("odd.twister.Forms/Later")->options().max_in_flight, 1u);
  EXPECT_TRUE(services.find("odd.twister.Forms/Later")->options().idempotent);
  EXPECT_THROW(services.options_of("odd.twister.Forms/None"), std::invalid_argument);
  services.freeze();
  EXPECT_THROW(services.options_of("odd.twister.Forms/Later"), std::logic_error);
}

// Methods with names that are taken: each has the same form, and says which it is.
class Struct : public odd::twister::struct_::Service<Struct> {
 public:
  using Delete = odd::twister::Outer_delete;
  RpcStatus class__(RpcContext&, const OddDelete&, Delete& reply) { return say(1, reply); }
  RpcStatus class_(RpcContext&, const OddDelete&, Delete& reply) { return say(2, reply); }
  RpcStatus co_await_(RpcContext&, const OddDelete&, OddDelete& reply) { return say(3, reply); }
  RpcStatus struct_(RpcContext&, const OddDelete&, OddDelete& reply) { return say(4, reply); }
  RpcStatus Client_(RpcContext&, const OddDelete&, OddDelete& reply) { return say(5, reply); }
  RpcStatus Names_(RpcContext&, const OddDelete&, OddDelete& reply) { return say(6, reply); }
  RpcStatus Service_(RpcContext&, const OddDelete&, OddDelete& reply) { return say(7, reply); }
  RpcStatus add_to_(RpcContext&, const OddDelete&, OddDelete& reply) { return say(8, reply); }
  RpcStatus caller__(RpcContext&, const OddDelete&, OddDelete& reply) { return say(9, reply); }
  RpcStatus request(RpcContext&, const OddDelete&, OddDelete& reply) { return say(10, reply); }
  RpcTask<OddDelete> options(RpcContext&, RpcReader<OddDelete>) { co_return OddDelete(); }
  RpcStatus callback(RpcContext&, const OddDelete&, OddDelete& reply) { return say(11, reply); }
  RpcStatus services(RpcContext&, const OddDelete&, OddDelete& reply) { return say(12, reply); }
  RpcStatus derived(RpcContext&, const OddDelete&, OddDelete& reply) { return say(13, reply); }
  RpcStatus method(RpcContext&, const OddDelete&, OddDelete& reply) { return say(14, reply); }
  RpcTask<> name(RpcContext&, const OddDelete&, RpcWriter<OddDelete>) { co_return; }
  void Form(RpcContext&, const OddDelete&) { ++notices; }
  void notify_Form(RpcContext&, const OddDelete&) { notices += 100; }

  int notices = 0;

 private:
  template <class Reply>
  static RpcStatus say(int value, Reply& reply) {
    reply.set_value(value);
    return {};
  }
};

TEST(GeneratedService, PutsAnUnderscoreBehindNamesThatAreTaken) {
  RpcPair pair;
  Struct object;
  pair.services.add(object);
  pair.connect();
  const odd::twister::struct_::Client stub(*pair.client);
  stub.class__({}, pair.outcomes.add());
  stub.class_({}, pair.outcomes.add());
  stub.co_await_({}, pair.outcomes.add());
  stub.struct_({}, pair.outcomes.add());
  stub.Client_({}, pair.outcomes.add());
  stub.add_to_({}, pair.outcomes.add());
  stub.notify_Form_({});
  pair.client->call<Empty>("odd.twister.struct/notify_Form", OddDelete(),
                           [](const RpcStatus&, Empty&) {});
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"OK 1", "OK 2", "OK 3", "OK 4", "OK 5", "OK 8"}));
  EXPECT_EQ(object.notices, 101);
  EXPECT_EQ(odd::twister::struct_::Names::class__().text(), "odd.twister.struct/class");
}

// Services without a package, one of them called like our namespace.
class Plainly : public ::twister_::Service<Plainly>, public ::Client_::Service<Plainly> {
 public:
  RpcStatus Echo(RpcContext&, const Plain& request, Plain& reply) {
    reply = request;
    return {};
  }
};
class Nobody : public ::Nothing::Service<Nobody> {};

TEST(GeneratedService, NeedsNoPackage) {
  RpcPair pair;
  Plainly object;
  static_cast<::twister_::Service<Plainly>&>(object).add_to(pair.services);
  static_cast<::Client_::Service<Plainly>&>(object).add_to(pair.services);
  Nobody nobody;
  pair.services.add(nobody);
  pair.connect();
  Plain request;
  request.set_value(5);
  ::twister_::Client(*pair.client).Echo(request, pair.outcomes.add());
  ::Client_::Client(*pair.client).Echo(request, pair.outcomes.add());
  pair.loop.run_until_idle();
  EXPECT_EQ(pair.outcomes.lines, (Lines{"OK 5", "OK 5"}));
  EXPECT_TRUE(pair.services.find("twister/Echo") && pair.services.find("Client/Echo"));
}

TEST(GeneratedService, IsKnownToReflection) {
  FormsPair pair;
  RpcServices services;
  Forms forms;
  services.add(forms);
  add_reflection(services);
  google::protobuf::FileDescriptorSet files;
  RpcServer server(pair.loop, "", services);
  RpcLocalDialer here(server);
  RpcClient client(pair.loop, RpcLocalDialer::address(), {.connect = {.dialer = &here}});
  client.call<google::protobuf::FileDescriptorSet>(
      "twister.Reflection/Descriptors", text("odd.twister.Forms/Later"),
      [&](const RpcStatus&, auto& reply) { files = reply; });
  pair.loop.run_until_idle();
  Lines names;
  for (const auto& file : files.file()) names.push_back(file.name());
  EXPECT_EQ(names, (Lines{"google/protobuf/empty.proto", "shared/types.proto", "odd.proto"}));
  EXPECT_EQ(files.file(2).service(0).name(), "Forms");
}

}  // namespace
}  // namespace twister
