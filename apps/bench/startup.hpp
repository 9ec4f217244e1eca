// How long a node takes to start, by the size of its tree.
//
// For each size: a standalone node of its own gets so many znodes over the network, is stopped, and then
// started several times. A start ends when a client has read a znode.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "apps/bench/histogram.hpp"

namespace troupe::bench {

struct Startup {
  std::size_t znodes = 0;
  bool killed = false;            ///< the starts after a SIGKILL; otherwise after a graceful stop
  Histogram times;                ///< from the start of the process to the first answer
  std::uint64_t page_faults = 0;  ///< of the process until then, the mean: what it touched of its files shows here
};

struct StartupOptions {
  std::vector<std::size_t> sizes{1'000, 1'000'000};
  unsigned starts = 10;
  std::size_t value_size = 100;
  std::string directory;  ///< where to put the temporary data; empty: the system's place
};

/// Two results for each size. `progress` is told what is being done. Throws std::runtime_error.
std::vector<Startup> measure_startup(const StartupOptions& options,
                                     const std::function<void(const std::string&)>& progress);

}  // namespace troupe::bench
