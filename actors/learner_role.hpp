// A learner, follower or observer, of one leader: plays zab::Learner over one link, the log and the
// tree, and passes its clients' writes to the leader.
//
//   spawned by the peer ─▶ connecting ─▶ synchronising ─▶ applying ─▶ serving (RoleActive to the peer)
//     any ─▶ failed: RoleEnded to the peer, then it quits
//
// Runs on the peer host; one object per leader followed, so whatever comes late from an earlier one
// goes to nobody.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "actors/network.hpp"
#include "actors/role_context.hpp"
#include "actors/zab/learner.hpp"

namespace troupe {

class LearnerRole : public Hosted<LearnerActor> {
 public:
  LearnerRole(caf::actor_config& config, const RoleContext& context, RoleUserActor peer, PeerId leader,
              HistoryFacts facts, std::int64_t now);
  behavior_type make_behavior() override;
  const char* name() const override { return "learner"; }
  void on_exit() override;

 private:
  void perform(zab::LearnerEffects& effects);
  void perform(const zab::learner_effect::Send& effect);
  void perform(const zab::learner_effect::StoreAcceptedEpoch& effect);
  void perform(const zab::learner_effect::StoreCurrentEpoch& effect);
  void perform(const zab::learner_effect::Append& effect);
  void perform(const zab::learner_effect::Truncate& effect);
  void perform(const zab::learner_effect::BeginSnapshot& effect);
  void perform(const zab::learner_effect::SnapshotEntries& effect);
  void perform(const zab::learner_effect::EndSnapshot& effect);
  void perform(const zab::learner_effect::Deliver& effect);
  void perform(const zab::learner_effect::Serve& effect);
  void perform(const zab::learner_effect::Fail& effect);

  /// The tree is there now.
  void applied(Zxid zxid);
  void unsubscribe();
  bool check(const std::vector<Proposal>& proposals);
  void received(const zab::Message& message);
  /// Holds the link back while the log writer has much to do.
  void hold_back();
  void forward(const std::vector<Bytes>& requests);
  void report();

  const RoleContext& context_;
  RoleUserActor peer_;
  PeerId leader_;
  std::int64_t now_;
  zab::Learner core_;
  bool ended_ = false;
  std::shared_ptr<Link> link_;
  Zxid serve_from_;                 // the tree must have it first
  std::uint64_t subscription_ = 0;  // to what is applied, until then
  std::int64_t next_heartbeat_ = 0;
  std::unordered_set<SessionId> heard_;  // since the last report
  // Given to the log writer and not yet stored.
  std::size_t snapshot_chunks_ = 0;
  std::deque<std::pair<Zxid, std::size_t>> appends_;  // the end of each, and its bytes
  std::size_t append_bytes_ = 0;
  bool held_back_ = false;
};

}  // namespace troupe
