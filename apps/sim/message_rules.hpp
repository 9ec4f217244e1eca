// What ZAB lets a node say, given what is on its disk and what it was told: checked on every message
// that goes into a connection. Several of ZAB's rules protect each other, so that a breach of one
// shows in the histories only after a rare chain of accidents; here it shows at once.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <tuple>

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
  void check(PeerId leader, PeerId observer, const zab::Inform& inform);
  void check(PeerId learner, PeerId leader, const zab::SyncRequest& request);
  void check(PeerId leader, PeerId learner, const zab::Ping& ping);
  void check(PeerId learner, PeerId leader, const zab::Pong& pong);
  void check(PeerId leader, PeerId learner, const zab::SyncReply& reply);
  template <class Other>
  void check(PeerId, PeerId, const Other&) {}

  const Invariants& disks_;
  std::map<Pair, Epoch> introduced_;                           // the least promise since the leader's last epoch
  std::map<PeerId, Epoch> chosen_;                             // the epoch that a node told last
  std::map<Pair, Epoch> told_;                                 // the epoch that a learner was told last
  std::map<std::pair<PeerId, Epoch>, PeerId> promised_;        // by learner and epoch: to whom
  std::set<std::pair<PeerId, Epoch>> discovered_;              // reigns that have ended their discovery
  std::map<std::pair<PeerId, Epoch>, zab::PeerSet> promises_;  // by leader and epoch: from whom
  // Syncs and their confirmations, in the order in which they were said.
  std::uint64_t said_ = 0;
  struct Question {
    std::uint64_t ordinal = 0, said = 0;
  };
  std::map<PeerId, Question> question_;      // a leader's last
  std::map<Pair, std::uint64_t> confirmed_;  // when the last question was said that this one answered
  std::map<std::tuple<PeerId, PeerId, std::uint32_t, std::uint64_t>, std::uint64_t>
      syncs_;  // leader, learner, gateway, ticket: when asked
};

}  // namespace troupe::sim
