// The learner's side of ZAB: a follower, or an observer, of one leader over one connection.
//
//   connecting ──LeaderInfo──▶ promised ──Diff, Trunc or Snap──▶ synchronising
//     ──NewLeader, stored──▶ synchronised ──UpToDate──▶ serving;  any ──▶ failed
//
// Invariants:
//   - A promise is answered only after it is on disk; one made before to another leader is said so.
//   - NEWLEADER is acknowledged only after the whole history before it and the epoch are on disk.
//     What is proposed between NEWLEADER and UPTODATE is logged like any other proposal.
//   - A proposal is acknowledged only after it is on disk.
//   - The tree gets only what is committed and on this disk: it is never ahead of the own log. A COMMIT may say
//     that only this disk is missing: what it names is committed when it is there, and not before.
//   - What is committed for all that this node knows is never dropped, whatever a leader says.
//
// What it asks of the log (Append, Truncate, Store…) is done in the order asked, by one writer, and
// reported in that order. Pure: no I/O, no clock. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "actors/zab/messages.hpp"

namespace troupe::zab {

struct LearnerOptions {
  PeerId self;
  bool observer = false;
  std::string ensemble;                     ///< id of the ensemble that this node's history belongs to, if any
  std::int64_t init_timeout_ms = 20'000;    ///< without progress, until this node has synchronised
  std::int64_t failure_timeout_ms = 1'000;  ///< a leader not heard of for so long is not there
};

namespace learner_effect {
struct Send {
  Message message;
};
/// Then call on_accepted_epoch_stored().
struct StoreAcceptedEpoch {
  Epoch epoch;
};
/// Behind all that the log was given; then call on_current_epoch_stored().
struct StoreCurrentEpoch {
  Epoch epoch;
};
/// Then call on_durable() with the last one's zxid.
struct Append {
  std::vector<Proposal> proposals;
};
struct Truncate {
  Zxid last;
};
/// Throw the history away and take a snapshot's entries; on_snapshot_installed() after the end.
struct BeginSnapshot {
  Zxid zxid;
};
struct SnapshotEntries {
  Bytes entries;
};
struct EndSnapshot {};
/// Everything up to here is committed and on this disk: the tree may have it.
struct Deliver {
  Zxid zxid;
};
/// This node serves clients.
struct Serve {};
/// This node follows no longer. Nothing more comes of this object.
struct Fail {
  std::string reason;
};
}  // namespace learner_effect

using LearnerEffect =
    std::variant<learner_effect::Send, learner_effect::StoreAcceptedEpoch, learner_effect::StoreCurrentEpoch,
                 learner_effect::Append, learner_effect::Truncate, learner_effect::BeginSnapshot,
                 learner_effect::SnapshotEntries, learner_effect::EndSnapshot, learner_effect::Deliver,
                 learner_effect::Serve, learner_effect::Fail>;
using LearnerEffects = std::vector<LearnerEffect>;

class Learner {
 public:
  enum class Phase : std::uint8_t { connecting, promised, synchronising, synchronised, serving, failed };

  /// `accepted`, `current` and `last` are what this node's log holds durably; up to `settled` it is
  /// committed: in a checkpoint, or in the tree.
  Learner(const LearnerOptions& options, Epoch accepted, Epoch current, Zxid last, Zxid settled, std::int64_t now);

  void on_connected(std::int64_t now, LearnerEffects& effects);
  void on_disconnected(const std::string& reason, LearnerEffects& effects);
  /// What the leader sent cannot be used: this node leaves it.
  void on_unusable(const std::string& reason, LearnerEffects& effects) { fail(reason, effects); }
  /// A message of the leader's side of the protocol. One that does not fit the phase ends the connection.
  void on_message(const Message& message, std::int64_t now, LearnerEffects& effects);

  void on_accepted_epoch_stored(Epoch epoch, LearnerEffects& effects);
  void on_current_epoch_stored(Epoch epoch, LearnerEffects& effects);
  void on_durable(Zxid zxid, LearnerEffects& effects);
  void on_snapshot_installed(Zxid zxid, LearnerEffects& effects);

  /// What the leader sends is not being read now, on purpose: its silence says nothing.
  void on_held_back(std::int64_t now) { heard_ = progressed_ = now; }
  void tick(std::int64_t now, LearnerEffects& effects);

  Phase phase() const { return phase_; }
  bool serving() const { return phase_ == Phase::serving; }
  /// A snapshot is on its way to this node's disk.
  bool installing() const { return snapshot_installing_; }
  Epoch epoch() const { return epoch_; }
  Zxid last() const { return last_; }
  /// The end of what is committed and on this disk.
  Zxid committed() const { return std::min(committed_, durable_); }
  Zxid delivered() const { return delivered_; }  ///< 0: nothing yet

 private:
  void handle(const LeaderInfo& info, LearnerEffects& effects);
  void handle(const Diff&, LearnerEffects& effects);
  void handle(const Trunc& trunc, LearnerEffects& effects);
  void handle(const SnapBegin& begin, LearnerEffects& effects);
  void handle(const SnapChunk& chunk, LearnerEffects& effects);
  void handle(const SnapEnd&, LearnerEffects& effects);
  void handle(const Proposals& proposals, LearnerEffects& effects);
  void handle(const Inform& inform, LearnerEffects& effects);
  void handle(const Commit& commit, LearnerEffects& effects);
  void handle(const NewLeader& new_leader, LearnerEffects& effects);
  void handle(const UpToDate&, LearnerEffects& effects);
  void handle(const Ping&, LearnerEffects&) {}
  template <class Other>
  void handle(const Other&, LearnerEffects& effects) {
    fail("the leader sent a message that only a learner sends", effects);
  }
  void append(const std::vector<Proposal>& proposals, LearnerEffects& effects);
  void deliver(LearnerEffects& effects);
  void fail(const std::string& reason, LearnerEffects& effects);

  LearnerOptions options_;
  Epoch accepted_;
  Epoch current_;
  Zxid last_;       // end of the history, on its way to the disk
  Zxid settled_;    // what must not be dropped
  Zxid durable_;    // end of the history on the disk
  Zxid committed_;  // as far as it is on the disk
  Zxid delivered_;
  Epoch epoch_;  // the leader's
  Phase phase_ = Phase::connecting;
  bool snapshot_open_ = false;        // between SnapBegin and SnapEnd
  bool snapshot_installing_ = false;  // until on_snapshot_installed
  std::int64_t progressed_;           // the beginning, or when the synchronisation last moved
  std::int64_t heard_;
};

}  // namespace troupe::zab
