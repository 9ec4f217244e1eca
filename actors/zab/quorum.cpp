#include "actors/zab/quorum.hpp"

#include <utility>

namespace troupe::zab {

bool MajorityQuorum::contains_quorum(const PeerSet& peers) const {
  return voters_.shared_with(peers) > voters_.size() / 2;
}

WeightedQuorum::WeightedQuorum(const std::map<PeerId, Vote>& votes) : votes_(votes) {
  for (const auto& [peer, vote] : votes_) {
    voters_.insert(peer);
    if (vote.weight > 0) group_weight_[vote.group] += vote.weight;
  }
}

bool WeightedQuorum::contains_quorum(const PeerSet& peers) const {
  std::map<std::uint32_t, std::uint64_t> present;
  for (const auto& [peer, vote] : votes_) {
    if (peers.contains(peer)) present[vote.group] += vote.weight;
  }
  std::size_t groups = 0;
  for (const auto& [group, weight] : group_weight_) groups += present[group] > weight / 2;
  return groups > group_weight_.size() / 2;
}

JointQuorum::JointQuorum(std::shared_ptr<const Quorum> from, std::shared_ptr<const Quorum> to)
    : from_(std::move(from)), to_(std::move(to)), voters_(from_->voters()) {
  voters_.insert(to_->voters());
}

bool JointQuorum::contains_quorum(const PeerSet& peers) const {
  return from_->contains_quorum(peers) && to_->contains_quorum(peers);
}

}  // namespace troupe::zab
