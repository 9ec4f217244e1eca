#include "actors/zab/learner.hpp"

#include <algorithm>

#include "schema/check.hpp"

namespace troupe::zab {

using namespace learner_effect;

Learner::Learner(const LearnerOptions& options, Epoch accepted, Epoch current, Zxid last, Zxid settled,
                 std::int64_t now)
    : options_(options),
      accepted_(accepted),
      current_(current),
      last_(last),
      settled_(settled),
      durable_(last),
      progressed_(now),
      heard_(now) {}

void Learner::on_connected(std::int64_t now, LearnerEffects& effects) {
  heard_ = now;
  effects.push_back(Send{FollowerInfo{options_.self, options_.observer, accepted_, options_.ensemble}});
}

void Learner::on_disconnected(const std::string& reason, LearnerEffects& effects) { fail(reason, effects); }

void Learner::on_message(const Message& message, std::int64_t now, LearnerEffects& effects) {
  if (phase_ == Phase::failed) return;
  heard_ = now;
  std::visit([&](const auto& m) { handle(m, effects); }, message);
}

void Learner::fail(const std::string& reason, LearnerEffects& effects) {
  if (phase_ == Phase::failed) return;
  phase_ = Phase::failed;
  effects.push_back(Fail{reason});
}

void Learner::tick(std::int64_t now, LearnerEffects& effects) {
  if (phase_ == Phase::failed) return;
  if (snapshot_installing_ && !snapshot_open_) progressed_ = now;  // this node's own disk takes its time
  // Once synchronised, it is the leader who says how long to wait for the others.
  const bool waiting = phase_ < Phase::synchronised;
  if (now - heard_ > options_.failure_timeout_ms) {
    fail("the leader is silent", effects);
  } else if (waiting && now - progressed_ > options_.init_timeout_ms) {
    fail("not synchronised in time", effects);
  }
}

// --- discovery ---

void Learner::handle(const LeaderInfo& info, LearnerEffects& effects) {
  if (phase_ != Phase::connecting || epoch_ != Epoch{}) return fail("an unexpected LEADERINFO", effects);
  if (!is_plausible(info.epoch, accepted_))
    return fail("the leader's epoch " + to_string(info.epoch) + " makes no sense", effects);
  epoch_ = info.epoch;
  if (info.epoch > accepted_) {
    effects.push_back(StoreAcceptedEpoch{info.epoch});
  } else if (info.epoch == accepted_) {
    // Promised already, perhaps to another leader: this one must not count it again.
    phase_ = Phase::promised;
    effects.push_back(Send{AckEpoch{std::nullopt, last_}});
  } else {
    fail("the leader's epoch " + to_string(info.epoch) + " is older than this node's promise " + to_string(accepted_),
         effects);
  }
}

void Learner::on_accepted_epoch_stored(Epoch epoch, LearnerEffects& effects) {
  if (phase_ != Phase::connecting) return;
  TROUPE_CHECK(epoch == epoch_, "the promise stored is the one that was asked for");
  accepted_ = epoch;
  phase_ = Phase::promised;
  effects.push_back(Send{AckEpoch{current_, last_}});
}

// --- synchronisation ---

void Learner::handle(const Diff&, LearnerEffects& effects) {
  if (phase_ != Phase::promised) return fail("an unexpected DIFF", effects);
  phase_ = Phase::synchronising;
}

void Learner::handle(const Trunc& trunc, LearnerEffects& effects) {
  if (phase_ != Phase::promised) return fail("an unexpected TRUNC", effects);
  if (trunc.last > last_) return fail("a TRUNC beyond this node's history", effects);
  if (trunc.last < settled_)
    return fail("a TRUNC of what is committed: to " + to_string(trunc.last) + ", this node has committed " +
                    to_string(settled_),
                effects);
  phase_ = Phase::synchronising;
  last_ = durable_ = trunc.last;
  effects.push_back(Truncate{trunc.last});
}

void Learner::handle(const SnapBegin& begin, LearnerEffects& effects) {
  if (phase_ != Phase::promised) return fail("an unexpected SNAP", effects);
  if (begin.zxid < settled_)
    return fail("a snapshot of " + to_string(begin.zxid) + ", this node has committed " + to_string(settled_), effects);
  phase_ = Phase::synchronising;
  snapshot_open_ = snapshot_installing_ = true;
  last_ = begin.zxid;
  progressed_ = heard_;
  effects.push_back(BeginSnapshot{begin.zxid});
}

void Learner::handle(const SnapChunk& chunk, LearnerEffects& effects) {
  if (!snapshot_open_) return fail("entries without a snapshot", effects);
  progressed_ = heard_;
  effects.push_back(SnapshotEntries{chunk.entries});
}

void Learner::handle(const SnapEnd&, LearnerEffects& effects) {
  if (!snapshot_open_) return fail("the end of no snapshot", effects);
  snapshot_open_ = false;
  effects.push_back(EndSnapshot{});
}

void Learner::on_snapshot_installed(Zxid zxid, LearnerEffects& effects) {
  if (phase_ == Phase::failed) return;
  snapshot_installing_ = false;
  durable_ = std::max(durable_, zxid);
  delivered_ = std::max(delivered_, zxid);
  deliver(effects);
}

void Learner::handle(const NewLeader& new_leader, LearnerEffects& effects) {
  if (phase_ != Phase::synchronising || snapshot_open_) return fail("an unexpected NEWLEADER", effects);
  if (new_leader.epoch != epoch_) return fail("NEWLEADER of another epoch", effects);
  effects.push_back(StoreCurrentEpoch{epoch_});
}

void Learner::on_current_epoch_stored(Epoch epoch, LearnerEffects& effects) {
  if (phase_ != Phase::synchronising) return;
  TROUPE_CHECK(epoch == epoch_, "the epoch stored is the one that was asked for");
  current_ = epoch;
  phase_ = Phase::synchronised;
  effects.push_back(Send{AckNewLeader{epoch_}});
  // What was proposed since NEWLEADER may be on disk too by now.
  if (durable_ > Zxid{}) effects.push_back(Send{Ack{durable_}});
}

void Learner::handle(const UpToDate&, LearnerEffects& effects) {
  if (phase_ != Phase::synchronised) return fail("an unexpected UPTODATE", effects);
  phase_ = Phase::serving;
  effects.push_back(Serve{});
}

// --- broadcast ---

void Learner::append(const std::vector<Proposal>& proposals, LearnerEffects& effects) {
  if (phase_ < Phase::synchronising || snapshot_open_) return fail("proposals before the synchronisation", effects);
  progressed_ = heard_;
  for (const auto& proposal : proposals) {
    if (proposal.zxid <= last_) return fail("a proposal out of order", effects);
    // A reign numbers its proposals without gaps, from 1.
    const auto expected = proposal.zxid.epoch() == last_.epoch() ? last_.next() : Zxid::of(proposal.zxid.epoch(), 1);
    if (proposal.zxid != expected) return fail("a proposal is missing before " + to_string(proposal.zxid), effects);
    last_ = proposal.zxid;
  }
  if (!proposals.empty()) effects.push_back(Append{proposals});
}

void Learner::handle(const Proposals& message, LearnerEffects& effects) { append(message.proposals, effects); }

void Learner::handle(const Inform& message, LearnerEffects& effects) {
  append(message.proposals, effects);
  if (phase_ != Phase::failed && !message.proposals.empty()) handle(Commit{message.proposals.back().zxid}, effects);
}

void Learner::handle(const Commit& commit, LearnerEffects& effects) {
  if (phase_ < Phase::synchronising) return fail("a COMMIT before the synchronisation", effects);
  if (commit.zxid > last_) return fail("a COMMIT of what was not proposed", effects);
  committed_ = std::max(committed_, commit.zxid);
  deliver(effects);
}

void Learner::on_durable(Zxid zxid, LearnerEffects& effects) {
  if (phase_ == Phase::failed) return;
  durable_ = std::max(durable_, zxid);
  if (phase_ >= Phase::synchronised) effects.push_back(Send{Ack{durable_}});
  deliver(effects);
}

void Learner::deliver(LearnerEffects& effects) {
  if (snapshot_installing_) return;
  const auto upto = std::min(committed_, durable_);
  if (upto <= delivered_) return;
  delivered_ = upto;
  effects.push_back(Deliver{upto});
}

}  // namespace troupe::zab
