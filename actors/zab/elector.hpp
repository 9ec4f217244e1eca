// Fast leader election: the nodes that look for a leader exchange votes until a quorum agrees on the
// node with the most recent history. Source: ZooKeeper's FastLeaderElection, and A. Medeiros,
// "ZooKeeper's atomic broadcast protocol: theory and practice" (2012), section 4.
//
// An election is right if it ends (liveness); that the node elected may lead is proved afterwards by
// the discovery phase (leader.hpp). Therefore it may decide early: at once when every voter that can
// be reached has answered and agrees, else when a quorum has agreed for a while.
//
// The quorum is that of the last configuration in this node's log. The ensemble may have moved on since
// (configuration.hpp), or this node's last step was never committed: a node that says it leads under
// another configuration is joined on its word, for this node cannot know whose votes count there. Leaders
// say so to their members now and then: one that was away might not think of asking them. And every vote tells
// its sender's configuration: the best candidate may be a node that only a later one names, and whoever is to
// follow it must know where it is.
//
// A node that is no voter stands for nobody, unless the configuration that leaves it out is not known to be
// committed: then its history may be the one that is needed (configuration.hpp).
//
// The best history does not always lead: its node may be out of the others' reach, or need a quorum of a new
// configuration that is not there, for a step that was never committed. A candidate that was elected twice in
// a row for nothing therefore comes last for some time. That is a matter of liveness alone, and lasts for
// some time only because it may be the one that is needed, after all.
//
// Rounds order the elections: a vote from a lower round is ignored, a higher round is joined.
//
// Pure: no I/O, no clock. Not thread-safe. Times are in milliseconds of any monotonic clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "actors/zab/messages.hpp"
#include "actors/zab/quorum.hpp"

namespace troupe::zab {

struct ElectorOptions {
  PeerId self;
  std::int64_t settle_ms = 60;       ///< how long a quorum's agreement must stand while a voter is silent
  std::int64_t resend_ms = 150;      ///< how often votes are repeated while looking
  std::int64_t announce_ms = 1'000;  ///< how often a leader tells its members
  std::int64_t last_ms = 5'000;      ///< how long who was elected for nothing comes last
};

class Elector {
 public:
  struct Effects {
    std::vector<std::pair<PeerId, Notification>> send;
    std::optional<Vote> decided;  ///< the election is over: vote.leader leads
  };

  Elector(const ElectorOptions& options, std::shared_ptr<const Quorum> quorum);

  /// Another configuration is in force on this node: its quorum, all of its members, and the transaction
  /// that set it, `since`.
  void configure(std::shared_ptr<const Quorum> quorum, const PeerSet& members, Zxid since, const Bytes& txn);
  /// Nodes to ask too: members of a later configuration that this node has heard of. Until the next configure().
  void ask_too(const PeerSet& peers) { others_ = peers; }
  Zxid configured() const { return configured_; }
  /// Up to here this node knows the history to be committed.
  void on_committed(Zxid zxid) { committed_ = std::max(committed_, zxid); }
  /// How the last decision ended: the node elected did not come to lead, or the reign was one.
  void on_elected_for_nothing(PeerId candidate, std::int64_t now);
  void on_reign_ended() { failures_.clear(); }

  /// Starts looking, in a new round, with the history that this node has.
  void look(Epoch current_epoch, Zxid last, std::int64_t now, Effects& effects);
  /// The node took the role that the last decision gave it; latecomers are told so.
  PeerState state() const { return state_; }

  void on_notification(const Notification& notification, std::int64_t now, Effects& effects);
  /// Whether messages to a node are believed to arrive. Unknown counts as reachable.
  void on_reachable(PeerId peer, bool reachable, std::int64_t now, Effects& effects);
  void tick(std::int64_t now, Effects& effects);

  std::uint64_t round() const { return round_; }
  const Vote& vote() const { return vote_; }

 private:
  void on_looking_peer(const Notification& notification, std::int64_t now, Effects& effects);
  void on_settled_peer(const Notification& notification, Effects& effects);
  void broadcast(Effects& effects) const;
  void adopt(const Vote& vote, std::int64_t now, Effects& effects);
  void try_to_decide(std::int64_t now, Effects& effects);
  bool all_reachable_agree() const;
  void decide(const Vote& vote, Effects& effects);
  Notification notification() const;
  void announce(std::int64_t now, Effects& effects);
  bool voter() const { return quorum_->is_voter(options_.self); }
  bool stands() const { return voter() || configured_ > committed_; }
  /// Order of preference: who comes last, does so behind all others.
  std::pair<bool, Vote> rank(const Vote& vote, std::int64_t now) const {
    return {vote.leader != PeerId{} && !comes_last(vote.leader, now), vote};
  }
  bool comes_last(PeerId candidate, std::int64_t now) const;

  ElectorOptions options_;
  std::shared_ptr<const Quorum> quorum_;
  PeerSet members_, others_;
  Zxid configured_, committed_;
  Bytes configuration_;
  PeerState state_ = PeerState::looking;
  bool started_ = false;
  std::uint64_t round_ = 0;
  Vote own_;                                // what this node has to offer
  Vote vote_;                               // what it votes for now
  std::map<PeerId, Vote> received_;         // this round's votes
  std::map<PeerId, Notification> settled_;  // nodes that follow or lead already
  PeerSet unreachable_;
  struct Failure {
    unsigned times = 0;  // in a row
    std::int64_t until = 0;
  };
  std::map<PeerId, Failure> failures_;
  std::optional<std::int64_t> agreed_since_;  // a quorum has agreed on vote_ since
  std::int64_t next_resend_ = 0;
  std::int64_t next_announcement_ = 0;
};

}  // namespace troupe::zab
