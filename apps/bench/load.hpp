// A closed loop of requests: each connection has a fixed number of requests outstanding, and sends the
// next when one is answered.
//
// Warm-up, then measuring: from that moment on every answer counts, until the last request is answered.
// So a stall at the end shows too, and the rate is answers by the time until the last of them.
//
// Threads: run() on the caller's; every connection has its own thread, the client's, and its own
// histogram, so nothing is shared while measuring but the phase, which is read.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "apps/bench/histogram.hpp"
#include "apps/bench/workspace.hpp"

namespace troupe::bench {

enum class Workload { get, set, create };
const char* name_of(Workload workload);

struct Load {
  Workload workload = Workload::set;
  unsigned connections = 1;
  unsigned outstanding = 1;  ///< on each connection
  std::size_t value_size = 100;
  std::chrono::duration<double> warm_up{2}, duration{10};
};

struct Measured {
  std::uint64_t operations = 0;  ///< answered without an error
  std::uint64_t errors = 0;
  unsigned lost_connections = 0;  ///< which gave up: their sessions were lost, or no node could be reached
  std::chrono::duration<double> elapsed{0};
  Histogram latency;  ///< of the operations
  double ops_per_second() const { return static_cast<double>(operations) / elapsed.count(); }
};

/// What to do at the moments of a run, all on the caller's thread.
struct Observer {
  std::function<void()> measuring;  ///< the warm-up is over
  std::function<void()> measured;   ///< the last answer has come
  /// Several times a second; answers so far, warm-up included. Returns false to end early.
  std::function<bool(std::chrono::duration<double> since_start, std::uint64_t answers)> progress;
};

/// Runs `load`; connection i goes to node i modulo the number of `nodes`. Throws std::runtime_error
/// when a node does not give a session.
Measured run(const std::vector<std::string>& nodes, const Workspace& workspace, const Load& load,
             const Observer& observer);

}  // namespace troupe::bench
