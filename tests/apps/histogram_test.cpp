// The histogram of the benchmark, compared with the sorted values themselves.
#include "apps/bench/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/catch.hpp"

using troupe::bench::Histogram;
using Duration = Histogram::Duration;

namespace {

/// By the definition: the least value that at least `percent` of all do not exceed.
std::int64_t percentile_of(const std::vector<std::int64_t>& sorted, double percent) {
  auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace

TEST_CASE("a histogram of nothing is zero") {
  Histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.percentile(99) == Duration(0));
  CHECK(histogram.mean() == Duration(0));
  CHECK(histogram.max() == Duration(0));
}

TEST_CASE("small values are exact") {
  Histogram histogram;
  for (int value = 1; value <= 200; ++value) histogram.record(Duration(value));
  CHECK(histogram.percentile(0) == Duration(1));
  CHECK(histogram.percentile(50) == Duration(100));
  CHECK(histogram.percentile(99) == Duration(198));
  CHECK(histogram.percentile(100) == Duration(200));
  CHECK(histogram.mean() == Duration(100));
}

TEST_CASE("percentiles are within one per cent, never below, and the maximum is exact") {
  std::mt19937_64 random(7);
  std::vector<std::int64_t> values;
  Histogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    // All magnitudes, from nanoseconds to days.
    auto value = static_cast<std::int64_t>(random() >> (16 + random() % 48));
    values.push_back(value);
    histogram.record(Duration(value));
  }
  std::sort(values.begin(), values.end());
  for (double percent : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99}) {
    const std::int64_t exact = percentile_of(values, percent), told = histogram.percentile(percent).count();
    CHECK(told >= exact);
    CHECK(static_cast<double>(told - exact) <= 0.01 * static_cast<double>(exact));
  }
  CHECK(histogram.max() == Duration(values.back()));
  CHECK(histogram.percentile(100) == histogram.max());
}

TEST_CASE("the ends of the range are counted") {
  Histogram histogram;
  histogram.record(Duration(-5));
  histogram.record(Duration(std::numeric_limits<std::int64_t>::max()));
  CHECK(histogram.count() == 2);
  CHECK(histogram.percentile(50) == Duration(0));
  CHECK(histogram.percentile(100) == Duration(std::numeric_limits<std::int64_t>::max()));
}

TEST_CASE("merged histograms are as one that was told everything") {
  std::mt19937_64 random(11);
  Histogram all, parts[3];
  for (int i = 0; i < 3000; ++i) {
    const Duration value(static_cast<std::int64_t>(random() % 1'000'000));
    all.record(value);
    parts[i % 3].record(value);
  }
  Histogram merged;
  for (const Histogram& part : parts) merged.merge(part);
  CHECK(merged.count() == all.count());
  CHECK(merged.mean() == all.mean());
  CHECK(merged.max() == all.max());
  for (double percent : {10.0, 50.0, 99.0}) CHECK(merged.percentile(percent) == all.percentile(percent));
}
