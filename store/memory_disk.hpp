// The disk of the simulation: environments in memory, with the promises of the real ones and no
// more. A killed process loses what was not committed; a power cut loses what was not flushed.
#pragma once

#include <memory>
#include <string>

#include "store/kv.hpp"

namespace troupe::store {

/// What survives the processes that use it. Single-threaded.
class MemoryMachine {
 public:
  MemoryMachine();
  ~MemoryMachine();
  /// A disk for a new process. Those of earlier processes must be gone.
  std::unique_ptr<Disk> disk();
  /// Forgets every commit that was not flushed, and changes the boot id. Of an environment that is
  /// not durable any part of the unflushed commits may survive in no order: it is left damaged.
  void cut_power();
  /// From now on commits throw StorageError ("no space left"); false ends it.
  void fill(bool full);

 private:
  friend class MemoryDisk;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace troupe::store
