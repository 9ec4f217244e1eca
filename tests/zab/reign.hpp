// A bench for zab::Leader: the leader of a test, node 1 unless said otherwise; the test plays its
// learners, its disk and its clock. A learner's link has the learner's number.
#pragma once

#include <algorithm>
#include <set>

#include "tests/zab/effects.hpp"

namespace troupe::zab {

/// A durable log, for the leader's questions.
class TestHistory : public History {
 public:
  Zxid base() const override { return base_; }
  std::optional<Zxid> floor(Zxid zxid) const override {
    if (zxid < base_) return std::nullopt;
    const auto above = zxids_.upper_bound(zxid);
    return above == zxids_.begin() ? base_ : *std::prev(above);
  }
  void add(Zxid first, Zxid last) {
    for (auto zxid = first; zxid <= last; zxid = zxid.next()) zxids_.insert(zxid);
  }
  void prune(Zxid upto) {
    base_ = upto;
    zxids_.erase(zxids_.begin(), zxids_.upper_bound(upto));
  }

 private:
  Zxid base_;
  std::set<Zxid> zxids_;
};

struct ReignSetup {
  std::uint32_t self = 1;
  std::shared_ptr<const Quorum> quorum = majority({1, 2, 3});
  Epoch accepted{2}, current{2};
  Zxid last = z(2, 10);
  std::uint32_t observer = 9;  // a member without a vote
};

/// A leader whose history is 1:1 to 1:20 and 2:1 to `last`.
class Reign {
 public:
  using Setup = ReignSetup;

  explicit Reign(const Setup& setup = {})
      : setup_(setup),
        leader({.self = {setup.self},
                .members = set_of({setup.observer}),
                .init_timeout_ms = 20'000,
                .failure_timeout_ms = 1'000},
               setup.quorum, history, setup.accepted, setup.current, setup.last, 0) {
    history.add(z(1, 1), z(1, 20));
    history.add(z(2, 1), std::min(setup.last, z(2, 100)));
    leader.start(effects);
  }

  // Each replaces `effects` by what came of it.
  void comes(std::uint32_t peer, Epoch accepted = {2}, bool observer = false, std::uint64_t link = 0) {
    effects.clear();
    leader.on_follower_info({link != 0 ? link : peer}, {{peer}, observer, accepted, ""}, now, effects);
  }
  void promises(std::uint32_t peer, std::optional<Epoch> current = Epoch{2}, Zxid last = z(2, 10)) {
    effects.clear();
    leader.on_ack_epoch({peer}, {current, last}, now, effects);
  }
  void acks_new_leader(std::uint32_t peer, Epoch epoch) {
    effects.clear();
    leader.on_ack_new_leader({peer}, {epoch}, now, effects);
  }
  void acks_new_leader(std::uint32_t peer) { acks_new_leader(peer, leader.epoch()); }
  void acks(std::uint32_t peer, Zxid durable) {
    effects.clear();
    leader.on_ack({peer}, {durable}, now, effects);
  }
  void stores_promise() {
    effects.clear();
    leader.on_accepted_epoch_stored(leader.epoch(), effects);
  }
  void stores_epoch() {
    effects.clear();
    leader.on_current_epoch_stored(leader.epoch(), effects);
  }
  void serves() {
    effects.clear();
    leader.on_serving(effects);
  }
  void durable(Zxid zxid) {
    effects.clear();
    leader.on_durable(zxid, effects);
  }
  void loses(std::uint32_t peer) {
    effects.clear();
    leader.on_link_down({peer}, now, effects);
  }
  void ticks(std::int64_t at) {
    now = at;
    effects.clear();
    leader.tick(now, effects);
  }
  /// Proposes the next transaction; returns its zxid.
  Zxid proposes() {
    effects.clear();
    const auto zxid = leader.next_zxid();
    leader.propose(proposal(zxid), effects);
    return zxid;
  }

  /// A learner goes all the way from its connection to NEWLEADER's acknowledgement.
  void joins(std::uint32_t peer, bool observer = false, Zxid last = z(2, 10)) {
    comes(peer, {2}, observer);
    promises(peer, Epoch{2}, last);
    acks_new_leader(peer);
  }
  /// Established with the followers given.
  void established_with(std::initializer_list<std::uint32_t> followers) {
    for (const auto peer : followers) comes(peer);
    if (followers.size() != 0) stores_promise();
    for (const auto peer : followers) promises(peer);
    stores_epoch();
    for (const auto peer : followers) acks_new_leader(peer);
    REQUIRE(leader.broadcasting());
    serves();
  }
  bool stepped_down() const { return leader.phase() == Leader::Phase::stepped_down; }

 private:
  Setup setup_;

 public:
  TestHistory history;
  Leader leader;
  LeaderEffects effects;
  std::int64_t now = 0;
};

}  // namespace troupe::zab
