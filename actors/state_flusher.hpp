// The state flusher: brings to the disk what the applier has frozen, while the applier goes on in memory, and
// makes the tree of a snapshot, for which the applier waits.
//
// Runs on a thread of its own: both take as long as the disk does.
#pragma once

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "store/data_dir.hpp"

namespace troupe {

class StateFlusher : public Hosted<StateFlusherActor> {
 public:
  /// `data` outlives the actor. The archivist hears of every flush.
  StateFlusher(caf::actor_config& config, store::DataDir& data, ArchivistActor archivist);
  behavior_type make_behavior() override;
  const char* name() const override { return "state flusher"; }
  void on_exit() override { archivist_ = nullptr; }

 private:
  store::DataDir& data_;
  ArchivistActor archivist_;
};

}  // namespace troupe
