// The archivist: writes a checkpoint whenever so many transactions have been flushed since the last,
// and removes the old ones when the log writer has made it the one to recover from.
//
//   counting ── enough flushed ──▶ writing ── the log names it ──▶ pruned, counting again
//
// Runs on a thread of its own: a checkpoint takes as long as writing the tree does.
#pragma once

#include <cstdint>
#include <optional>

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "store/data_dir.hpp"

namespace troupe {

class Archivist : public Hosted<ArchivistActor> {
 public:
  /// `checkpoint`: the one that the log names, if any. `every`: transactions between checkpoints.
  /// `data` outlives the actor.
  Archivist(caf::actor_config& config, store::DataDir& data, LogWriterActor log_writer, std::optional<Zxid> checkpoint,
            std::uint64_t every);
  behavior_type make_behavior() override;
  const char* name() const override { return "archivist"; }
  void on_exit() override { log_writer_ = nullptr; }

 private:
  std::uint64_t count(Zxid upto);
  void flushed(const StateFlushed& flush);

  store::DataDir& data_;
  LogWriterActor log_writer_;
  const std::uint64_t every_;
  Zxid checkpoint_;                     // the last; 0 before the first
  bool writing_ = false;                // one that the log does not name yet
  std::optional<std::uint64_t> count_;  // transactions flushed since the last; none: look into the log
};

}  // namespace troupe
