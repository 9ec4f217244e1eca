// What ZAB lets a node say, given what is on its disk and what it was told: checked on every message
// that goes into a connection. Several of ZAB's rules protect each other, so that a breach of one
// shows in the histories only after a rare chain of accidents; here it shows at once.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "actors/zab/messages.hpp"
#include "apps/sim/invariants.hpp"

namespace troupe::sim {

class MessageRules {
 public:
  explicit MessageRules(const Invariants& disks) : disks_(disks) {}

  /// Throws Violation.
  void check(PeerId from, PeerId to, const zab::Message& message);

 private:
  using Pair = std::pair<PeerId, PeerId>;  // leader, learner

  void check(PeerId learner, PeerId leader, const zab::FollowerInfo& info);
  void check(PeerId leader, PeerId learner, const zab::LeaderInfo& info);
  void check(PeerId learner, PeerId leader, const zab::AckEpoch& ack);
  void check(PeerId leader, PeerId learner, const zab::NewLeader& message);
  void check(PeerId learner, PeerId leader, const zab::AckNewLeader& ack);
  void check(PeerId learner, PeerId leader, const zab::Ack& ack);
  void check(PeerId leader, PeerId learner, const zab::Commit& commit);
  template <class Other>
  void check(PeerId, PeerId, const Other&) {}

  const Invariants& disks_;
  std::map<Pair, Epoch> introduced_;                       // the least promise since the leader's last epoch
  std::map<PeerId, Epoch> chosen_;                         // the epoch that a node told last
  std::map<Pair, Epoch> told_;                             // the epoch that a learner was told last
  std::map<std::pair<PeerId, Epoch>, PeerId> promised_;    // by learner and epoch: to whom
  std::set<std::pair<PeerId, Epoch>> discovered_;          // reigns that have ended their discovery
  std::map<std::pair<PeerId, Epoch>, zab::PeerSet> promises_;  // by leader and epoch: from whom
};

}  // namespace troupe::sim
