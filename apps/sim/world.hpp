// The simulated world: virtual time, one source of chance, and what is going to happen. Everything in
// a simulation happens in an event of this queue, on one thread; the seed decides all of it, so a
// seed replays to the last message.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <string>
#include <vector>

namespace troupe::sim {

/// Virtual time, microseconds since the world began.
using Micros = std::int64_t;

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  Micros now() const { return now_; }

  /// Runs `event` at that time, or now if it has passed; events of the same time in the order in
  /// which they were asked for.
  void at(Micros when, std::function<void()> event);
  void after(Micros delay, std::function<void()> event) { at(now_ + delay, std::move(event)); }

  /// Runs the next event. False when there is none.
  bool step();
  std::uint64_t steps() const { return steps_; }

  // Chance.
  std::uint64_t random() { return random_(); }
  /// From `low` to `high`, both included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(double probability) { return static_cast<double>(random_() >> 11) * 0x1p-53 < probability; }

  /// A line of the trace, if anybody reads it. `who` is a node or a client.
  void trace(const std::string& who, const std::string& what);
  std::function<void(const std::string& line)> on_trace;
  /// Of all trace lines and steps: equal for equal runs.
  std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  struct Event {
    Micros when;
    std::uint64_t order;
    std::function<void()> run;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };

  Micros now_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t fingerprint_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
  std::mt19937_64 random_;
};

}  // namespace troupe::sim
