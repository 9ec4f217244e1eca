// A whole ensemble of the protocol's cores, without actors, network or disk: messages wait in queues,
// writes to the disks wait in queues, and one seed decides which of them moves next, who crashes and
// which connection breaks. After each step the promises of ZAB are checked.
//
//   link: first in first out in each direction, until it breaks
//   notifications: in any order, some are lost
//   disk: first in first out; what waits is lost with a crash, what was done is not
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "actors/zab/elector.hpp"
#include "tests/zab/effects.hpp"

namespace troupe::zab {

class Cluster {
 public:
  /// Nodes 1 to `voters` vote, `observers` more look on.
  Cluster(std::uint64_t seed, std::uint32_t voters, std::uint32_t observers);
  ~Cluster();

  /// One thing happens. With `faults`, it may be a crash, a restart, a broken connection or a lost vote.
  void step(bool faults);
  /// Starts every node that is down.
  void start_all();
  /// Every node is up, follows one leader and has delivered all that was proposed and not lost.
  bool agreed() const;

  // The first broken promise, empty if there is none.
  const std::string& violation() const { return violation_; }
  // What happened, so that a test can tell that it tested something.
  std::size_t delivered() const { return history_.size(); }
  std::size_t reigns() const { return leaders_.size(); }
  std::size_t plans(SyncPlan::Kind kind) const { return plans_[static_cast<std::size_t>(kind)]; }

 private:
  struct Node;
  struct Link;

  std::uint64_t random(std::uint64_t below) { return random_() % below; }
  void violated(const std::string& what);

  void start(Node& node);
  void crash(Node& node);
  void tick();
  void propose();
  bool deliver_notification(bool faults);
  bool deliver_message();
  bool write_disk();

  void look(Node& node);
  void decided(Node& node, const Vote& vote);
  void end_role(Node& node);
  void break_link(Link& link);
  void perform(Node& node, const Elector::Effects& effects);
  void perform(Node& node, LeaderEffects effects);
  void perform(Node& node, LearnerEffects effects);
  void begin_stream(Node& node, const leader_effect::BeginSync& sync);
  void deliver(Node& node, Zxid upto);
  void check_established(Node& node, Epoch epoch);
  void check_committed(Zxid zxid);

  std::mt19937_64 random_;
  std::shared_ptr<const Quorum> quorum_;
  std::int64_t now_ = 0;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::pair<PeerId, Notification>> notifications_;
  std::map<std::uint64_t, std::unique_ptr<Link>> links_;
  std::uint64_t next_link_ = 1;
  std::uint64_t next_value_ = 1;

  std::vector<Proposal> history_;       // what was delivered anywhere, in order
  std::map<Zxid, std::size_t> places_;  // in history_
  std::map<Epoch, PeerId> leaders_;     // that were established
  std::size_t plans_[3] = {0, 0, 0};
  std::string violation_;
};

}  // namespace troupe::zab
