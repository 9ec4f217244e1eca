// Synchronisation: how each learner is brought up to date, and when the leader is established.
#include "tests/zab/reign.hpp"

namespace troupe::zab {
namespace {

using namespace leader_effect;
using Kind = SyncPlan::Kind;

/// The plan for a learner whose history ends at `last`, of an earlier epoch than the leader's.
BeginSync plan_for(Reign& reign, Zxid last) {
  reign.comes(3);
  reign.promises(3, Epoch{1}, last);
  return the<BeginSync>(reign.effects);
}

TEST_CASE("how a learner is brought up to date depends on where its history ends") {
  // The leader: 1:1 to 1:20, 2:1 to 2:10.
  Reign reign;
  reign.established_with({2});

  SECTION("at the leader's end: DIFF of nothing") {
    const auto sync = plan_for(reign, z(2, 10));
    CHECK(sync.plan.kind == Kind::diff);
    CHECK(sync.plan.from == z(2, 10));
    CHECK(sync.last == z(2, 10));
  }
  SECTION("a little behind: DIFF from there") {
    const auto sync = plan_for(reign, z(2, 4));
    CHECK(sync.plan.kind == Kind::diff);
    CHECK(sync.plan.from == z(2, 4));
  }
  SECTION("at the end of an earlier epoch: DIFF from there") {
    CHECK(plan_for(reign, z(1, 20)).plan.kind == Kind::diff);
  }
  SECTION("with nothing, while the log is whole: DIFF of everything") {
    const auto sync = plan_for(reign, {});
    CHECK(sync.plan.kind == Kind::diff);
    CHECK(sync.plan.from == Zxid{});
  }
  SECTION("ahead in the leader's last epoch: TRUNC to the leader's end") {
    const auto sync = plan_for(reign, z(2, 11));
    CHECK(sync.plan.kind == Kind::trunc);
    CHECK(sync.plan.from == z(2, 10));
  }
  SECTION("ahead in an earlier epoch: TRUNC to that epoch's end") {
    const auto sync = plan_for(reign, z(1, 25));
    CHECK(sync.plan.kind == Kind::trunc);
    CHECK(sync.plan.from == z(1, 20));
  }
  SECTION("behind what is pruned: SNAP") {
    reign.history.prune(z(2, 5));
    CHECK(plan_for(reign, z(2, 4)).plan.kind == Kind::snap);
  }
  SECTION("with nothing, and something is pruned: SNAP") {
    reign.history.prune(z(1, 1));
    CHECK(plan_for(reign, {}).plan.kind == Kind::snap);
  }
  SECTION("exactly where the log begins: DIFF") {
    reign.history.prune(z(2, 5));
    const auto sync = plan_for(reign, z(2, 5));
    CHECK(sync.plan.kind == Kind::diff);
    CHECK(sync.plan.from == z(2, 5));
  }
  SECTION("ahead, and the log is pruned to its end: TRUNC to there") {
    reign.history.prune(z(2, 10));
    const auto sync = plan_for(reign, z(2, 12));
    CHECK(sync.plan.kind == Kind::trunc);
    CHECK(sync.plan.from == z(2, 10));
  }
}

TEST_CASE("a learner that comes back gets this reign's proposals too, on disk or not") {
  Reign reign;
  reign.established_with({2});
  reign.proposes();
  const auto middle = reign.proposes();
  const auto last = reign.proposes();

  SECTION("it had none of them") {
    const auto sync = plan_for(reign, z(2, 10));
    CHECK(sync.plan.kind == Kind::diff);
    CHECK(sync.plan.from == z(2, 10));
    CHECK(sync.last == last);
  }
  SECTION("it had some of them, which the leader's own disk does not have yet") {
    plan_for(reign, z(2, 10));
    reign.loses(3);
    const auto sync = plan_for(reign, middle);
    CHECK(sync.plan.kind == Kind::diff);
    CHECK(sync.plan.from == middle);
    CHECK(sync.last == last);
  }
  SECTION("it has some of this epoch that it cannot have from here: it belongs to another ensemble") {
    reign.comes(3);
    reign.promises(3, std::nullopt, middle);
    CHECK(the<Disconnect>(reign.effects).link == LinkId{3});
    CHECK_FALSE(has<BeginSync>(reign.effects));
  }
}

TEST_CASE("a learner is brought up to date once") {
  Reign reign;
  reign.established_with({2});
  reign.comes(3);
  reign.promises(3);
  CHECK(has<BeginSync>(reign.effects));
  reign.promises(3);
  CHECK_FALSE(has<BeginSync>(reign.effects));
}

TEST_CASE("observers are brought up to date as observers") {
  Reign reign;
  reign.established_with({2});
  reign.comes(9, {2}, true);
  reign.promises(9, Epoch{1}, z(1, 20));
  CHECK(the<BeginSync>(reign.effects).observer);
}

TEST_CASE("nothing is committed before a quorum has the history on disk, the leader included") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  for (const std::uint32_t peer : {2, 3, 4}) reign.comes(peer);
  reign.stores_promise();
  for (const std::uint32_t peer : {2, 3, 4}) reign.promises(peer);
  reign.acks_new_leader(2);
  CHECK(reign.effects.empty());
  reign.acks_new_leader(3);
  CHECK(reign.effects.empty());  // the leader's own epoch is not on disk yet
  reign.stores_epoch();
  CHECK(the<Established>(reign.effects).last == z(2, 10));
  CHECK(the<leader_effect::Commit>(reign.effects).zxid == z(2, 10));
}

TEST_CASE("learners serve when the leader does, and not before: what they ask could not be decided") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  for (const std::uint32_t peer : {2, 3, 4}) reign.comes(peer);
  reign.stores_promise();
  for (const std::uint32_t peer : {2, 3, 4}) reign.promises(peer);
  reign.stores_epoch();
  reign.acks_new_leader(2);
  reign.acks_new_leader(3);
  REQUIRE(reign.leader.broadcasting());
  CHECK(sent<UpToDate>(reign.effects, 2).empty());
  CHECK_FALSE(reign.leader.serves({2}));
  reign.serves();
  CHECK(sent<UpToDate>(reign.effects, 2).size() == 1);
  CHECK(sent<UpToDate>(reign.effects, 3).size() == 1);
  CHECK(sent<UpToDate>(reign.effects, 4).empty());
  CHECK(reign.leader.serves({2}));
  CHECK_FALSE(reign.leader.serves({4}));
  reign.acks_new_leader(4);
  CHECK(sent<UpToDate>(reign.effects, 4).size() == 1);
  CHECK(reign.leader.serves({4}));
}

TEST_CASE("acknowledgements of records do not establish a leader") {
  Reign reign;
  reign.comes(2);
  reign.stores_promise();
  reign.promises(2);
  reign.stores_epoch();
  reign.acks(2, z(2, 10));
  CHECK(reign.effects.empty());
  CHECK_FALSE(reign.leader.broadcasting());
}

TEST_CASE("an observer does not help to establish a leader") {
  Reign reign;
  reign.comes(2);
  reign.comes(9, {2}, true);
  reign.stores_promise();
  reign.promises(2);
  reign.promises(9);
  reign.stores_epoch();
  reign.acks_new_leader(9);
  CHECK_FALSE(reign.leader.broadcasting());
  reign.acks_new_leader(2);
  CHECK(reign.leader.broadcasting());
  reign.serves();
  CHECK(sent<UpToDate>(reign.effects, 9).size() == 1);
}

TEST_CASE("NEWLEADER of another epoch, or without a synchronisation, is acknowledged in vain") {
  Reign reign;
  reign.comes(2);
  reign.comes(3);
  reign.stores_promise();
  reign.promises(2);
  reign.stores_epoch();
  reign.acks_new_leader(2, {2});
  CHECK_FALSE(reign.leader.broadcasting());
  reign.acks_new_leader(3);
  CHECK_FALSE(reign.leader.broadcasting());
}

TEST_CASE("a learner that has synchronised later serves at once") {
  Reign reign;
  reign.established_with({2});
  reign.joins(3);
  CHECK(sent<UpToDate>(reign.effects, 3).size() == 1);
  CHECK_FALSE(has<Established>(reign.effects));
}

TEST_CASE("weights decide who is a quorum in every phase") {
  // Node 2 alone weighs more than the rest.
  const auto quorum = std::make_shared<WeightedQuorum>(
      std::map<PeerId, WeightedQuorum::Vote>{{{1}, {0, 1}}, {{2}, {0, 5}}, {{3}, {0, 1}}, {{4}, {0, 0}}});
  Reign reign({.quorum = quorum});
  reign.comes(3);
  reign.comes(4);
  CHECK(reign.leader.phase() == Leader::Phase::discovering);
  reign.comes(2);
  CHECK(reign.leader.phase() == Leader::Phase::promising);
  reign.stores_promise();
  for (const std::uint32_t peer : {3, 4}) reign.promises(peer);
  CHECK(reign.leader.phase() == Leader::Phase::awaiting_promises);
  reign.promises(2);
  CHECK(reign.leader.phase() == Leader::Phase::synchronising);
  reign.stores_epoch();
  for (const std::uint32_t peer : {3, 4}) reign.acks_new_leader(peer);
  CHECK_FALSE(reign.leader.broadcasting());
  reign.acks_new_leader(2);
  REQUIRE(reign.leader.broadcasting());

  const auto zxid = reign.proposes();
  reign.durable(zxid);
  for (const std::uint32_t peer : {3, 4}) {
    reign.acks(peer, zxid);
    CHECK_FALSE(has<leader_effect::Commit>(reign.effects));
  }
  reign.acks(2, zxid);
  CHECK(the<leader_effect::Commit>(reign.effects).zxid == zxid);
}

TEST_CASE("weights of groups: a majority in a majority of the groups") {
  const auto quorum = std::make_shared<WeightedQuorum>(std::map<PeerId, WeightedQuorum::Vote>{
      {{1}, {1, 1}}, {{2}, {1, 1}}, {{3}, {2, 1}}, {{4}, {2, 1}}, {{5}, {3, 1}}, {{6}, {3, 1}}});
  Reign reign({.quorum = quorum});
  for (const std::uint32_t peer : {3, 5}) reign.comes(peer);  // one of each group: a majority of none
  CHECK(reign.leader.phase() == Leader::Phase::discovering);
  reign.comes(2);
  reign.comes(4);
  CHECK(reign.leader.phase() == Leader::Phase::promising);
}

}  // namespace
}  // namespace troupe::zab
