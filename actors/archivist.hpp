// The archivist: writes a checkpoint whenever so many transactions have been applied since the last,
// and removes the old ones when the log writer has made it the one to recover from.
//
//   counting ── enough applied ──▶ writing, unsubscribed ── the log names it ──▶ pruned, subscribed again
//
// Runs on a thread of its own: a checkpoint takes as long as writing the tree does. It keeps no view of
// the tree, and while it writes it is not subscribed: views would pile up in its mailbox and pin
// the tree's old pages.
#pragma once

#include <cstdint>
#include <optional>

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "actors/log_writer.hpp"
#include "store/data_dir.hpp"

namespace troupe {

class Archivist : public Hosted<ArchivistActor> {
 public:
  /// `checkpoint`: the one that the log names, if any. `every`: transactions between checkpoints.
  /// `data` outlives the actor.
  Archivist(caf::actor_config& config, store::DataDir& data, LogWriterActor log_writer, ApplierActor applier,
            std::optional<Zxid> checkpoint, std::uint64_t every, FatalHandler fatal);
  behavior_type make_behavior() override;
  const char* name() const override { return "archivist"; }
  void on_exit() override;

 private:
  void subscribe();
  std::uint64_t count_applied(Zxid applied);
  void applied(const store::AppliedBatch& batch);
  void write();
  template <class Change>
  void guard(Change&& change);

  store::DataDir& data_;
  LogWriterActor log_writer_;
  ApplierActor applier_;
  const std::uint64_t every_;
  FatalHandler fatal_;
  bool failed_ = false;

  std::uint64_t subscription_ = 0;      // 0: none
  Zxid checkpoint_;                     // the last; 0 before the first
  std::optional<std::uint64_t> count_;  // transactions applied since; not yet known after a subscription
};

}  // namespace troupe
