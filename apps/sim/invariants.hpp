// The invariants of ZAB, checked on the nodes' disks and trees after every step that changed them.
//
// Of one state: promises do not fall and are never below the epoch followed; a tree is not ahead of
// its log; one leader serves in an epoch; what is delivered anywhere is on the disks of a quorum, of the
// configuration in force then, which is two while one takes over from the other.
// Of two states, of two nodes or of one node at two times: histories agree (if two logs hold the same
// zxid, they hold the same before it); what was delivered stays; a leader that serves has it all.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "actors/configuration.hpp"
#include "apps/sim/history.hpp"
#include "apps/sim/sim_node.hpp"

namespace troupe::sim {

class Invariants {
 public:
  /// `founding`: the configuration in the files of the nodes that begin.
  Invariants(History& history, EnsembleConfig founding)
      : history_(history), founding_(Configuration::of_file(std::move(founding))) {}

  /// A node has applied a batch. Throws Violation.
  void on_applied(SimNode& node, const Applied& applied);
  /// A node has started again: what its disk holds may have shrunk to what was flushed.
  void on_started(SimNode& node);
  /// After every step. Throws Violation.
  void check(SimNode& node);
  /// What a node's disk holds, as of the last step.
  Zxid disk_end(PeerId peer) const;
  /// The last configuration on it.
  const Configuration& configuration(PeerId peer) const;
  /// Whether these are a quorum by a configuration that may be in force at a node that leads: the last on its
  /// disk, or one that it has proposed since, which others may have on theirs before.
  bool may_decide(PeerId leader, const zab::PeerSet& peers) const;
  Epoch accepted_epoch(PeerId peer) const;
  Epoch current_epoch(PeerId peer) const;
  /// Throws Violation unless a quorum has the transaction on disk, or will once `these` have.
  void check_quorum_holds(Zxid zxid, const zab::PeerSet& these = {}) const;

 private:
  /// What is known to be on a node's disk.
  struct Disk {
    Zxid base;                              // everything up to here is in a checkpoint
    std::map<Zxid, std::uint64_t> records;  // hashes, after base
    Epoch accepted, current;
    Zxid last;
    std::map<Zxid, std::shared_ptr<const Configuration>> configurations;
  };

  void read_log(SimNode& node, Disk& disk);
  void read_configurations(SimNode& node, Disk& disk, Zxid from, const std::vector<Proposal>& records);
  const Configuration& configuration_at(Zxid zxid) const;
  zab::PeerSet holders(Zxid zxid) const;
  bool activated_behind(Zxid zxid) const;
  /// On disk, with the vote of its epoch: who votes by an earlier one may be led by who does not have it.
  bool holds(const Disk& disk, Zxid zxid) const {
    return disk.current >= zxid.epoch() && (disk.base >= zxid || disk.records.contains(zxid));
  }
  void check_agreement(PeerId peer, const Disk& disk, Zxid from);

  History& history_;
  std::shared_ptr<const Configuration> founding_;
  std::map<PeerId, Disk> disks_;
  std::map<PeerId, Zxid> applied_;
  std::map<Epoch, PeerId> leaders_;
  Zxid quorum_checked_;
};

}  // namespace troupe::sim
