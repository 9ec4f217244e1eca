#include "apps/bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace troupe::bench {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < 2 * half) return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - precision_bits - 1;
  return shift * half + (value >> shift);  // the shifted value lies in [half, 2 * half)
}

std::uint64_t Histogram::upper_end(std::size_t bucket) {
  if (bucket < 2 * half) return bucket;
  const std::size_t shift = bucket / half - 1;
  const std::uint64_t leading = half + bucket % half;
  return (leading << shift) + ((std::uint64_t{1} << shift) - 1);
}

void Histogram::record(Duration value) {
  const auto nanoseconds = static_cast<std::uint64_t>(std::max<Duration::rep>(value.count(), 0));
  ++counts_[bucket_of(nanoseconds)];
  ++count_;
  sum_ += nanoseconds;
  max_ = std::max(max_, nanoseconds);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

Histogram::Duration Histogram::mean() const { return Duration(count_ == 0 ? 0 : sum_ / count_); }

Histogram::Duration Histogram::percentile(double percent) const {
  const auto rank = static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    seen += counts_[i];
    if (counts_[i] != 0 && seen >= rank) return Duration(std::min(upper_end(i), max_));
  }
  return Duration(max_);
}

}  // namespace troupe::bench
