#include "actors/zab/leader.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "schema/check.hpp"

namespace troupe::zab {

using namespace leader_effect;

namespace {
// A reign must end before its counter does; the next one begins at 1. Half a million transactions
// are left for the hand-over.
constexpr std::uint32_t last_counter = 0xfff80000u;
}  // namespace

Leader::Leader(const LeaderOptions& options, std::shared_ptr<const Quorum> quorum, const History& history,
               Epoch accepted, Epoch current, Zxid last, std::int64_t now)
    : options_(options),
      quorum_(std::move(quorum)),
      history_(history),
      accepted_(accepted),
      current_(current),
      initial_last_(last),
      last_proposed_(last),
      durable_(last),
      progressed_(now),
      connected_at_(now) {
  options_.members.insert(quorum_->voters());
}

void Leader::start(LeaderEffects& effects) { try_to_choose_epoch(effects); }

Leader::Learner* Leader::find(LinkId link) {
  if (phase_ == Phase::stepped_down) return nullptr;
  const auto found = learners_.find(link);
  return found == learners_.end() ? nullptr : &found->second;
}

// --- discovery ---

void Leader::on_follower_info(LinkId link, const FollowerInfo& info, std::int64_t now, LeaderEffects& effects) {
  if (phase_ == Phase::stepped_down) return;
  if (find(link) != nullptr || !is_plausible(info.accepted_epoch, accepted_)) {
    // Twice on one connection, or a promise that no history of elections explains: epochs must not run out.
    return turn_away(link, "its FOLLOWERINFO makes no sense", now, effects);
  }
  if (!options_.members.contains(info.peer) && info.accepted_epoch > std::max(accepted_, epoch_)) {
    return turn_away(link, "it is no member, and has promised an epoch that is still to come", now, effects);
  }
  for (auto other = learners_.begin(); other != learners_.end();) {
    if (other->second.peer == info.peer && other->first != link) {  // it came back: the old connection is dead
      effects.push_back(Disconnect{other->first, "the learner connected again"});
      other = learners_.erase(other);
    } else {
      ++other;
    }
  }
  auto& learner = learners_[link];
  learner = Learner{};
  learner.peer = info.peer;
  learner.observer = !quorum_->is_voter(info.peer);
  learner.accepted_epoch = info.accepted_epoch;
  learner.heard = now;

  if (phase_ == Phase::discovering) {
    try_to_choose_epoch(effects);
  } else if (info.accepted_epoch > epoch_) {
    // It has promised a later epoch to somebody who was never established, and may never follow this
    // one. A new reign, later than its promise, takes it in.
    step_down("node " + to_string(info.peer) + " has promised a later epoch", effects);
  } else if (phase_ != Phase::promising) {
    tell_epoch(link, learner, effects);
  }
}

void Leader::turn_away(LinkId link, const std::string& reason, std::int64_t now, LeaderEffects& effects) {
  effects.push_back(Disconnect{link, reason});
  on_link_down(link, now, effects);
}

void Leader::try_to_choose_epoch(LeaderEffects& effects) {
  if (phase_ != Phase::discovering) return;
  PeerSet connected;
  connected.insert(options_.self);
  Epoch highest = accepted_;
  for (const auto& [link, learner] : learners_) {
    if (!learner.observer) connected.insert(learner.peer);
    highest = std::max(highest, learner.accepted_epoch);
  }
  if (!quorum_->contains_quorum(connected)) return;
  if (highest == Epoch{~std::uint32_t{0}}) return step_down("the epochs are used up: restore a backup", effects);
  epoch_ = highest.next();
  phase_ = Phase::promising;
  effects.push_back(StoreAcceptedEpoch{epoch_});
}

void Leader::on_accepted_epoch_stored(Epoch epoch, LeaderEffects& effects) {
  if (phase_ != Phase::promising) return;
  TROUPE_CHECK(epoch == epoch_, "the promise stored is the one that was asked for");
  accepted_ = epoch;
  phase_ = Phase::awaiting_promises;
  for (auto& [link, learner] : learners_) tell_epoch(link, learner, effects);
  try_to_end_discovery(effects);
}

void Leader::tell_epoch(LinkId link, Learner& learner, LeaderEffects& effects) {
  if (learner.told_epoch) return;
  learner.told_epoch = true;
  effects.push_back(Send{link, LeaderInfo{epoch_}});
}

void Leader::on_ack_epoch(LinkId link, const AckEpoch& ack, std::int64_t now, LeaderEffects& effects) {
  auto* learner = find(link);
  if (learner == nullptr || !learner->told_epoch) return;
  // By the epoch's rule there is no other leader from whom they could be.
  if (epoch_ != Epoch{} && ack.last.epoch() == epoch_ && !streamed_.contains(learner->peer)) {
    return turn_away(link,
                     "it has transactions of this epoch that are not from here: its history is another ensemble's", now,
                     effects);
  }
  learner->heard = now;
  learner->ack_epoch = ack;
  if (!learner->observer && ack.current_epoch) promises_.emplace(learner->peer, ack);
  if (phase_ == Phase::awaiting_promises) {
    try_to_end_discovery(effects);
  } else {
    begin_sync(link, *learner, effects);
  }
}

void Leader::try_to_end_discovery(LeaderEffects& effects) {
  PeerSet promised;
  promised.insert(options_.self);
  for (const auto& [peer, ack] : promises_) {
    if (std::tuple(*ack.current_epoch, ack.last) > std::tuple(current_, initial_last_)) {
      step_down("node " + to_string(peer) + " has a later history", effects);
      return;
    }
    promised.insert(peer);
  }
  if (!quorum_->contains_quorum(promised)) return;
  phase_ = Phase::synchronising;
  effects.push_back(StoreCurrentEpoch{epoch_});
  for (auto& [link, learner] : learners_) {
    if (learner.ack_epoch) begin_sync(link, learner, effects);
  }
}

// --- synchronisation ---

SyncPlan Leader::plan(Zxid learner_last) const {
  if (learner_last < history_.base()) return {SyncPlan::Kind::snap, history_.base()};
  // This reign's proposals are numbered without gaps, those that are not in the log yet included.
  if (learner_last.epoch() == epoch_ && learner_last <= last_proposed_) return {SyncPlan::Kind::diff, learner_last};
  const auto common = history_.floor(std::min(learner_last, last_proposed_));
  if (!common) return {SyncPlan::Kind::snap, history_.base()};  // pruned since
  return {*common == learner_last ? SyncPlan::Kind::diff : SyncPlan::Kind::trunc, *common};
}

void Leader::begin_sync(LinkId link, Learner& learner, LeaderEffects& effects) {
  if (learner.syncing) return;
  learner.syncing = true;
  streamed_.insert(learner.peer);
  effects.push_back(BeginSync{link, plan(learner.ack_epoch->last), last_proposed_, epoch_, learner.observer});
}

void Leader::on_current_epoch_stored(Epoch epoch, LeaderEffects& effects) {
  if (phase_ == Phase::stepped_down) return;
  TROUPE_CHECK(epoch == epoch_, "the epoch stored is the one that was asked for");
  self_new_leader_acked_ = true;
  try_to_establish(effects);
}

void Leader::on_ack_new_leader(LinkId link, const AckNewLeader& ack, std::int64_t now, LeaderEffects& effects) {
  auto* learner = find(link);
  if (learner == nullptr || !learner->syncing || ack.epoch != epoch_) return;
  learner->heard = now;
  learner->new_leader_acked = true;
  learner->acked = std::max(learner->acked, initial_last_);
  if (phase_ == Phase::broadcasting) {
    try_to_commit(effects);  // first: it serves from what it knows of then, and may have shown that much before
    if (serving_) effects.push_back(Send{link, UpToDate{}});
    if (confirmed_ != asked_) effects.push_back(Send{link, Ping{.ordinal = asked_}});
  } else {
    try_to_establish(effects);
  }
}

void Leader::try_to_establish(LeaderEffects& effects) {
  if (phase_ != Phase::synchronising || !self_new_leader_acked_) return;
  PeerSet synchronised;
  synchronised.insert(options_.self);
  for (const auto& [link, learner] : learners_) {
    if (!learner.observer && learner.new_leader_acked) synchronised.insert(learner.peer);
  }
  if (!quorum_->contains_quorum(synchronised)) return;
  phase_ = Phase::broadcasting;
  committed_ = initial_last_;
  effects.push_back(Established{epoch_, initial_last_});
  effects.push_back(leader_effect::Commit{committed_});
}

void Leader::on_serving(LeaderEffects& effects) {
  TROUPE_CHECK(broadcasting() && !serving_, "an established leader begins to serve, once");
  serving_ = true;
  for (const auto& [link, learner] : learners_) {
    if (learner.new_leader_acked) effects.push_back(Send{link, UpToDate{}});
  }
}

bool Leader::serves(LinkId link) const {
  const auto learner = learners_.find(link);
  return serving_ && learner != learners_.end() && learner->second.new_leader_acked;
}

// --- broadcast ---

void Leader::propose(Proposal proposal, LeaderEffects& effects) {
  TROUPE_CHECK(broadcasting(), "only an established leader proposes");
  TROUPE_CHECK(proposal.zxid == next_zxid(), "proposals are numbered without gaps");
  last_proposed_ = proposal.zxid;
  effects.push_back(Propose{std::move(proposal)});
  if (last_proposed_.counter() >= last_counter) step_down("the epoch's counter is nearly used up", effects);
}

void Leader::on_durable(Zxid zxid, LeaderEffects& effects) {
  if (phase_ == Phase::stepped_down) return;
  durable_ = std::max(durable_, zxid);
  try_to_commit(effects);
}

void Leader::on_ack(LinkId link, const Ack& ack, std::int64_t now, LeaderEffects& effects) {
  auto* learner = find(link);
  if (learner == nullptr || !learner->new_leader_acked) return;
  if (ack.durable > last_proposed_) {
    effects.push_back(Disconnect{link, "it acknowledged what was never proposed"});
    learners_.erase(link);
    return;
  }
  learner->heard = now;
  learner->acked = std::max(learner->acked, ack.durable);
  try_to_commit(effects);
}

void Leader::try_to_commit(LeaderEffects& effects) {
  if (phase_ != Phase::broadcasting) return;
  Disks disks{{durable_, options_.self}};
  for (const auto& [link, learner] : learners_) {
    if (!learner.observer && learner.new_leader_acked) disks.emplace_back(learner.acked, learner.peer);
  }
  std::sort(disks.rbegin(), disks.rend());
  if (const Zxid zxid = decided(disks, {}); zxid > committed_) {
    committed_ = zxid;
    if (committed_ >= reconfigured_) former_quorum_ = nullptr;
    effects.push_back(leader_effect::Commit{zxid});
  }
  if (former_quorum_ != nullptr) return;
  for (auto& [link, learner] : learners_) {
    if (learner.observer || !learner.new_leader_acked) continue;
    PeerSet itself;
    itself.insert(learner.peer);
    const Zxid zxid = decided(disks, itself);
    if (zxid <= std::max(committed_, learner.told)) continue;
    learner.told = zxid;
    told_ = std::max(told_, zxid);
    effects.push_back(CommitWith{link, zxid});
  }
}

/// The longest history that a quorum has: those of `having` whatever it is, the others what is on their disks.
/// `disks`: the longest history first.
Zxid Leader::decided(const Disks& disks, PeerSet having) const {
  for (const auto& [zxid, peer] : disks) {
    if (zxid <= committed_) break;
    having.insert(peer);
    if (decides(zxid, having)) return zxid;
  }
  return committed_;
}

bool Leader::decides(Zxid zxid, const PeerSet& having) const {
  if (!quorum_->contains_quorum(having)) return false;
  return zxid >= reconfigured_ || former_quorum_ == nullptr || former_quorum_->contains_quorum(having);
}

void Leader::reconfigure(std::shared_ptr<const Quorum> quorum, const PeerSet& members, LeaderEffects& effects) {
  TROUPE_CHECK(broadcasting(), "only an established leader reconfigures");
  former_quorum_ = std::exchange(quorum_, std::move(quorum));
  reconfigured_ = last_proposed_;
  options_.members = members;
  options_.members.insert(quorum_->voters());
  for (auto& [link, learner] : learners_) {
    const bool observer = !quorum_->is_voter(learner.peer);
    if (observer == learner.observer) continue;
    learner.observer = observer;
    if (learner.syncing) effects.push_back(StreamAs{link, observer});
    // A question that is under way was not put to it.
    if (!observer && learner.new_leader_acked && confirmed_ != asked_)
      effects.push_back(Send{link, Ping{.ordinal = asked_}});
  }
  try_to_commit(effects);
  try_to_confirm(effects);
}

bool Leader::has_synchronised(const Quorum& other) const {
  PeerSet synchronised;
  synchronised.insert(options_.self);
  for (const auto& [link, learner] : learners_) {
    if (learner.new_leader_acked) synchronised.insert(learner.peer);
  }
  return other.contains_quorum(synchronised);
}

void Leader::resign(const std::string& reason, LeaderEffects& effects) {
  if (phase_ != Phase::stepped_down) step_down(reason, effects);
}

std::uint64_t Leader::ask(LeaderEffects& effects) {
  TROUPE_CHECK(broadcasting(), "only an established leader asks whether it still leads");
  ++asked_;
  for (const auto& [link, learner] : learners_) {
    if (!learner.observer && learner.new_leader_acked) effects.push_back(Send{link, Ping{.ordinal = asked_}});
  }
  try_to_confirm(effects);  // a node alone needs nobody's word
  return asked_;
}

void Leader::on_pong(LinkId link, std::uint64_t ordinal, std::int64_t now, LeaderEffects& effects) {
  auto* learner = find(link);
  if (learner == nullptr || !learner->new_leader_acked) return;
  learner->heard = now;
  learner->confirmed = std::max(learner->confirmed, std::min(ordinal, asked_));
  try_to_confirm(effects);
}

void Leader::try_to_confirm(LeaderEffects& effects) {
  if (phase_ != Phase::broadcasting || confirmed_ == asked_) return;
  PeerSet confirming;
  confirming.insert(options_.self);
  for (const auto& [link, learner] : learners_) {
    if (!learner.observer && learner.confirmed == asked_) confirming.insert(learner.peer);
  }
  if (!quorum_->contains_quorum(confirming)) return;
  confirmed_ = asked_;
  effects.push_back(Confirmed{confirmed_});
}

// --- liveness ---

void Leader::on_heard(LinkId link, std::int64_t now) {
  if (auto* learner = find(link)) learner->heard = now;
}

void Leader::on_progress(LinkId link, std::int64_t now) {
  const auto* learner = find(link);
  // An observer establishes nobody.
  if (learner != nullptr && !learner->observer && learner->syncing && !learner->new_leader_acked) progressed_ = now;
}

void Leader::on_link_down(LinkId link, std::int64_t now, LeaderEffects& effects) {
  if (phase_ == Phase::stepped_down || learners_.erase(link) == 0) return;
  if (phase_ == Phase::broadcasting && !has_quorum_since(now - options_.failure_timeout_ms)) {
    step_down("the quorum is lost: a follower's connection broke", effects);
  }
}

bool Leader::has_quorum_since(std::int64_t since) const {
  PeerSet present;
  present.insert(options_.self);
  for (const auto& [link, learner] : learners_) {
    if (!learner.observer && learner.new_leader_acked && learner.heard >= since) present.insert(learner.peer);
  }
  return quorum_->contains_quorum(present);
}

bool Leader::has_connected_quorum() const {
  PeerSet present;
  present.insert(options_.self);
  for (const auto& [link, learner] : learners_) {
    if (!learner.observer) present.insert(learner.peer);
  }
  return quorum_->contains_quorum(present);
}

void Leader::tick(std::int64_t now, LeaderEffects& effects) {
  if (phase_ == Phase::stepped_down) return;
  const auto since = now - options_.failure_timeout_ms;
  if (phase_ != Phase::broadcasting) {
    if (has_connected_quorum()) connected_at_ = now;
    if (now - progressed_ > options_.init_timeout_ms) {
      step_down("no quorum has synchronised in time", effects);
    } else if (now - connected_at_ > options_.failure_timeout_ms) {
      step_down("no quorum has come", effects);
    }
  } else if (!has_quorum_since(since)) {
    step_down("the quorum is lost: followers are silent", effects);
  }
  if (phase_ == Phase::stepped_down) return;
  for (auto learner = learners_.begin(); learner != learners_.end();) {
    if (learner->second.heard < since) {
      effects.push_back(Disconnect{learner->first, "node " + to_string(learner->second.peer) + " is silent"});
      learner = learners_.erase(learner);
    } else {
      ++learner;
    }
  }
}

void Leader::step_down(const std::string& reason, LeaderEffects& effects) {
  phase_ = Phase::stepped_down;
  effects.push_back(StepDown{reason});
}

std::vector<Leader::LearnerStatus> Leader::learners() const {
  std::vector<LearnerStatus> all;
  for (const auto& [link, learner] : learners_) {
    all.push_back({learner.peer, learner.observer, learner.new_leader_acked, learner.acked});
  }
  return all;
}

}  // namespace troupe::zab
