// The leader's side of ZAB: discovery, synchronisation, broadcast. Source: F. Junqueira, B. Reed,
// M. Serafini, "Zab: High-performance broadcast for primary-backup systems" (DSN 2011), and
// ZooKeeper's practice of it, in which the elected leader already has the longest history.
//
//   discovering ──quorum of FollowerInfo──▶ promising ──own promise stored──▶ awaiting promises
//     ──quorum of AckEpoch──▶ synchronising ──quorum of AckNewLeader──▶ broadcasting
//   any ──a follower is ahead, quorum lost, too late──▶ stepped down
//
// Invariants:
//   - An epoch is proposed only after this node has promised it on its own disk.
//   - Only promises made to this leader count: a node that had promised the epoch before to another
//     answers without its history.
//   - A promise, once made to this leader, counts for the whole reign, also of a follower that lost its
//     connection since. For it is kept on disk; it cannot have been made to anybody else (an epoch is
//     promised once, and this node proposes each epoch in one reign); and what the follower has on disk
//     changes only under a leader that a quorum has promised this or a later epoch: of this one there is
//     no second such leader, and with a later promise the follower is turned away.
//   - Nothing is committed before a quorum has acknowledged NEWLEADER: by then a quorum has this
//     history on disk, and all of it is committed at once.
//   - A proposal commits when a quorum has it on disk. Acknowledgements are cumulative.
//   - A follower without which a quorum is not complete, and with which it is, is told of the commit before it
//     has acknowledged: it delivers nothing that is not on its own disk, and so it knows first. Why this is safe:
//     it is the same quorum of disks in the same epoch, which is on its disk, for it has acknowledged NEWLEADER,
//     counted at the follower instead of here; what it has on disk before it promises a later epoch is in its
//     answer to that promise, acknowledged here or not. Source: the learners of Paxos, who count what acceptors
//     accepted (L. Lamport, "Paxos made simple", 2001, 2.3). Of an activation only when it is committed here: who
//     asked for it is answered by it, and may ask for the next at once.
//   - The quorum is that of the last configuration proposed (configuration.hpp). Whether a learner counts
//     is for that configuration to say, not for the learner. What was proposed before the last one needs
//     a quorum of the one before, too, until the last one itself is committed.
//   - A node that is no member of it moves nothing: neither the choice of the epoch nor the end of the reign.
//   - A learner that says it has transactions of this reign has them from here: else it is turned away.
//
// Pure: no I/O, no clock. Not thread-safe. Times are in milliseconds of any monotonic clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/zab/messages.hpp"
#include "actors/zab/quorum.hpp"

namespace troupe::zab {

/// One connection of a learner. A learner that connects again comes under a new one.
struct LinkId {
  std::uint64_t value = 0;
  auto operator<=>(const LinkId&) const = default;
};

/// What the leader asks of its log when a learner joins.
class History {
 public:
  virtual ~History() = default;
  /// Before this the log knows nothing but the checkpoint.
  virtual Zxid base() const = 0;
  /// The greatest zxid ≤ `zxid` in the durable log, base included; none below base.
  virtual std::optional<Zxid> floor(Zxid zxid) const = 0;
};

struct LeaderOptions {
  PeerId self;
  PeerSet members;                          ///< of the configuration that the reign begins with, beside its voters
  std::int64_t init_timeout_ms = 20'000;    ///< without progress, until a quorum has synchronised
  std::int64_t failure_timeout_ms = 1'000;  ///< a learner not heard of for so long is not there
};

/// How a learner is brought up to date: what it must drop or take, and after which zxid of the
/// leader's history the stream to it begins.
struct SyncPlan {
  enum class Kind : std::uint8_t { diff, trunc, snap };
  Kind kind = Kind::diff;
  Zxid from;  ///< with snap: ignored, the snapshot has a zxid of its own
};

namespace leader_effect {
/// Send now, in order with other messages to this link.
struct Send {
  LinkId link;
  Message message;
};
/// Promise the epoch on disk, then call on_accepted_epoch_stored().
struct StoreAcceptedEpoch {
  Epoch epoch;
};
/// Store the epoch as that of this history, behind all that the log was given; then call
/// on_current_epoch_stored().
struct StoreCurrentEpoch {
  Epoch epoch;
};
/// Begin the learner's stream: the plan, the history from plan.from to `last`, then NewLeader, and
/// from then on every proposal.
struct BeginSync {
  LinkId link;
  SyncPlan plan;
  Zxid last;
  Epoch epoch;
  bool observer = false;
};
/// The history up to `last` is committed; this node leads.
struct Established {
  Epoch epoch;
  Zxid last;
};
/// Append to the own log and to every learner's stream.
struct Propose {
  Proposal proposal;
};
/// Everything up to here is committed: tell the tree and every learner.
struct Commit {
  Zxid zxid;
};
/// Everything up to here is committed once it is on this learner's disk: tell it so. More than any Commit before it.
struct CommitWith {
  LinkId link;
  Zxid zxid;
};
/// A quorum has followed this leader at some time after ask() returned this ordinal.
struct Confirmed {
  std::uint64_t ordinal = 0;
};
/// What the learner gets from now on: what is committed, or what is proposed.
struct StreamAs {
  LinkId link;
  bool observer = false;
};
struct Disconnect {
  LinkId link;
  std::string reason;
};
/// This node leads no longer. Nothing more comes of this object.
struct StepDown {
  std::string reason;
};
}  // namespace leader_effect

using LeaderEffect =
    std::variant<leader_effect::Send, leader_effect::StoreAcceptedEpoch, leader_effect::StoreCurrentEpoch,
                 leader_effect::BeginSync, leader_effect::Established, leader_effect::Propose, leader_effect::Commit,
                 leader_effect::CommitWith, leader_effect::Confirmed, leader_effect::StreamAs,
                 leader_effect::Disconnect, leader_effect::StepDown>;
using LeaderEffects = std::vector<LeaderEffect>;

class Leader {
 public:
  enum class Phase : std::uint8_t {
    discovering,
    promising,
    awaiting_promises,
    synchronising,
    broadcasting,
    stepped_down
  };

  /// `accepted`, `current` and `last` are what this node's log holds durably; `last` is the end of
  /// the history that the ensemble will have if this leader is established.
  Leader(const LeaderOptions& options, std::shared_ptr<const Quorum> quorum, const History& history, Epoch accepted,
         Epoch current, Zxid last, std::int64_t now);

  /// Call once, first: a node alone is its own quorum.
  void start(LeaderEffects& effects);

  void on_follower_info(LinkId link, const FollowerInfo& info, std::int64_t now, LeaderEffects& effects);
  void on_ack_epoch(LinkId link, const AckEpoch& ack, std::int64_t now, LeaderEffects& effects);
  void on_ack_new_leader(LinkId link, const AckNewLeader& ack, std::int64_t now, LeaderEffects& effects);
  void on_ack(LinkId link, const Ack& ack, std::int64_t now, LeaderEffects& effects);
  void on_heard(LinkId link, std::int64_t now);  ///< any message at all
  void on_pong(LinkId link, std::uint64_t ordinal, std::int64_t now, LeaderEffects& effects);
  void on_link_down(LinkId link, std::int64_t now, LeaderEffects& effects);

  void on_accepted_epoch_stored(Epoch epoch, LeaderEffects& effects);
  void on_current_epoch_stored(Epoch epoch, LeaderEffects& effects);
  void on_durable(Zxid zxid, LeaderEffects& effects);  ///< the own log is on disk up to here

  /// The tree stands at the end of the history that this reign began with: learners may serve, too.
  void on_serving(LeaderEffects& effects);
  /// What brings the learner up to date moves: as long as it does, it may take.
  void on_progress(LinkId link, std::int64_t now);

  void tick(std::int64_t now, LeaderEffects& effects);

  /// The zxid that the next proposal must have. Broadcasting only.
  Zxid next_zxid() const { return last_proposed_.epoch() == epoch_ ? last_proposed_.next() : Zxid::of(epoch_, 1); }
  /// CHECKs that the zxid is next_zxid().
  void propose(Proposal proposal, LeaderEffects& effects);

  /// Another configuration is in force: that of a proposal just made, or about to be made in the same
  /// breath. Who counted before and does not now is an observer, and the reverse. Broadcasting only. This
  /// node need not be a voter in it: then it leads, and does not count.
  void reconfigure(std::shared_ptr<const Quorum> quorum, const PeerSet& members, LeaderEffects& effects);
  /// Whether a quorum of `other` is here and has this reign's history.
  bool has_synchronised(const Quorum& other) const;
  /// This node leads no longer, of its own will.
  void resign(const std::string& reason, LeaderEffects& effects);

  /// Asks the followers whether this node still leads; Confirmed follows if so. Broadcasting only.
  /// Source: the read index of Raft (D. Ongaro's thesis, section 6.4), which asks the same question.
  std::uint64_t ask(LeaderEffects& effects);

  Phase phase() const { return phase_; }
  bool broadcasting() const { return phase_ == Phase::broadcasting; }
  /// Whether the learner has been told to serve, and so may ask for its clients.
  bool serves(LinkId link) const;
  Epoch epoch() const { return epoch_; }
  Zxid last_proposed() const { return last_proposed_; }
  Zxid committed() const { return committed_; }
  /// No client anywhere has seen more: a follower may know of commits that this node does not know yet. Broadcasting
  /// only.
  Zxid known_anywhere() const { return std::max(committed_, told_); }

  struct LearnerStatus {
    PeerId peer;
    bool observer = false;
    bool active = false;  ///< has acknowledged NEWLEADER
    Zxid acked;
  };
  std::vector<LearnerStatus> learners() const;

 private:
  struct Learner {
    PeerId peer;
    bool observer = false;
    Epoch accepted_epoch;
    std::optional<AckEpoch> ack_epoch;
    bool told_epoch = false;
    bool syncing = false;
    bool new_leader_acked = false;
    Zxid acked;
    Zxid told;                    // the last CommitWith
    std::uint64_t confirmed = 0;  // the last ordinal that it has answered
    std::int64_t heard = 0;
  };

  Learner* find(LinkId link);
  void turn_away(LinkId link, const std::string& reason, std::int64_t now, LeaderEffects& effects);
  bool decides(Zxid zxid, const PeerSet& having) const;
  using Disks = std::vector<std::pair<Zxid, PeerId>>;
  Zxid decided(const Disks& disks, PeerSet having) const;
  void try_to_choose_epoch(LeaderEffects& effects);
  void tell_epoch(LinkId link, Learner& learner, LeaderEffects& effects);
  void try_to_end_discovery(LeaderEffects& effects);
  void begin_sync(LinkId link, Learner& learner, LeaderEffects& effects);
  SyncPlan plan(Zxid learner_last) const;
  void try_to_establish(LeaderEffects& effects);
  void try_to_commit(LeaderEffects& effects);
  void try_to_confirm(LeaderEffects& effects);
  bool has_connected_quorum() const;
  bool has_quorum_since(std::int64_t since) const;
  void step_down(const std::string& reason, LeaderEffects& effects);

  LeaderOptions options_;
  std::shared_ptr<const Quorum> quorum_;
  const History& history_;
  Epoch accepted_;
  Epoch current_;
  Zxid initial_last_;  // the end of the history that came before this reign
  Zxid last_proposed_;
  Zxid committed_;                           // broadcasting only
  Zxid told_;                                // the last CommitWith to anybody
  Zxid durable_;                             // the own log
  Epoch epoch_;                              // of this reign; 0 until chosen
  std::uint64_t asked_ = 0, confirmed_ = 0;  // ordinals
  Phase phase_ = Phase::discovering;
  bool self_new_leader_acked_ = false;
  bool serving_ = false;
  std::map<PeerId, AckEpoch> promises_;          // of voters, made to this leader
  PeerSet streamed_;                             // nodes that got of this reign's history
  std::shared_ptr<const Quorum> former_quorum_;  // needed, too, for what comes before reconfigured_
  Zxid reconfigured_;
  std::int64_t progressed_;    // before broadcasting: the beginning, or when a synchronisation last moved
  std::int64_t connected_at_;  // before broadcasting: when a quorum was last connected
  std::map<LinkId, Learner> learners_;
};

}  // namespace troupe::zab
