// The peer: supervises a node's roles. It looks for a leader, plays the role that the election gives
// it, and looks again when that role ends.
//
//            ┌──────────── RoleEnded ────────────┐
//            ▼                                   │
//         LOOKING ── Elected ──▶ LEADING | FOLLOWING | OBSERVING
//
// Before each election it asks the log writer what the node holds, behind all that earlier roles had
// written: the vote is for what is on disk. Gateways serve clients only while a role is active. Runs on
// the peer host, from the node's start to its end. A role that dies without saying so ends the process
// (Hosted): a node must not live on half dead.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "actors/role_context.hpp"

namespace troupe {

class Peer : public Hosted<PeerActor> {
 public:
  /// `show` is called with what the node is doing, whenever that changes and at every heartbeat.
  Peer(caf::actor_config& config, const RoleContext& context, ElectorActor elector,
       std::function<void(const NodeStatus&)> show);
  behavior_type make_behavior() override;
  const char* name() const override { return "peer"; }
  void on_exit() override;

 private:
  void look();
  /// Another configuration is in force on this node.
  void configure(std::shared_ptr<const Configuration> configuration);
  /// Also tells the elector, by which others are told apart.
  void name_ensemble(const std::string& id);
  /// Up to here the history is committed.
  void settle(Zxid zxid);
  void lead();
  void follow(PeerId leader);
  void stop_serving();

  const RoleContext& context_;
  ElectorActor elector_;
  std::function<void(const NodeStatus&)> show_;
  std::int64_t now_ = 0;
  HistoryFacts facts_;
  std::shared_ptr<const Configuration> configuration_;  // in force: the last in the log, else the file's
  Zxid settled_;                                        // up to here it is committed
  Zxid delivered_;                                      // the tree has it, or is about to
  PeerId elected_;                                      // last
  std::optional<PeerId> for_nothing_;                   // likewise, if he did not come to lead
  unsigned times_for_nothing_ = 0;                      // in a row
  std::int64_t look_at_ = 0;                            // not before; 0: no election is due
  LeaderActor leader_;                                  // while leading
  LearnerActor learner_;                                // while following or observing
  bool serving_ = false;
  bool stopped_ = false;
  /// Learners that came before this node knew whether it leads.
  std::map<PeerId, LearnerConnected> early_;
};

}  // namespace troupe
