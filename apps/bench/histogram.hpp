// Counts durations in buckets whose width grows with the value, so that a few kilobytes hold everything
// from a nanosecond to hours with an error of less than one per cent.
//
// Values below 256 have a bucket each. Above, every power of two is cut into 128 equal buckets: a value is
// known to its highest eight bits.
//
// One thread at a time. Recording costs an increment and no allocation.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace troupe::bench {

class Histogram {
 public:
  using Duration = std::chrono::nanoseconds;

  /// A negative duration counts as 0.
  void record(Duration value);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  Duration max() const { return Duration(max_); }  ///< exact
  Duration mean() const;                           ///< exact; 0 of nothing
  /// The value that `percent` of those recorded do not exceed: the upper end of its bucket, never more
  /// than max(). 0 of nothing.
  Duration percentile(double percent) const;

 private:
  static constexpr unsigned precision_bits = 7;
  static constexpr std::size_t half = 1u << precision_bits;
  static constexpr std::size_t buckets = (64 - precision_bits + 1) * half;
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_end(std::size_t bucket);

  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  std::uint64_t sum_ = 0;
};

}  // namespace troupe::bench
