// The loads of one `troupe bench`, one after the other, against nodes that run.
//
// Main thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "apps/bench/load.hpp"

namespace troupe::bench {

enum class Protocol { rpc, zk, etcd };
const char* name_of(Protocol protocol);

/// Connections, and requests under way on each.
using Shape = std::pair<unsigned, unsigned>;

struct Matrix {
  Protocol protocol = Protocol::rpc;
  std::vector<Workload> workloads{Workload::set, Workload::get};
  std::vector<unsigned> connections{1, 16}, outstanding{1, 16, 256};
  std::vector<Shape> shapes;  ///< instead of all combinations of the two above
  Load load;                  ///< what all loads have in common
  std::size_t znodes = 10'000;
  std::vector<pid_t> servers;  ///< the nodes' processes, in the order of the nodes; empty: look for them
  bool json = false, keep = false;
};

/// What `workload` is run with: some have no use for connections or for requests under way.
std::vector<Shape> shapes_of(const Matrix& matrix, Workload workload);

/// Prints a row for each load to stdout. `interrupted` is asked now and then. Returns whether every
/// request was answered, in order and without an error. Throws std::invalid_argument for an address
/// that is none, std::runtime_error where the nodes do not serve, or not this workload.
bool run_matrix(const Matrix& matrix, const std::string& connect, const std::function<bool()>& interrupted);

}  // namespace troupe::bench
