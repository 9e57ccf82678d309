#include "builtin_metrics.hpp"

#include <span>
#include <string_view>

#include <twister/memory_budget.hpp>

#include "exposition.hpp"

namespace twister::detail {
namespace {

// The tables below are compared with docs/reference/metrics.md by a test.

struct LoopMetric {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  std::uint64_t (*read)(const LoopSample&);
};

constexpr LoopMetric loop_metrics[] = {
    {"twister_loop_callbacks_total", "counter", "Timers, posted callbacks and handlers called.",
     [](const LoopSample& loop) { return std::uint64_t{loop.callbacks}; }},
    {"twister_loop_connections", "gauge", "Connections on the loop, of servers and others.",
     [](const LoopSample& loop) { return std::uint64_t{loop.streams}; }},
    {"twister_loop_timers", "gauge", "Timers that have not fired yet.",
     [](const LoopSample& loop) { return std::uint64_t{loop.timers}; }},
    {"twister_loop_turns_total", "counter", "Turns: batches of events, timers, callbacks.",
     [](const LoopSample& loop) { return std::uint64_t{loop.turns}; }},
};

struct TimesMetric {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  const DurationHistogram& (*read)(const LoopSample::Times&);
};

constexpr TimesMetric times_metrics[] = {
    {"twister_loop_lag_seconds", "histogram", "How late a timer of 250 ms fired.",
     [](const LoopSample::Times& times) -> const DurationHistogram& { return times.lag; }},
    {"twister_loop_turn_seconds", "histogram", "How long a turn kept all else waiting.",
     [](const LoopSample::Times& times) -> const DurationHistogram& { return times.turns; }},
};

struct ServerMetric {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  std::uint64_t (*read)(const ServerSample&);
};

constexpr ServerMetric server_metrics[] = {
    {"twister_accept_failures_total", "counter", "Times that accepting had to rest.",
     [](const ServerSample& server) { return server.counters.accept_failures; }},
    {"twister_accepting", "gauge", "1 while the server listens.",
     [](const ServerSample& server) { return std::uint64_t{server.accepting}; }},
    {"twister_connections", "gauge", "Connections, from the handshake to the end.",
     [](const ServerSample& server) { return std::uint64_t{server.connections}; }},
    {"twister_connections_accepted_total", "counter", "Connections that got a Protocol.",
     [](const ServerSample& server) { return server.counters.accepted; }},
    {"twister_draining", "gauge", "1 while the server drains.",
     [](const ServerSample& server) { return std::uint64_t{server.draining}; }},
    {"twister_drains_total", "counter", "Times that a drain began.",
     [](const ServerSample& server) { return server.counters.drains; }},
    {"twister_received_bytes_total", "counter", "Bytes taken from the kernel.",
     [](const ServerSample& server) { return server.counters.traffic.received_bytes; }},
    {"twister_sent_bytes_total", "counter", "Bytes given to the kernel.",
     [](const ServerSample& server) { return server.counters.traffic.sent_bytes; }},
    {"twister_writes_dropped_total", "counter",
     "Writes over max_write_buffer_size: slow consumers.",
     [](const ServerSample& server) { return server.counters.traffic.writes_dropped; }},
    {"twister_writes_late_total", "counter", "Writes to a connection that was closed or closing.",
     [](const ServerSample& server) { return server.counters.traffic.writes_late; }},
};

// Those with one more label, written by functions below.
struct OtherMetric {
  std::string_view name;
  std::string_view type;
  std::string_view help;
};

constexpr OtherMetric loop_up{"twister_loop_up", "gauge", "1 when the loop answered in time."};
constexpr OtherMetric longest_turn{"twister_loop_longest_turn_seconds", "gauge",
                                   "The longest turn of the last one to two minutes."};
constexpr OtherMetric memory_kept{"twister_memory_kept_bytes", "gauge",
                                  "What connections keep, of the budget of the process."};
constexpr OtherMetric memory_budget{"twister_memory_budget_bytes", "gauge",
                                    "The budget of the process for what connections keep."};
constexpr OtherMetric closed{"twister_connections_closed_total", "counter",
                             "Connections that ended, by cause."};
constexpr OtherMetric refused{"twister_connections_refused_total", "counter",
                              "Connections that got no Protocol, by cause."};

template <class Metric>
void begin(Exposition& out, const Metric& metric) {
  out.family(metric.name, metric.help, metric.type);
}

std::string loop_label(std::size_t index) {
  return label_text({{"loop", std::to_string(index)}});
}

// Calls `visit(labels, sample)` for each loop that answered.
template <class Visit>
void for_each_loop(const LoopSamples& loops, const Visit& visit) {
  for (std::size_t i = 0; i < loops.size(); ++i)
    if (loops[i] != nullptr) visit(loop_label(i), *loops[i]);
}

template <class Visit>
void for_each_server(const LoopSamples& loops, const Visit& visit) {
  for_each_loop(loops, [&](const std::string& loop, const LoopSample& sample) {
    for (const ServerSample& server : sample.servers)
      visit(loop + "," + label_text({{"server", server.label}}), server);
  });
}

void write_loops(Exposition& out, const LoopSamples& loops) {
  begin(out, loop_up);
  for (std::size_t i = 0; i < loops.size(); ++i)
    out.sample(loop_label(i), std::uint64_t{loops[i] != nullptr});
  for (const LoopMetric& metric : loop_metrics) {
    begin(out, metric);
    for_each_loop(loops, [&](const std::string& labels, const LoopSample& loop) {
      out.sample(labels, metric.read(loop));
    });
  }
}

void write_times(Exposition& out, const LoopSamples& loops) {
  begin(out, longest_turn);
  for_each_loop(loops, [&](const std::string& labels, const LoopSample& loop) {
    if (loop.times)
      out.sample(labels, std::chrono::duration<double>(loop.times->longest_turn).count());
  });
  for (const TimesMetric& metric : times_metrics) {
    begin(out, metric);
    for_each_loop(loops, [&](const std::string& labels, const LoopSample& loop) {
      if (!loop.times) return;
      const DurationHistogram& histogram = metric.read(*loop.times);
      out.histogram(labels, DurationHistogram::bounds, histogram.counts(), histogram.sum());
    });
  }
}

void write_servers(Exposition& out, const LoopSamples& loops) {
  for (const ServerMetric& metric : server_metrics) {
    begin(out, metric);
    for_each_server(loops, [&](const std::string& labels, const ServerSample& server) {
      out.sample(labels, metric.read(server));
    });
  }
  begin(out, closed);
  for_each_server(loops, [&](const std::string& labels, const ServerSample& server) {
    for (std::size_t i = 0; i < close_causes; ++i) {
      const std::string cause(name_of(static_cast<CloseCause>(i)));
      out.sample(labels + "," + label_text({{"cause", cause}}), server.counters.closed[i]);
    }
  });
  begin(out, refused);
  for_each_server(loops, [&](const std::string& labels, const ServerSample& server) {
    const auto write = [&](const char* cause, std::uint64_t count) {
      out.sample(labels + "," + label_text({{"cause", cause}}), count);
    };
    write("descriptors", server.counters.refused_descriptors);
    write("exception", server.counters.refused_exception);
    write("factory", server.counters.refused_factory);
    write("handshake", server.counters.refused_handshake);
    write("max_connections", server.counters.refused_limit);
    write("max_connections_per_address", server.counters.refused_address);
    write("memory_budget", server.counters.refused_memory);
  });
}

void write_memory(Exposition& out) {
  const MemoryBudget& budget = MemoryBudget::of_process();
  begin(out, memory_budget);
  out.sample("", std::uint64_t{budget.limit_bytes()});
  begin(out, memory_kept);
  out.sample("", std::uint64_t{budget.used_bytes()});
}

}  // namespace

void write_builtin_metrics(std::string& out, const LoopSamples& loops) {
  Exposition exposition(out);
  write_loops(exposition, loops);
  write_times(exposition, loops);
  write_servers(exposition, loops);
  write_memory(exposition);
}

}  // namespace twister::detail
