// The workloads over the wire protocols. Each is a function from a load to what was measured; none knows
// the protocol. Beside the counts that all share, `Measured::figures` has what is special to one.
//
// Owner: the calling thread, whose event loop is in the rig.
#pragma once

#include <functional>

#include "apps/bench/load.hpp"
#include "apps/bench/wire/fleet.hpp"
#include "apps/bench/wire/tree.hpp"

namespace troupe::bench {

struct Task {
  Rig rig;
  Tree& tree;
  const Load& load;
  const Observer& observer;
  std::vector<pid_t> servers;  ///< of the nodes, in their order; empty if they are not known
};

/// Runs task.load. Throws std::runtime_error where the servers do not let it begin, or where the
/// workload needs what the protocol or the place of the servers does not give.
Measured run(const Task& task);

// One for each; run() chooses.
Measured run_requests(const Task& task);  ///< get, set, create, mixed, multi; in a closed loop or at a fixed rate
Measured run_listing(const Task& task);
Measured run_fan_out(const Task& task);
Measured run_session_storm(const Task& task);
Measured run_ephemeral_churn(const Task& task);
Measured run_lock(const Task& task);
Measured run_failover(const Task& task);

/// The loop with progress told, and an end when the observer has enough.
class Course {
 public:
  /// `answers` are counted by the workload.
  Course(const Task& task, const std::uint64_t& answers);
  /// True when `done`; false at the limit, or when the observer has had enough: enough() then.
  bool run_until(const std::function<bool()>& done, Clock::time_point limit);
  bool run_for(
      std::chrono::duration<double> time, const std::function<bool()>& done = [] { return false; });
  bool enough() const { return enough_; }

 private:
  const Task& task_;
  const std::uint64_t& answers_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point next_report_ = start_;
  bool enough_ = false;
};

inline double in_ms(Histogram::Duration time) { return static_cast<double>(time.count()) / 1e6; }

}  // namespace troupe::bench
