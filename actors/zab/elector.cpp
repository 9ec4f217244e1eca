#include "actors/zab/elector.hpp"

namespace troupe::zab {

Elector::Elector(const ElectorOptions& options, std::shared_ptr<const Quorum> quorum)
    : options_(options), quorum_(std::move(quorum)) {}

Notification Elector::notification() const {
  return {options_.self, state_, round_, vote_, configured_, configuration_};
}

void Elector::configure(std::shared_ptr<const Quorum> quorum, const PeerSet& members, Zxid since, const Bytes& txn) {
  quorum_ = std::move(quorum);
  members_ = members;
  others_.clear();
  configured_ = since;
  configuration_ = txn;
  if (state_ == PeerState::following && !voter()) state_ = PeerState::observing;
  if (state_ == PeerState::observing && voter()) state_ = PeerState::following;
}

void Elector::on_elected_for_nothing(PeerId candidate, std::int64_t now) {
  auto& failure = failures_[candidate];
  if (++failure.times >= 2) failure.until = now + options_.last_ms;
}

bool Elector::comes_last(PeerId candidate, std::int64_t now) const {
  const auto failure = failures_.find(candidate);
  return failure != failures_.end() && now < failure->second.until;
}

void Elector::look(Epoch current_epoch, Zxid last, std::int64_t now, Effects& effects) {
  state_ = PeerState::looking;
  started_ = true;
  ++round_;
  // Below every other vote, where it stands for nobody.
  own_ = stands() ? Vote{current_epoch, last, options_.self} : Vote{};
  vote_ = own_;
  received_.clear();
  settled_.clear();
  agreed_since_.reset();
  next_resend_ = now + options_.resend_ms;
  if (voter()) received_[options_.self] = vote_;
  broadcast(effects);
  try_to_decide(now, effects);  // a node alone has its quorum already
}

void Elector::broadcast(Effects& effects) const {
  for (std::uint32_t id = 1; id < 256; ++id) {
    const bool asked = quorum_->is_voter({id}) || others_.contains({id});
    if (PeerId{id} != options_.self && asked) effects.send.emplace_back(PeerId{id}, notification());
  }
}

void Elector::on_notification(const Notification& n, std::int64_t now, Effects& effects) {
  if (!started_ || n.sender == options_.self) return;
  if (state_ != PeerState::looking) {
    if (n.state == PeerState::looking) effects.send.emplace_back(n.sender, notification());
    return;
  }
  if (n.state == PeerState::leading && n.vote.leader == n.sender && n.configured != configured_) {
    round_ = n.round;
    return decide(n.vote, effects);
  }
  if (!quorum_->is_voter(n.sender)) {  // an observer asks whom to follow
    if (n.state == PeerState::looking) effects.send.emplace_back(n.sender, notification());
    return;
  }
  unreachable_.erase(n.sender);
  if (n.state == PeerState::looking) {
    on_looking_peer(n, now, effects);
  } else if (n.state == PeerState::following || n.state == PeerState::leading) {
    on_settled_peer(n, effects);
  }
}

void Elector::on_looking_peer(const Notification& n, std::int64_t now, Effects& effects) {
  settled_.erase(n.sender);
  // Who is no voter here may be answered likewise by each other one: it repeats its vote at its time alone.
  const bool answers = voter();
  if (n.round < round_) {
    if (answers) effects.send.emplace_back(n.sender, notification());  // so that it joins this round
    return;
  }
  if (n.round > round_) {
    round_ = n.round;
    received_.clear();
    agreed_since_.reset();
    vote_ = std::max(own_, n.vote, [&](const Vote& a, const Vote& b) { return rank(a, now) < rank(b, now); });
    if (voter()) received_[options_.self] = vote_;
    broadcast(effects);
  } else if (rank(n.vote, now) > rank(vote_, now)) {
    adopt(n.vote, now, effects);
  } else if (n.vote < vote_ && answers) {
    effects.send.emplace_back(n.sender, notification());  // it may not have heard of the better one
  }
  received_[n.sender] = n.vote;
  try_to_decide(now, effects);
}

void Elector::on_settled_peer(const Notification& n, Effects& effects) {
  settled_[n.sender] = n;
  const bool own = n.vote.leader == options_.self;
  if (own && n.round != round_) return;  // it follows what this node was once
  // Join a leader that a quorum follows and that says itself that it leads. In which round each of
  // them found it is of no matter: a follower that lost it for a while and came back is in a later one.
  const auto leader = settled_.find(n.vote.leader);
  if (!own && (leader == settled_.end() || leader->second.state != PeerState::leading)) return;
  PeerSet followers;
  for (const auto& [peer, other] : settled_) {
    if (other.vote.leader == n.vote.leader && (!own || other.round == round_)) followers.insert(peer);
  }
  if (n.round == round_) {
    for (const auto& [peer, vote] : received_) {
      if (vote.leader == n.vote.leader) followers.insert(peer);
    }
  }
  if (!quorum_->contains_quorum(followers)) return;
  if (!own) round_ = leader->second.round;
  decide(own ? n.vote : leader->second.vote, effects);
}

void Elector::adopt(const Vote& vote, std::int64_t now, Effects& effects) {
  vote_ = vote;
  agreed_since_.reset();
  next_resend_ = now + options_.resend_ms;
  if (voter()) received_[options_.self] = vote_;
  broadcast(effects);
}

bool Elector::all_reachable_agree() const {
  for (std::uint32_t id = 1; id < 256; ++id) {
    const PeerId peer{id};
    if (!quorum_->is_voter(peer) || unreachable_.contains(peer)) continue;
    const auto vote = received_.find(peer);
    if (vote == received_.end() || vote->second != vote_) return false;
  }
  return true;
}

void Elector::try_to_decide(std::int64_t now, Effects& effects) {
  PeerSet agreeing;
  for (const auto& [peer, vote] : received_) {
    if (vote == vote_) agreeing.insert(peer);
  }
  if (!quorum_->contains_quorum(agreeing)) {
    agreed_since_.reset();
    return;
  }
  if (!agreed_since_) agreed_since_ = now;
  if (all_reachable_agree() || now - *agreed_since_ >= options_.settle_ms) decide(vote_, effects);
}

void Elector::decide(const Vote& vote, Effects& effects) {
  vote_ = vote;
  state_ = vote.leader == options_.self ? PeerState::leading : voter() ? PeerState::following : PeerState::observing;
  agreed_since_.reset();
  effects.decided = vote;
}

void Elector::on_reachable(PeerId peer, bool reachable, std::int64_t now, Effects& effects) {
  if (!reachable) {
    unreachable_.insert(peer);
  } else {
    unreachable_.erase(peer);
    // What was sent before the connection stood is lost.
    if (started_ && state_ == PeerState::looking) effects.send.emplace_back(peer, notification());
  }
  if (started_ && state_ == PeerState::looking) try_to_decide(now, effects);
}

void Elector::announce(std::int64_t now, Effects& effects) {
  if (now < next_announcement_) return;
  next_announcement_ = now + options_.announce_ms;
  for (std::uint32_t id = 1; id < 256; ++id) {
    if (PeerId{id} != options_.self && members_.contains({id})) effects.send.emplace_back(PeerId{id}, notification());
  }
}

void Elector::tick(std::int64_t now, Effects& effects) {
  if (started_ && state_ == PeerState::leading) return announce(now, effects);
  if (!started_ || state_ != PeerState::looking) return;
  try_to_decide(now, effects);
  if (state_ == PeerState::looking && now >= next_resend_) {
    next_resend_ = now + options_.resend_ms;
    broadcast(effects);
  }
}

}  // namespace troupe::zab
