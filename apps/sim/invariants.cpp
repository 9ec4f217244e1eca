#include "apps/sim/invariants.hpp"

#include <functional>

namespace troupe::sim {
namespace {
std::uint64_t hash_of(const Proposal& proposal) { return std::hash<std::string_view>{}(proposal.txn.view()); }
}  // namespace

void Invariants::on_started(SimNode& node) {
  auto& disk = disks_[node.id()];
  const auto& log = node.data().log();
  if (log.accepted_epoch() < disk.accepted) throw Violation(node.name() + " forgot a promise");
  if (log.current_epoch() < disk.current) throw Violation(node.name() + " forgot its epoch");
  if (log.last() < disk.last) {
    throw Violation(node.name() + " came back with a history up to " + to_string(log.last()) + ", it had had " +
                    to_string(disk.last));
  }
  disk.records.clear();
  disk.base = log.base();
  disk.last = log.base();
  read_log(node, disk);
  applied_[node.id()] = node.data().tree().applied();
  const auto applied = applied_[node.id()];
  if (applied != Zxid{} && history_.find(applied) == nullptr) {
    throw Violation(node.name() + " came back with a tree at " + to_string(applied) + ", which nobody delivered");
  }
}

void Invariants::read_log(SimNode& node, Disk& disk) {
  const auto& log = node.data().log();
  if (log.base() > disk.base) {
    disk.base = log.base();
    disk.records.erase(disk.records.begin(), disk.records.upper_bound(disk.base));
  }
  // From the last known record but one on, if the last one is still the same; otherwise all: one
  // flush may truncate and append.
  Zxid from = disk.base;
  if (disk.records.size() > 1) {
    const auto known = disk.records.rbegin();
    from = std::next(known)->first;
    const auto now = log.read(from, 1);
    if (now.empty() || now.front().zxid != known->first || hash_of(now.front()) != known->second) from = disk.base;
  }
  disk.records.erase(disk.records.upper_bound(from), disk.records.end());
  const auto records = log.read(from, ~std::size_t{0});
  for (const auto& record : records) disk.records[record.zxid] = hash_of(record);
  read_configurations(node, disk, from, records);
  disk.last = log.last();
  check_agreement(node.id(), disk, from);
}

/// By the records, whatever the log itself says; it must say the same.
void Invariants::read_configurations(SimNode& node, Disk& disk, Zxid from, const std::vector<Proposal>& records) {
  auto& known = disk.configurations;
  known.erase(known.upper_bound(from), known.end());
  // Up to the base all is committed, whatever this disk held there before a snapshot came.
  known.erase(known.begin(), known.upper_bound(disk.base));
  if (auto committed = history_.configuration_at(disk.base)) known.emplace(committed->since, std::move(committed));
  for (const auto& record : records) {
    if (sets_configuration(record)) known[record.zxid] = Configuration::of_txn(record.txn);
  }
  const auto told = node.data().log().configuration();
  if (told.empty()) return;
  const auto last = Configuration::of_txn(told);
  if (last->since <= disk.base) known.emplace(last->since, last);
  if (known.empty() || known.rbegin()->first != last->since || known.rbegin()->second->txn != last->txn) {
    throw Violation("the log of " + node.name() + " has the configuration of " + to_string(last->since) +
                    " in force, its history ends with " + (known.empty() ? "none" : to_string(known.rbegin()->first)));
  }
}

const Configuration& Invariants::configuration(PeerId peer) const {
  const auto found = disks_.find(peer);
  if (found == disks_.end() || found->second.configurations.empty()) return *founding_;
  return *found->second.configurations.rbegin()->second;
}

bool Invariants::may_decide(PeerId leader, const zab::PeerSet& peers) const {
  // The activation may be proposed and on nobody's disk yet, once the joint step is committed.
  const auto decide = [&](const Configuration& configuration) {
    return configuration.quorum()->contains_quorum(peers) ||
           (configuration.joint() && configuration.next->quorum()->contains_quorum(peers) &&
            configuration.quorum()->contains_quorum(holders(configuration.since)));
  };
  const auto& own = configuration(leader);
  if (decide(own)) return true;
  for (const auto& [peer, disk] : disks_) {
    for (auto later = disk.configurations.upper_bound(own.since); later != disk.configurations.end(); ++later) {
      if (decide(*later->second)) return true;
    }
  }
  return false;
}

/// In force at a transaction: all that hold it agree on what came before it.
const Configuration& Invariants::configuration_at(Zxid zxid) const {
  for (const auto& [peer, disk] : disks_) {
    if (!disk.records.contains(zxid)) continue;
    const auto after = disk.configurations.upper_bound(zxid);
    if (after != disk.configurations.begin()) return *std::prev(after)->second;
  }
  return *founding_;
}

zab::PeerSet Invariants::holders(Zxid zxid) const {
  zab::PeerSet holders;
  for (const auto& [peer, disk] : disks_) {
    if (holds(disk, zxid)) holders.insert(peer);
  }
  return holders;
}

void Invariants::check_agreement(PeerId peer, const Disk& disk, Zxid from) {
  for (const auto& [other_peer, other] : disks_) {
    if (other_peer == peer) continue;
    // The last zxid that both hold: up to there both must hold the same.
    auto mine = disk.records.rbegin();
    while (mine != disk.records.rend() && mine->first > from && !other.records.contains(mine->first)) ++mine;
    for (; mine != disk.records.rend() && mine->first > from && mine->first > other.base; ++mine) {
      const auto theirs = other.records.find(mine->first);
      if (theirs == other.records.end() || theirs->second != mine->second) {
        throw Violation("the logs of node " + to_string(peer) + " and node " + to_string(other_peer) + " disagree at " +
                        to_string(mine->first) + " and agree later");
      }
    }
  }
}

void Invariants::check_quorum_holds(Zxid zxid, const zab::PeerSet& these) const {
  const auto& configuration = configuration_at(zxid);
  auto having = holders(zxid);
  having.insert(these);
  if (configuration.quorum()->contains_quorum(having)) return;
  if (!(configuration.joint() && zxid != configuration.since && activated_behind(zxid))) {
    std::string where;
    for (const auto& [peer, disk] : disks_) {
      where += "; node " + to_string(peer) + " has " + to_string(disk.base) + " and " +
               std::to_string(disk.records.size()) + " records up to " + to_string(disk.last);
    }
    throw Violation(to_string(zxid) + " is committed, and no quorum has it on disk" + where);
  }
}

/// Whether the next step after the transaction, on a disk that holds both, is an activation, and committed: then so
/// is what lies before it.
bool Invariants::activated_behind(Zxid zxid) const {
  for (const auto& [peer, disk] : disks_) {
    const auto next = disk.configurations.upper_bound(zxid);
    if (!disk.records.contains(zxid) || next == disk.configurations.end() || next->second->joint()) continue;
    return next->second->quorum()->contains_quorum(holders(next->first));
  }
  return false;
}

void Invariants::on_applied(SimNode& node, const Applied& applied) {
  auto& last = applied_[node.id()];
  const auto& log = node.data().log();
  const Zxid upto = applied.view->zxid();
  if (upto < last) throw Violation(node.name() + " went back from " + to_string(last) + " to " + to_string(upto));
  if (log.last() < upto) throw Violation("the tree of " + node.name() + " is ahead of its log");
  check(node);
  const bool jumped = applied.batch->outcomes.empty() && upto > last && log.base() >= upto;
  if (jumped || last < log.base()) {  // a snapshot, or pruned before this was looked at
    if (history_.find(upto) == nullptr && upto != Zxid{})
      throw Violation(node.name() + " took a snapshot at " + to_string(upto) + ", which nobody delivered");
    last = upto;
  } else {
    for (const auto& proposal : log.read(last, ~std::size_t{0}, upto)) {
      history_.deliver(node.name(), last, proposal);
      last = proposal.zxid;
      if (proposal.zxid > quorum_checked_) {
        quorum_checked_ = proposal.zxid;
        check_quorum_holds(proposal.zxid);
      }
    }
  }
  history_.check_digest(node.name(), upto, applied.view->digest());
}

void Invariants::check(SimNode& node) {
  auto& disk = disks_[node.id()];
  const auto& log = node.data().log();
  if (log.accepted_epoch() < disk.accepted) throw Violation(node.name() + " took a promise back");
  if (log.current_epoch() < disk.current) throw Violation(node.name() + " went back to an earlier epoch");
  if (log.current_epoch() > log.accepted_epoch())
    throw Violation(node.name() + " follows an epoch that it never promised");
  disk.accepted = log.accepted_epoch();
  disk.current = log.current_epoch();
  if (log.last() != disk.last || log.base() != disk.base) read_log(node, disk);

  const auto& status = node.status();
  if (status.role != zab::PeerState::leading || !status.serving) return;
  const auto [known, first] = leaders_.emplace(status.epoch, node.id());
  if (known->second != node.id()) {
    throw Violation("two leaders in epoch " + to_string(status.epoch) + ": node " + to_string(known->second) + " and " +
                    node.name());
  }
  if (!first) return;
  for (const auto& delivered : history_.all()) {
    if (delivered.zxid.epoch() < status.epoch && !holds(disk, delivered.zxid)) {
      throw Violation(node.name() + " leads epoch " + to_string(status.epoch) + " without " +
                      to_string(delivered.zxid) + ", which was delivered");
    }
  }
}

Zxid Invariants::disk_end(PeerId peer) const {
  const auto found = disks_.find(peer);
  return found == disks_.end() ? Zxid{} : found->second.last;
}

Epoch Invariants::accepted_epoch(PeerId peer) const {
  const auto found = disks_.find(peer);
  return found == disks_.end() ? Epoch{} : found->second.accepted;
}

Epoch Invariants::current_epoch(PeerId peer) const {
  const auto found = disks_.find(peer);
  return found == disks_.end() ? Epoch{} : found->second.current;
}

}  // namespace troupe::sim
