// What a benchmark prints: a row of a table for people, or a line of JSON, for each load.
#pragma once

#include <optional>
#include <string>

#include "apps/bench/load.hpp"
#include "apps/bench/server_cpu.hpp"

namespace troupe::bench {

struct Row {
  Load load;
  Measured measured;
  std::optional<std::chrono::duration<double>> server_cpu;  ///< of all nodes together; none if it is not known
  std::chrono::duration<double> client_cpu{0};              ///< of this process
  std::optional<Memory> server_memory;                      ///< in the end, of all nodes together
  std::string protocol = "rpc";
  std::string tree;  ///< the znode below which the load's znodes are
};

std::string table_heading();
/// A line, and below it one with what is special to the workload.
std::string table_row(const Row& row);
std::string json_row(const Row& row);

}  // namespace troupe::bench
