#include "service.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.pb.h>

#include "comments.hpp"
#include "cpp_names.hpp"
#include "header.hpp"
#include "method.hpp"

namespace twister::protoc {

namespace {

using google::protobuf::ServiceDescriptor;
using google::protobuf::io::Printer;

std::string cpp_name(const ServiceDescriptor& service) {
  const std::string_view name = service.name();
  // What is in it, and what it would hide where there is no package.
  const bool taken = name == "Client" || name == "Names" || name == "Service" ||
                     (service.file()->package().empty() &&
                      (name == "google" || name == "std" || name == "twister"));
  return taken ? std::string(name) + "_" : cpp_word(name);
}

void print_lines(const std::vector<std::string>& lines, const char* indent, Printer& out) {
  for (const std::string& line : lines) {
    out.Print("$indent$$line$\n", "indent", indent, "line", line);
  }
}

// What C++ is made of: words between dollar signs are replaced.

constexpr auto names_begin =
    R"(  // What the methods are called on the wire, for the functions that want a name.
  struct Names {
)";

constexpr auto one_name = R"(    static const ::twister::RpcMethodName& $method$() {
      static const ::twister::RpcMethodName name("$wire$");
      return name;
    }
)";

constexpr auto service_begin = R"(  };

  // The side that answers: the base of a class with these methods, or other forms of them, which are public. The
  // forms are in <twister/rpc/service.hpp>.
)";

constexpr auto service_form = "  //   $best_form$\n";

constexpr auto service_class = R"(  //
  // Ownership: outlives the RpcServices that it is added to. Threads: those of all loops that serve it, at the
  //   same time.
  template <class Derived>
  class Service {
   public:
    // For RpcServices::add().
    void add_to([[maybe_unused]] ::twister::RpcServices& services) {
      static_assert(::std::is_base_of_v<Service, Derived>,
                    "$wire$: the base of a class X is Service<X>");
      [[maybe_unused]] Derived& derived = static_cast<Derived&>(*this);
)";

// The lambda stands for the method in whatever form it is, overloads and templates included, and can be asked
// whether there is one: by way of D, since what does not depend on the lambda's own arguments is an error at once.
constexpr auto add_method = R"(      {
        const auto method = [&derived]<class D = Derived>(auto&&... args)
            -> decltype(static_cast<D&>(derived).$method$(::std::forward<decltype(args)>(args)...)) {
          return static_cast<D&>(derived).$method$(::std::forward<decltype(args)>(args)...);
        };
        using Form = ::twister::detail::ServiceMethod<::twister::RpcKind::$kind$,
            $in$, $out$, decltype(method)>;
        static_assert(Form::fits(), "$wire$ needs a public method: "
            "$forms$");
        if constexpr (Form::fits()) Form::add_to(services, "$wire$", method$options$);
      }
)";

constexpr auto client_begin = R"(    }
  };

  // The side that calls: by a callback, or awaited by a coroutine.
  //
  // Ownership: the caller, an RpcClient or an RpcConnection, outlives it; a copy is as good. Threads, Limits,
  //   Errors: the caller's.
  class Client {
   public:
    explicit Client(::twister::RpcCaller& caller) noexcept : caller_(&caller) {}
    ::twister::RpcCaller& caller() const noexcept { return *caller_; }
)";

constexpr auto unary_call = R"(    template <::twister::RpcCallback<$out$> Callback>
    $deprecated$::twister::RpcCallHandle $method$(
        const $in$& request, Callback&& callback) const {
      return caller_->template call<$out$>(Names::$method$(), request,
          $default_options$, ::std::forward<Callback>(callback));
    }
    template <::twister::RpcCallback<$out$> Callback>
    $deprecated$::twister::RpcCallHandle $method$(
        const $in$& request, const ::twister::RpcCallOptions& options, Callback&& callback) const {
      return caller_->template call<$out$>(Names::$method$(), request,
          $call_options$, ::std::forward<Callback>(callback));
    }
    $deprecated$::twister::detail::AwaitedCall<$out$> $method$(
        const $in$& request, const ::twister::RpcCallOptions& options = {}) const {
      return ::twister::call<$out$>(*caller_, Names::$method$(), request, $call_options$);
    }
)";

constexpr auto notice = R"(    // The same, and nobody answers.
    $deprecated$void $notify$(
        const $in$& request, const ::twister::RpcCallOptions& options = {}) const {
      caller_->notify(Names::$method$(), request, options);
    }
)";

constexpr auto server_stream_call = R"(    $deprecated$::twister::RpcReader<$out$> $method$(
        const $in$& request, const ::twister::RpcCallOptions& options = {}) const {
      return ::twister::open_server_stream<$out$>(*caller_, Names::$method$(), request,
          $call_options$);
    }
)";

constexpr auto client_stream_call = R"(    $deprecated$::twister::RpcStream<$in$, $out$> $method$(
        const ::twister::RpcCallOptions& options = {}) const {
      return ::twister::$open$<$in$, $out$>(*caller_, Names::$method$(), $call_options$);
    }
)";

constexpr auto client_end = R"(
   private:
    ::twister::RpcCaller* caller_;
  };
};
)";

void print_call(const Method& method, Printer& out) {
  out.Print("\n");
  print_lines(method.comment, "    ", out);
  if (method.takes_stream) {
    out.Print(method.words, client_stream_call);
  } else if (method.sends_stream) {
    out.Print(method.words, server_stream_call);
  } else {
    out.Print(method.words, unary_call);
    if (method.answers_empty) out.Print(method.words, notice);
  }
}

}  // namespace

void print_service(const ServiceDescriptor& service, Printer& out) {
  const MethodNames names(service);
  std::vector<Method> methods;
  methods.reserve(static_cast<std::size_t>(service.method_count()));
  for (int i = 0; i < service.method_count(); ++i) {
    methods.push_back(describe(*service.method(i), names));
  }
  const Words words = {{"service", cpp_name(service)},
                       {"wire", std::string(service.full_name())},
                       {"deprecated", service.options().deprecated() ? "[[deprecated]] " : ""}};

  out.Print("\n");
  print_lines(comment_of(service), "", out);
  out.Print(words, "struct $deprecated$$service$ {\n");
  out.Print(names_begin);
  for (const Method& method : methods) out.Print(method.words, one_name);
  out.Print(service_begin);
  for (const Method& method : methods) out.Print(method.words, service_form);
  out.Print(words, service_class);
  for (const Method& method : methods) out.Print(method.words, add_method);
  out.Print(client_begin);
  for (const Method& method : methods) print_call(method, out);
  out.Print(client_end);
}

}  // namespace twister::protoc
