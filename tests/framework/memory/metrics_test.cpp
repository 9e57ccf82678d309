// The registry of users' metrics: what it accepts, and the text it makes of it.
#include "twister/metrics.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

namespace twister::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Metrics : public ::testing::Test {
 protected:
  // What registering `name` with these labels is refused with; empty if it is not.
  std::string refusal(const std::string& name, const MetricLabels& labels = {}) {
    try {
      const Counter counter = registry.counter(name, "help", labels);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  }
  void expect_invalid(const std::function<void()>& registering) {
    EXPECT_THROW(registering(), std::invalid_argument);
  }

  MetricsRegistry registry;
};

TEST_F(Metrics, ARegistryWithoutMetricsIsEmptyText) {
  EXPECT_EQ(registry.text(), "");
}

TEST_F(Metrics, ACounterIsWrittenWithItsHelpAndType) {
  Counter moves = registry.counter("moves_total", "Moves made.");
  moves.add();
  moves.add(41);
  EXPECT_EQ(moves.value(), 42u);
  EXPECT_EQ(registry.text(),
            "# HELP moves_total Moves made.\n"
            "# TYPE moves_total counter\n"
            "moves_total 42\n");
}

TEST_F(Metrics, CountsBeyondWhatADoubleHoldsAreExact) {
  Counter bytes = registry.counter("bytes_total", "");
  bytes.add(9007199254740993);  // 2^53 + 1
  EXPECT_THAT(registry.text(), HasSubstr("bytes_total 9007199254740993\n"));
}

TEST_F(Metrics, AGaugeGoesUpAndDown) {
  Gauge rooms = registry.gauge("rooms", "Open rooms.");
  rooms.set(3.5);
  rooms.add(-5);
  EXPECT_EQ(registry.text(),
            "# HELP rooms Open rooms.\n"
            "# TYPE rooms gauge\n"
            "rooms -1.5\n");
}

TEST_F(Metrics, NumbersThatAreNoneAreSpelledAsPrometheusSpellsThem) {
  Gauge a = registry.gauge("a", ""), b = registry.gauge("b", ""), c = registry.gauge("c", "");
  a.set(std::numeric_limits<double>::infinity());
  b.set(-std::numeric_limits<double>::infinity());
  c.set(std::nan(""));
  EXPECT_THAT(registry.text(), HasSubstr("\na +Inf\n"));
  EXPECT_THAT(registry.text(), HasSubstr("\nb -Inf\n"));
  EXPECT_THAT(registry.text(), HasSubstr("\nc NaN\n"));
}

TEST_F(Metrics, AHistogramsBucketsHoldAllThatIsNotAboveThem) {
  Histogram sizes = registry.histogram("sizes", "Sizes.", {1, 2.5});
  for (const double size : {0.5, 1.0, 2.0, 3.0}) sizes.observe(size);
  EXPECT_EQ(registry.text(),
            "# HELP sizes Sizes.\n"
            "# TYPE sizes histogram\n"
            "sizes_bucket{le=\"1\"} 2\n"
            "sizes_bucket{le=\"2.5\"} 3\n"
            "sizes_bucket{le=\"+Inf\"} 4\n"
            "sizes_sum 6.5\n"
            "sizes_count 4\n");
}

TEST_F(Metrics, AHistogramIgnoresWhatIsNotANumber) {
  Histogram sizes = registry.histogram("sizes", "", {1});
  sizes.observe(std::nan(""));
  sizes.observe(-std::numeric_limits<double>::infinity());
  EXPECT_THAT(registry.text(), HasSubstr("sizes_bucket{le=\"1\"} 1\n"));
  EXPECT_THAT(registry.text(), HasSubstr("sizes_count 1\n"));
}

TEST_F(Metrics, LabelsComeBeforeTheBucketsBound) {
  const Histogram sizes = registry.histogram("sizes", "", {1}, {{"room", "lobby"}});
  EXPECT_THAT(registry.text(), HasSubstr("sizes_bucket{room=\"lobby\",le=\"1\"} 0\n"));
  EXPECT_THAT(registry.text(), HasSubstr("sizes_sum{room=\"lobby\"} 0\n"));
}

TEST_F(Metrics, FamiliesAreOrderedByNameAndSeriesByTheirLabels) {
  const Gauge late = registry.gauge("z", ""), two = registry.gauge("a", "", {{"x", "2"}}),
              one = registry.gauge("a", "", {{"x", "1"}});
  EXPECT_EQ(registry.text(),
            "# HELP a \n# TYPE a gauge\na{x=\"1\"} 0\na{x=\"2\"} 0\n"
            "# HELP z \n# TYPE z gauge\nz 0\n");
}

TEST_F(Metrics, ValuesOfLabelsAndHelpAreEscaped) {
  const Gauge gauge = registry.gauge("a", "back\\slash, \"quotes\"\nand a line",
                                     {{"x", "back\\slash, \"quotes\"\nand a line"}});
  EXPECT_EQ(registry.text(),
            "# HELP a back\\\\slash, \"quotes\"\\nand a line\n"
            "# TYPE a gauge\n"
            "a{x=\"back\\\\slash, \\\"quotes\\\"\\nand a line\"} 0\n");
}

TEST_F(Metrics, TheOrderOfLabelsDoesNotMatter) {
  Gauge one = registry.gauge("a", "", {{"x", "1"}, {"y", "2"}});
  Gauge same = registry.gauge("a", "", {{"y", "2"}, {"x", "1"}});
  one.set(1);
  same.set(2);
  EXPECT_THAT(registry.text(), HasSubstr("\na{x=\"1\",y=\"2\"} 3\n"));
}

// ---- many loops ----

TEST_F(Metrics, WhatSeveralRegisteredIsAddedUp) {
  Counter here = registry.counter("a_total", ""), there = registry.counter("a_total", "");
  Histogram mine = registry.histogram("h", "", {1}), yours = registry.histogram("h", "", {1});
  here.add(1);
  there.add(2);
  mine.observe(0.5);
  yours.observe(2);
  EXPECT_THAT(registry.text(), HasSubstr("a_total 3\n"));
  EXPECT_THAT(registry.text(), HasSubstr("h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n"));
}

TEST_F(Metrics, WhatACounterCountedStaysWhenItIsGone) {
  {
    Counter counter = registry.counter("a_total", "");
    Histogram histogram = registry.histogram("h", "", {1});
    counter.add(7);
    histogram.observe(0.5);
  }
  for (int scrape = 0; scrape < 2; ++scrape) {
    EXPECT_THAT(registry.text(), HasSubstr("a_total 7\n"));
    EXPECT_THAT(registry.text(), HasSubstr("h_sum 0.5\nh_count 1\n"));
  }
}

#ifdef __GLIBC__
TEST_F(Metrics, ThatAreGoneAndNotYetScrapedTakeNoMemory) {
  Counter first = registry.counter("a_total", "");
  const auto in_use = [] { return ::mallinfo2().uordblks; };
  const std::size_t before = in_use();
  for (int i = 0; i < 10'000; ++i) {
    registry.counter("a_total", "").add();
    (void)registry.histogram("h", "", {1, 2, 3});
    (void)registry.gauge("b", "", {{"x", "1"}});
    (void)registry.callback_gauge("c", "", [] { return 1.0; });
  }
  EXPECT_LT(in_use(), before + 100'000);
  EXPECT_THAT(registry.text(), HasSubstr("a_total 10000\n"));
}
#endif

TEST_F(Metrics, AGaugeThatIsGoneIsNotWritten) {
  Gauge left = registry.gauge("a", "");
  left.set(1);
  {
    Gauge gone = registry.gauge("a", "");
    gone.set(10);
    EXPECT_THAT(registry.text(), HasSubstr("a 11\n"));
  }
  EXPECT_THAT(registry.text(), HasSubstr("a 1\n"));
  left = Gauge();
  EXPECT_EQ(registry.text(), "");
}

TEST_F(Metrics, MayOutliveTheirRegistry) {
  auto brief = std::make_unique<MetricsRegistry>();
  Counter counter = brief->counter("a_total", "");
  const CallbackGauge callback = brief->callback_gauge("b", "", [] { return 1.0; });
  brief.reset();
  counter.add(3);
  EXPECT_EQ(counter.value(), 3u);
}

TEST_F(Metrics, WithoutARegistryCountNothing) {
  Counter counter;
  Gauge gauge;
  Histogram histogram;
  counter.add();
  gauge.set(1);
  gauge.add(1);
  histogram.observe(1);
  EXPECT_EQ(counter.value(), 0u);
  EXPECT_EQ(gauge.value(), 0);
}

TEST_F(Metrics, AreWrittenByTheirThreadsWhileAnotherScrapes) {
  constexpr std::uint64_t rounds = 10'000;
  const auto work = [this] {
    Counter counter = registry.counter("a_total", "");
    Histogram histogram = registry.histogram("h", "", {1});
    for (std::uint64_t i = 0; i < rounds; ++i) {
      counter.add();
      histogram.observe(0.5);
    }
  };
  std::thread one(work), two(work);
  for (int i = 0; i < 20; ++i) EXPECT_THAT(registry.text(), Not(HasSubstr("nan")));
  one.join();
  two.join();
  EXPECT_THAT(registry.text(), HasSubstr("a_total 20000\n"));
  EXPECT_THAT(registry.text(), HasSubstr("h_sum 10000\nh_count 20000\n"));
}

// ---- callbacks ----

TEST_F(Metrics, ACallbackIsAskedAtEveryScrape) {
  double depth = 1;
  const CallbackGauge gauge = registry.callback_gauge("depth", "", [&] { return depth++; });
  EXPECT_THAT(registry.text(), HasSubstr("depth 1\n"));
  EXPECT_THAT(registry.text(), HasSubstr("depth 2\n"));
}

TEST_F(Metrics, ACallbackIsAskedNoMoreOnceItsGaugeIsGone) {
  int asked = 0;
  {
    const CallbackGauge gauge = registry.callback_gauge("a", "", [&] { return ++asked; });
  }
  EXPECT_EQ(registry.text(), "");
  EXPECT_EQ(asked, 0);
}

TEST_F(Metrics, WhatACallbackHoldsEndsWithItsGauge) {
  std::weak_ptr<int> held;
  {
    auto kept = std::make_shared<int>(1);
    held = kept;
    const CallbackGauge gauge =
        registry.callback_gauge("a", "", [kept = std::move(kept)] { return *kept; });
    EXPECT_FALSE(held.expired());
  }
  EXPECT_TRUE(held.expired());
}

TEST_F(Metrics, WhatACallbackHoldsMayRegisterAsItEnds) {
  Counter ends;
  {
    std::shared_ptr<void> last(nullptr,
                               [&](void*) { (ends = registry.counter("ends_total", "")).add(); });
    const CallbackGauge gauge =
        registry.callback_gauge("a", "", [last = std::move(last)] { return 1.0; });
  }
  EXPECT_THAT(registry.text(), HasSubstr("ends_total 1\n"));
}

TEST_F(Metrics, ACallbackThatThrowsIsLeftOut) {
  const CallbackGauge bad =
      registry.callback_gauge("bad", "", []() -> double { throw std::runtime_error("no"); });
  const CallbackGauge good = registry.callback_gauge("good", "", [] { return 1.0; });
  EXPECT_EQ(registry.text(), "# HELP good \n# TYPE good gauge\ngood 1\n");
}

TEST_F(Metrics, ACallbackMayRegister) {
  Counter late;
  const CallbackGauge gauge = registry.callback_gauge("a", "", [&] {
    late = registry.counter("late_total", "");
    return 1.0;
  });
  EXPECT_THAT(registry.text(), HasSubstr("late_total 0\n"));
}

TEST_F(Metrics, ACallbackHasToBeAFunction) {
  expect_invalid([this] { (void)registry.callback_gauge("a", "", nullptr); });
}

// ---- what is refused ----

TEST_F(Metrics, RefuseNamesThatPrometheusWouldNotUnderstand) {
  for (const char* name : {"", "1st", "two words", "a-b", "a.b", "\xc3\xa4", "a\n", "twister_mine"})
    EXPECT_THAT(refusal(name), HasSubstr(std::string("metric \"") + name + "\": "));
  for (const char* name : {"a", "_a", "a9", "ns:a_total", "A"}) EXPECT_EQ(refusal(name), "");
}

TEST_F(Metrics, RefuseLabelsThatPrometheusWouldNotUnderstand) {
  for (const char* label : {"", "1st", "a-b", "a:b", "__name__"})
    EXPECT_THAT(refusal("a", {{label, "x"}}), HasSubstr("cannot name a label")) << label;
  EXPECT_THAT(refusal("b", {{"x", "1"}, {"y", "1"}, {"x", "2"}}),
              HasSubstr("\"x\" is there twice"));
  EXPECT_EQ(refusal("c", {{"le", "fine for a counter"}}), "");
  expect_invalid([this] { (void)registry.histogram("d", "", {1}, {{"le", "1"}}); });
}

TEST_F(Metrics, RefuseTextThatIsNotUtf8) {
  for (const char* text : {"\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                           "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf5\x80\x80\x80", "a\xe2\x82"}) {
    EXPECT_THAT(refusal("a", {{"x", text}}), HasSubstr("not UTF-8"));
    expect_invalid([&] { (void)registry.gauge("b", text); });
  }
  EXPECT_EQ(refusal("c", {{"x", "\xe2\x82\xac \xf0\x9f\x98\x80 \xc3\xa4"}}), "");
}

TEST_F(Metrics, RefuseBoundsThatDoNotRise) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<double>> bad{{},
                                             {1, 1},
                                             {2, 1},
                                             {1, infinity},
                                             {-infinity, 1},
                                             {std::nan("")},
                                             std::vector<double>(65, 1)};
  for (const auto& bounds : bad) expect_invalid([&] { (void)registry.histogram("a", "", bounds); });
}

TEST_F(Metrics, RefuseToBelongToAFamilyOfAnotherKind) {
  const Counter first = registry.counter("a", "help", {{"x", "1"}});
  expect_invalid([this] { (void)registry.gauge("a", "help", {{"x", "1"}}); });
  expect_invalid([this] { (void)registry.counter("a", "another help", {{"x", "1"}}); });
  expect_invalid([this] { (void)registry.counter("a", "help", {{"y", "1"}}); });
  expect_invalid([this] { (void)registry.counter("a", "help"); });
  const Histogram histogram = registry.histogram("h", "", {1});
  expect_invalid([this] { (void)registry.histogram("h", "", {1, 2}); });
}

TEST_F(Metrics, RefuseASeriesThatAHistogramHas) {
  const Histogram first = registry.histogram("h", "", {1});
  for (const char* name : {"h_bucket", "h_sum", "h_count"})
    EXPECT_THAT(refusal(name), HasSubstr("is a series of the histogram \"h\""));
  EXPECT_EQ(refusal("g_sum"), "");
  expect_invalid([this] { (void)registry.histogram("g", "", {1}); });
}

TEST_F(Metrics, RefuseMoreSeriesThanAllowed) {
  MetricsRegistry small({.max_series = 2});
  const Counter one = small.counter("a_total", "", {{"x", "1"}});
  const Counter again = small.counter("a_total", "", {{"x", "1"}});
  {
    const Gauge gauge = small.gauge("b", "");
    EXPECT_THROW((void)small.counter("a_total", "", {{"x", "2"}}), std::length_error);
  }
  EXPECT_NO_THROW((void)small.counter("a_total", "", {{"x", "2"}}));  // the gauge has gone
}

TEST_F(Metrics, ThatAreRefusedLeaveNothingBehind) {
  MetricsRegistry small({.max_series = 1});
  {
    const Gauge full = small.gauge("full", "");
    EXPECT_THROW((void)small.counter("a", ""), std::length_error);
  }
  EXPECT_NO_THROW((void)small.gauge("a", "now of another kind"));
}

TEST_F(Metrics, ThatAreGoneLeaveTheirNameToOthers) {
  (void)registry.gauge("a", "");
  EXPECT_NO_THROW((void)registry.counter("a", "now of another kind"));
}

}  // namespace
}  // namespace twister::testing
