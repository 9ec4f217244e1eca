// Discovery: how a prospective leader gets its epoch, and proves that it may lead.
#include "tests/zab/reign.hpp"

namespace troupe::zab {
namespace {

using namespace leader_effect;
using Phase = Leader::Phase;

TEST_CASE("a prospective leader waits for a quorum before it chooses an epoch") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  CHECK(reign.effects.empty());
  reign.comes(2);
  CHECK(reign.effects.empty());
  reign.comes(3);
  CHECK(the<StoreAcceptedEpoch>(reign.effects).epoch == Epoch{3});
}

TEST_CASE("the new epoch is later than every promise of the quorum, the own one included") {
  SECTION("a follower has promised more") {
    Reign reign;
    reign.comes(2, {7});
    CHECK(the<StoreAcceptedEpoch>(reign.effects).epoch == Epoch{8});
  }
  SECTION("the leader has promised more") {
    Reign reign({.accepted = {9}});
    reign.comes(2, {7});
    CHECK(the<StoreAcceptedEpoch>(reign.effects).epoch == Epoch{10});
  }
  SECTION("a node that is no member has promised more: that is no business of this ensemble") {
    Reign reign;
    reign.comes(8, {11});
    CHECK(the<Disconnect>(reign.effects).link == LinkId{8});
    reign.comes(2, {7});
    CHECK(the<StoreAcceptedEpoch>(reign.effects).epoch == Epoch{8});
  }
  SECTION("an observer has promised more: it would not follow otherwise") {
    Reign reign;
    reign.comes(9, {11}, true);
    CHECK(reign.effects.empty());
    reign.comes(2, {7});
    CHECK(the<StoreAcceptedEpoch>(reign.effects).epoch == Epoch{12});
  }
}

TEST_CASE("the epoch is told to nobody before the leader's own promise is on disk") {
  Reign reign;
  reign.comes(2);
  CHECK(sent<LeaderInfo>(reign.effects, 2).empty());
  reign.comes(3);
  CHECK(sent<LeaderInfo>(reign.effects, 3).empty());
  reign.stores_promise();
  REQUIRE(sent<LeaderInfo>(reign.effects, 2).size() == 1);
  CHECK(sent<LeaderInfo>(reign.effects, 2).front().epoch == Epoch{3});
  CHECK(sent<LeaderInfo>(reign.effects, 3).size() == 1);
}

TEST_CASE("who comes later is told the epoch at once") {
  Reign reign;
  reign.comes(2);
  reign.stores_promise();
  reign.comes(3);
  REQUIRE(sent<LeaderInfo>(reign.effects, 3).size() == 1);
  CHECK(sent<LeaderInfo>(reign.effects, 3).front().epoch == Epoch{3});
}

TEST_CASE("discovery ends when a quorum has promised") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  reign.comes(2);
  reign.comes(3);
  reign.stores_promise();
  reign.promises(2);
  CHECK(reign.leader.phase() == Phase::awaiting_promises);
  CHECK(reign.effects.empty());
  reign.promises(3);
  CHECK(reign.leader.phase() == Phase::synchronising);
  CHECK(the<StoreCurrentEpoch>(reign.effects).epoch == Epoch{3});
  CHECK(all<BeginSync>(reign.effects).size() == 2);
}

TEST_CASE("a promise that was made before to another leader does not count") {
  Reign reign;
  reign.comes(2, {2});
  reign.stores_promise();
  reign.promises(2, std::nullopt);
  CHECK(reign.leader.phase() == Phase::awaiting_promises);
  CHECK(reign.effects.empty());
  reign.comes(3);
  reign.promises(3);
  CHECK(reign.leader.phase() == Phase::synchronising);
  // Once there is a quorum of others, it may follow like any.
  CHECK(all<BeginSync>(reign.effects).size() == 2);
}

TEST_CASE("a promise counts although its follower lost the connection since") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  reign.comes(2);
  reign.comes(3);
  reign.stores_promise();
  reign.promises(2);
  reign.loses(2);
  reign.comes(2, {3}, false, 22);  // it says that it has promised before, and it was to this leader
  reign.leader.on_ack_epoch({22}, {std::nullopt, z(2, 10)}, 0, reign.effects);
  CHECK(reign.leader.phase() == Phase::awaiting_promises);
  reign.promises(3);
  CHECK(reign.leader.phase() == Phase::synchronising);
  CHECK(all<BeginSync>(reign.effects).size() == 2);
}

TEST_CASE("an answer to an epoch that was never told is ignored") {
  Reign reign;
  reign.comes(2);
  reign.promises(2);
  reign.stores_promise();
  CHECK(reign.leader.phase() == Phase::awaiting_promises);
}

TEST_CASE("an observer's promise does not count") {
  Reign reign;
  reign.comes(9, {2}, true);
  CHECK(reign.leader.phase() == Phase::discovering);
  reign.comes(2);
  reign.stores_promise();
  reign.promises(9);
  CHECK(reign.leader.phase() == Phase::awaiting_promises);
}

TEST_CASE("who is no voter is an observer, whatever it says") {
  Reign reign;
  reign.comes(9, {2}, false);
  CHECK(reign.leader.phase() == Phase::discovering);
}

TEST_CASE("the leader steps down if a follower has a later history") {
  Reign reign;
  reign.comes(2);
  reign.stores_promise();
  SECTION("of a later epoch, however short") {
    reign.promises(2, Epoch{3}, z(2, 1));
    CHECK(has<StepDown>(reign.effects));
  }
  SECTION("of the same epoch, and longer") {
    reign.promises(2, Epoch{2}, z(2, 11));
    CHECK(has<StepDown>(reign.effects));
  }
  SECTION("not if it is the same") {
    reign.promises(2, Epoch{2}, z(2, 10));
    CHECK_FALSE(reign.stepped_down());
  }
  SECTION("not if it is of an earlier epoch, however long") {
    reign.promises(2, Epoch{1}, z(2, 11));
    CHECK_FALSE(reign.stepped_down());
  }
}

TEST_CASE("after it has stepped down, nothing comes of a leader") {
  Reign reign;
  reign.comes(2);
  reign.stores_promise();
  reign.promises(2, Epoch{2}, z(2, 11));
  REQUIRE(reign.stepped_down());
  reign.comes(3);
  CHECK(reign.effects.empty());
  reign.promises(3);
  CHECK(reign.effects.empty());
  reign.stores_epoch();
  CHECK(reign.effects.empty());
  reign.durable(z(3, 1));
  CHECK(reign.effects.empty());
  reign.loses(2);
  CHECK(reign.effects.empty());
  reign.ticks(1'000'000);
  CHECK(reign.effects.empty());
}

TEST_CASE("a node that has promised a later epoch makes the leader begin again") {
  Reign reign;
  reign.comes(2);
  SECTION("while the own promise is being stored") {
    reign.comes(3, {5});
    CHECK(reign.stepped_down());
  }
  SECTION("while promises are awaited") {
    reign.stores_promise();
    reign.comes(3, {5});
    CHECK(reign.stepped_down());
  }
  SECTION("while it broadcasts") {
    reign.stores_promise();
    reign.promises(2);
    reign.stores_epoch();
    reign.acks_new_leader(2);
    REQUIRE(reign.leader.broadcasting());
    reign.comes(3, {5});
    CHECK(reign.stepped_down());
  }
  SECTION("but a promise of this very epoch does not") {
    reign.stores_promise();
    reign.comes(3, {3});
    CHECK_FALSE(reign.stepped_down());
  }
}

TEST_CASE("a promise that no history of elections explains is not believed") {
  const Epoch absurd{(1u << 20) + 10};
  Reign reign;
  SECTION("of a voter") {
    reign.comes(2, absurd);
    CHECK(the<Disconnect>(reign.effects).link == LinkId{2});
    reign.comes(3);
    CHECK(the<StoreAcceptedEpoch>(reign.effects).epoch == Epoch{3});
  }
  SECTION("of an observer") {
    reign.comes(9, absurd, true);
    CHECK(the<Disconnect>(reign.effects).link == LinkId{9});
    reign.comes(2);
    CHECK(the<StoreAcceptedEpoch>(reign.effects).epoch == Epoch{3});
  }
  SECTION("nor does it end a reign") {
    reign.established_with({2});
    reign.comes(3, absurd);
    CHECK(has<Disconnect>(reign.effects));
    CHECK(reign.leader.broadcasting());
  }
}

TEST_CASE("epochs do not begin anew") {
  Reign reign({.accepted = {~0u}});
  reign.comes(2);
  CHECK(reign.stepped_down());
}

TEST_CASE("a second FOLLOWERINFO on one connection ends it") {
  Reign reign;
  reign.comes(2);
  reign.stores_promise();
  reign.comes(2);
  CHECK(the<Disconnect>(reign.effects).link == LinkId{2});
  reign.promises(2);
  CHECK(reign.effects.empty());  // it is gone
}

TEST_CASE("a learner that connects again replaces its dead connection") {
  Reign reign;
  reign.comes(2);
  reign.comes(2, {2}, false, 22);
  CHECK(the<Disconnect>(reign.effects).link == LinkId{2});
  reign.stores_promise();
  CHECK(sent<LeaderInfo>(reign.effects, 2).empty());
  CHECK(sent<LeaderInfo>(reign.effects, 22).size() == 1);
}

TEST_CASE("one follower's two connections are not two followers") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  reign.comes(2);
  reign.comes(2, {2}, false, 22);
  CHECK(reign.leader.phase() == Phase::discovering);
}

TEST_CASE("a node alone is its own quorum: it leads as soon as its disk says so") {
  Reign reign({.quorum = majority({1})});
  CHECK(the<StoreAcceptedEpoch>(reign.effects).epoch == Epoch{3});
  reign.stores_promise();
  CHECK(has<StoreCurrentEpoch>(reign.effects));
  reign.stores_epoch();
  CHECK(has<Established>(reign.effects));
  const auto zxid = reign.proposes();
  CHECK(zxid == z(3, 1));
  reign.durable(zxid);
  CHECK(the<leader_effect::Commit>(reign.effects).zxid == zxid);
}

TEST_CASE("a prospective leader to whom no quorum comes gives up") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  reign.comes(2);
  reign.ticks(1'000);
  CHECK_FALSE(reign.stepped_down());
  reign.leader.on_heard({2}, 1'000);
  reign.ticks(1'001);
  CHECK(reign.stepped_down());
}

TEST_CASE("a prospective leader that cannot synchronise a quorum in time gives up") {
  Reign reign;
  reign.comes(2);
  reign.stores_promise();
  reign.promises(2);
  for (std::int64_t now = 0; now <= 20'000; now += 500) {
    reign.leader.on_heard({2}, now);
    reign.ticks(now);
    REQUIRE_FALSE(reign.stepped_down());
  }
  reign.leader.on_heard({2}, 20'001);
  reign.ticks(20'001);
  CHECK(reign.stepped_down());
}

TEST_CASE("a synchronisation that moves may take longer than that, one that stands may not") {
  Reign reign;
  reign.comes(2);
  reign.comes(9, {2}, true);
  reign.stores_promise();
  reign.promises(2);
  reign.promises(9);
  const auto passes = [&](std::int64_t until, std::uint64_t moving) {
    while (reign.now < until) {
      for (const std::uint64_t link : {2, 9}) reign.leader.on_heard({link}, reign.now + 500);
      reign.leader.on_progress({moving}, reign.now + 500);
      reign.ticks(reign.now + 500);
    }
  };
  passes(60'000, 2);
  CHECK_FALSE(reign.stepped_down());
  SECTION("not at all") {
    passes(80'000, 0);
    CHECK_FALSE(reign.stepped_down());
    passes(80'500, 0);
    CHECK(reign.stepped_down());
  }
  SECTION("of an observer, who establishes nobody") {
    passes(80'500, 9);
    CHECK(reign.stepped_down());
  }
}

}  // namespace
}  // namespace troupe::zab
