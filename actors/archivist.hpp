// The archivist: writes a checkpoint when it is due, and removes the old ones when the log writer has made it the one
// to recover from.
//
//   waiting ── enough flushed ──▶ writing ── the log names it ──▶ pruned, waiting again
//
// A checkpoint copies the whole tree. So it is due after so many transactions, but of a large tree only when they are at
// least half as many as its znodes: what is copied stays in proportion to what has changed. And it is due in any case
// when the log has grown by so many bytes, for which it must have room.
//
// Runs on a thread of its own: a checkpoint takes as long as writing the tree does.
#pragma once

#include <cstdint>
#include <optional>

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "store/data_dir.hpp"

namespace troupe {

/// Between two checkpoints.
struct CheckpointRules {
  std::uint64_t transactions = 0;  ///< at least, and half as many as there are znodes …
  std::uint64_t bytes = 0;         ///< … but not more than this
};

class Archivist : public Hosted<ArchivistActor> {
 public:
  /// `checkpoint`: the one that the log names, if any. `data` outlives the actor.
  Archivist(caf::actor_config& config, store::DataDir& data, LogWriterActor log_writer, std::optional<Zxid> checkpoint,
            CheckpointRules rules);
  behavior_type make_behavior() override;
  const char* name() const override { return "archivist"; }
  void on_exit() override { log_writer_ = nullptr; }

 private:
  std::uint64_t transactions_behind_checkpoint(Zxid upto);
  std::uint64_t bytes_behind_checkpoint(Zxid upto);
  void flushed(const StateFlushed& flush);

  store::DataDir& data_;
  LogWriterActor log_writer_;
  const CheckpointRules rules_;
  Zxid checkpoint_;                     // the last; 0 before the first
  bool writing_ = false;                // one that the log does not name yet
  std::optional<std::uint64_t> bytes_;  // of the transactions flushed since the last; none: look into the log
};

}  // namespace troupe
