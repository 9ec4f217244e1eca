// Reads what a node is told at its start, from a TOML file or from a ZooKeeper configuration (zoo.cfg).
//
// A file is either right as a whole or refused with the first thing that is wrong in it: a typing
// error must never start a node that is not the one that was meant. Plain functions, any thread.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "actors/node_config.hpp"

namespace troupe {

/// The configuration cannot be used. what() is "file:line: what is wrong; what to do".
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct LoadedConfig {
  NodeConfig node;
  std::vector<std::string> warnings;  ///< "file:line: ..." each: what has no effect, for stderr
};

/// Reads the file at `path`: *.toml as TOML, *.cfg as a ZooKeeper configuration. Throws ConfigError.
LoadedConfig load_config(const std::string& path);

/// `file` is the name to use in messages; a relative data_dir is relative to its directory.
LoadedConfig parse_toml(std::string_view text, const std::string& file);

/// Reads dataDir/myid and the dynamicConfigFile too, where the text refers to them.
LoadedConfig parse_zoo_cfg(std::string_view text, const std::string& file);

/// A TOML text from which parse_toml reads the same configuration.
std::string to_toml(const NodeConfig& node);

}  // namespace troupe
