// An ensemble in a temporary directory, for the time of a measurement.
#pragma once

#include <filesystem>
#include <string>

#include "apps/local_ensemble.hpp"

namespace troupe::bench {

/// A directory that goes with this object.
class ScratchDir {
 public:
  /// Below `parent`, or below the system's directory for temporary files if that is empty.
  explicit ScratchDir(const std::string& parent);
  ~ScratchDir();
  ScratchDir(const ScratchDir&) = delete;

  const std::string& path() const { return path_; }
  /// Whether its files are in memory, where a flush costs nothing: not what to measure writes on.
  bool in_memory() const;

 private:
  std::string path_;
};

/// Nodes of this program, started and ready.
class ScratchEnsemble {
 public:
  /// Throws std::runtime_error when it does not get ready.
  ScratchEnsemble(const std::string& parent, std::uint32_t nodes);

  LocalEnsemble& nodes() { return nodes_; }
  const ScratchDir& directory() const { return directory_; }

 private:
  ScratchDir directory_;
  LocalEnsemble nodes_;
};

}  // namespace troupe::bench
