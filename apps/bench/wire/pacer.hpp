// When the requests of a fixed rate should begin. Latency is counted from then, not from when a request
// could be sent: a server that stalls for a second has a thousand slow answers at 1000/s, not one
// (what is called the correction of coordinated omission).
//
// A plain value; the caller has the clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "apps/bench/wire/event_loop.hpp"

namespace troupe::bench {

class Pacer {
 public:
  /// `rate` a second, evenly, the first at `start`.
  Pacer(double rate, Clock::time_point start) : interval_(1e9 / rate), start_(start) {}

  /// When the next request should begin, or should have begun.
  Clock::time_point next() const {
    return start_ + std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(taken_) * interval_));
  }
  /// Takes the next request if it is due.
  std::optional<Clock::time_point> take(Clock::time_point now) {
    const Clock::time_point due = next();
    if (due > now) return std::nullopt;
    ++taken_;
    return due;
  }
  std::uint64_t taken() const { return taken_; }

 private:
  double interval_;  // nanoseconds
  Clock::time_point start_;
  std::uint64_t taken_ = 0;
};

}  // namespace troupe::bench
