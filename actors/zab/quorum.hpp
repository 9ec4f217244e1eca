// Which sets of nodes may decide. Two quorums of one rule always share a node: that is all that the
// protocol asks of it.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <memory>

#include "schema/types.hpp"

namespace troupe::zab {

/// A set of nodes. Ids are 1 to 255.
class PeerSet {
 public:
  void insert(PeerId peer) { bits_.set(peer.value); }
  void erase(PeerId peer) { bits_.reset(peer.value); }
  bool contains(PeerId peer) const { return bits_.test(peer.value); }
  void insert(const PeerSet& peers) { bits_ |= peers.bits_; }
  std::size_t size() const { return bits_.count(); }
  void clear() { bits_.reset(); }
  std::size_t shared_with(const PeerSet& other) const { return (bits_ & other.bits_).count(); }
  bool includes(const PeerSet& other) const { return (other.bits_ & ~bits_).none(); }
  friend bool operator==(const PeerSet&, const PeerSet&) = default;

 private:
  std::bitset<256> bits_;
};

/// Nodes that are not among the voters never count.
class Quorum {
 public:
  virtual ~Quorum() = default;
  virtual bool contains_quorum(const PeerSet& peers) const = 0;
  virtual const PeerSet& voters() const = 0;
  bool is_voter(PeerId peer) const { return voters().contains(peer); }
};

/// More than half of the voters.
class MajorityQuorum final : public Quorum {
 public:
  explicit MajorityQuorum(PeerSet voters) : voters_(voters) {}
  bool contains_quorum(const PeerSet& peers) const override;
  const PeerSet& voters() const override { return voters_; }

 private:
  PeerSet voters_;
};

/// More than half of the weight in more than half of the groups. A group without weight does not
/// count, a voter without weight decides nothing.
class WeightedQuorum final : public Quorum {
 public:
  struct Vote {
    std::uint32_t group = 0;
    std::uint64_t weight = 1;
  };
  explicit WeightedQuorum(const std::map<PeerId, Vote>& votes);
  bool contains_quorum(const PeerSet& peers) const override;
  const PeerSet& voters() const override { return voters_; }

 private:
  std::map<PeerId, Vote> votes_;
  std::map<std::uint32_t, std::uint64_t> group_weight_;  // of groups with weight
  PeerSet voters_;
};

/// A quorum of each of two ensembles: what decides while the one takes over from the other.
class JointQuorum final : public Quorum {
 public:
  JointQuorum(std::shared_ptr<const Quorum> from, std::shared_ptr<const Quorum> to);
  bool contains_quorum(const PeerSet& peers) const override;
  const PeerSet& voters() const override { return voters_; }

 private:
  std::shared_ptr<const Quorum> from_, to_;
  PeerSet voters_;  // of both
};

}  // namespace troupe::zab
