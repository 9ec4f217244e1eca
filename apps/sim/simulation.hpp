// One simulated ensemble with its clients and its faults, from one seed to a verdict.
//
// The seed decides the size of the ensemble (3 to 7 voters, up to 2 observers), what the votes weigh, whether it
// changes at run time (up to 3 more nodes, and members added, removed, promoted and demoted at the clients' request
// or by the nodes' files), how fast its disks, its network and its clocks are and how far these are apart, what its
// clients do, and what goes wrong: nodes killed and machines without power, connections reset, the network cut in one
// direction or both, slow disks and full ones, clocks set back and forth. After a while the faults end, everything is
// started again, and within bounded time all must have agreed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace troupe::sim {

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::int64_t fault_seconds = 8;                      ///< virtual time with faults
  std::int64_t settle_seconds = 60;                    ///< bound of the virtual time until all have agreed afterwards
  std::function<void(const std::string& line)> trace;  ///< every line of the run's story
};

struct SimulationResult {
  std::string violation;  ///< empty: every promise was kept
  std::string setup;      ///< what the seed made of it, for people
  std::uint64_t steps = 0;
  std::uint64_t transactions = 0;
  std::uint64_t acknowledged = 0;  ///< writes that clients were told of
  std::uint64_t leaders = 0;       ///< epochs that had a leader
  std::uint64_t faults = 0;
  std::uint64_t fingerprint = 0;  ///< equal for equal runs
  bool ok() const { return violation.empty(); }
};

SimulationResult simulate(const SimulationOptions& options);

}  // namespace troupe::sim
