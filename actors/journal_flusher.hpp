// The journal flusher: brings to the log's tables what the log writer has frozen, while the log writer goes on
// in the journal.
//
// Runs on a thread that may wait for the disk, other than the log writer's.
#pragma once

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "store/data_dir.hpp"

namespace troupe {

class JournalFlusher : public Hosted<JournalFlusherActor> {
 public:
  /// `data` outlives the actor.
  JournalFlusher(caf::actor_config& config, store::DataDir& data) : Hosted(config), data_(data) {}
  behavior_type make_behavior() override {
    return {[this](const FlushJournal&) { data_.log().flush(); }};
  }
  const char* name() const override { return "journal flusher"; }

 private:
  store::DataDir& data_;
};

}  // namespace troupe
