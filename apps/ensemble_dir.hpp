// The directory of an ensemble on one machine: node-N.toml, node-N (data) and node-N.log for each node.
//
// The configurations are written once. Whoever starts the directory again gets the same ensemble with
// its data, and may edit the files in between.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/node_config.hpp"

namespace troupe {

/// What the ensemble should be. What is not given is as found in the directory, or by default.
struct EnsembleOptions {
  std::string directory;
  std::optional<std::uint32_t> participants;  ///< default 3
  std::optional<std::uint32_t> observers;     ///< default 0
  std::optional<std::uint32_t> base_port;     ///< default 2180: node k has the ten ports from base + 10 (k - 1)
  std::optional<std::uint32_t> tick_ms;
};

struct EnsembleNode {
  NodeConfig config;
  std::string config_file, log_file;

  std::string client_address() const;  ///< "127.0.0.1:2182", for clients on this machine
  std::string zk_address() const;      ///< the same for clients that speak ZooKeeper's protocol
  std::string peer_address() const;
};

/// Reads the directory's ensemble, or makes one where there is none. Throws ConfigError: a broken file,
/// an ensemble other than the options ask for, a directory that cannot be written.
std::vector<EnsembleNode> open_ensemble(const EnsembleOptions& options);

}  // namespace troupe
