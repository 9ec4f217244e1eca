// Broadcast: what commits when, and what ends a reign.
#include "tests/zab/reign.hpp"

namespace troupe::zab {
namespace {

using namespace leader_effect;
using CommitEffect = leader_effect::Commit;

TEST_CASE("a reign's proposals are numbered from 1, without gaps") {
  Reign reign;
  reign.established_with({2});
  CHECK(reign.leader.next_zxid() == z(3, 1));
  CHECK(reign.proposes() == z(3, 1));
  CHECK(the<Propose>(reign.effects).proposal.zxid == z(3, 1));
  CHECK(reign.proposes() == z(3, 2));
  CHECK(reign.leader.last_proposed() == z(3, 2));
}

TEST_CASE("a proposal commits when a quorum has it on disk, the leader being part of it") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  reign.established_with({2, 3, 4, 5});
  const auto zxid = reign.proposes();
  reign.durable(zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(2, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(3, zxid);
  CHECK(the<CommitEffect>(reign.effects).zxid == zxid);
  reign.acks(4, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
}

TEST_CASE("a proposal commits when a quorum has it on disk, the leader not being part of it") {
  Reign reign;
  reign.established_with({2, 3});
  const auto zxid = reign.proposes();
  reign.acks(2, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(3, zxid);
  CHECK(the<CommitEffect>(reign.effects).zxid == zxid);
  reign.durable(zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
}

TEST_CASE("acknowledgements are cumulative: what commits is what a quorum has reached") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  reign.established_with({2, 3, 4});
  for (int i = 0; i < 10; ++i) reign.proposes();
  reign.durable(z(3, 10));
  reign.acks(2, z(3, 4));
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(3, z(3, 7));
  CHECK(the<CommitEffect>(reign.effects).zxid == z(3, 4));
  reign.acks(4, z(3, 9));
  CHECK(the<CommitEffect>(reign.effects).zxid == z(3, 7));
  reign.acks(2, z(3, 10));
  CHECK(the<CommitEffect>(reign.effects).zxid == z(3, 9));
}

/// Whom the leader told of a commit for which only their own disk is missing.
std::map<std::uint64_t, Zxid> told(const Reign& reign) {
  std::map<std::uint64_t, Zxid> told;
  for (const auto& effect : all<CommitWith>(reign.effects)) told[effect.link.value] = effect.zxid;
  return told;
}
using Told = std::map<std::uint64_t, Zxid>;

TEST_CASE("a follower is told of a commit when only its own disk is missing") {
  Reign reign;
  reign.established_with({2, 3});
  const auto zxid = reign.proposes();
  CHECK(reign.leader.known_anywhere() < zxid);
  reign.durable(zxid);
  CHECK(told(reign) == Told{{2, zxid}, {3, zxid}});
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  CHECK(reign.leader.committed() < zxid);
  CHECK(reign.leader.known_anywhere() == zxid);  // one of them may have it, and have answered
  SECTION("once") {
    reign.durable(zxid);
    CHECK(reign.effects.empty());
  }
  SECTION("and again of what comes next") {
    const auto next = reign.proposes();
    reign.durable(next);
    CHECK(told(reign) == Told{{2, next}, {3, next}});
  }
  SECTION("and not when all know of it") {
    reign.acks(2, zxid);
    CHECK(the<CommitEffect>(reign.effects).zxid == zxid);
    CHECK(told(reign).empty());
    reign.loses(3);
    reign.joins(3);
    CHECK(told(reign).empty());
  }
  SECTION("also one that comes only now, before it is told to serve") {
    reign.loses(2);
    reign.joins(2);
    CHECK(told(reign) == Told{{2, zxid}});
    const auto first = [&](auto&& is) { return std::ranges::find_if(reign.effects, is); };
    const auto serve = first([](const auto& effect) {
      const auto* send = std::get_if<Send>(&effect);
      return send != nullptr && std::holds_alternative<UpToDate>(send->message);
    });
    REQUIRE(serve != reign.effects.end());
    CHECK(first([](const auto& effect) { return std::holds_alternative<CommitWith>(effect); }) < serve);
  }
}

TEST_CASE("a follower is told of a commit when only its own disk is missing, the leader's being missing, too") {
  Reign reign;
  reign.established_with({2, 3});
  const auto zxid = reign.proposes();
  reign.acks(3, zxid);
  CHECK(told(reign) == Told{{2, zxid}});
}

TEST_CASE("no follower is told of a commit that needs another's disk as well") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  reign.established_with({2, 3, 4});
  for (int i = 0; i < 3; ++i) reign.proposes();
  reign.durable(z(3, 3));
  CHECK(reign.effects.empty());
  reign.acks(2, z(3, 2));
  CHECK(told(reign) == Told{{3, z(3, 2)}, {4, z(3, 2)}});  // not 2, which has acknowledged: it needs one of them
  reign.acks(2, z(3, 3));
  CHECK(told(reign) == Told{{3, z(3, 3)}, {4, z(3, 3)}});
  reign.acks(4, z(3, 2));
  CHECK(the<CommitEffect>(reign.effects).zxid == z(3, 2));
  CHECK(told(reign).empty());
}

TEST_CASE("nobody is told of a commit who does not count, or does not count yet") {
  Reign reign;
  reign.established_with({2});
  reign.joins(9, true);
  reign.comes(3);
  reign.promises(3);
  const auto zxid = reign.proposes();
  reign.durable(zxid);
  CHECK(told(reign) == Told{{2, zxid}});
  reign.acks_new_leader(3);
  CHECK(told(reign) == Told{{3, zxid}});
}

TEST_CASE("an acknowledgement that goes back changes nothing") {
  Reign reign;
  reign.established_with({2});
  for (int i = 0; i < 5; ++i) reign.proposes();
  reign.acks(2, z(3, 5));
  reign.acks(2, z(3, 1));
  reign.durable(z(3, 5));
  CHECK(the<CommitEffect>(reign.effects).zxid == z(3, 5));
}

TEST_CASE("observers never count") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  reign.established_with({2, 3});
  for (const std::uint32_t observer : {8, 9}) reign.joins(observer, true);
  const auto zxid = reign.proposes();
  reign.durable(zxid);
  reign.acks(8, zxid);
  reign.acks(9, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(2, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(3, zxid);
  CHECK(the<CommitEffect>(reign.effects).zxid == zxid);
}

TEST_CASE("a learner's records count from its NEWLEADER on, not before") {
  Reign reign;
  reign.established_with({2});
  const auto zxid = reign.proposes();
  reign.durable(zxid);
  reign.comes(3);
  reign.promises(3);
  reign.acks(3, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks_new_leader(3);
  CHECK_FALSE(has<CommitEffect>(reign.effects));  // NEWLEADER speaks of the history before this reign
  reign.acks(3, zxid);
  CHECK(the<CommitEffect>(reign.effects).zxid == zxid);
}

TEST_CASE("who acknowledges what was never proposed is disconnected, and not counted") {
  Reign reign;
  reign.established_with({2, 3});
  const auto zxid = reign.proposes();
  reign.durable(zxid);
  reign.acks(3, zxid.next());
  CHECK(the<Disconnect>(reign.effects).link == LinkId{3});
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(3, zxid);
  CHECK(reign.effects.empty());
}

TEST_CASE("what a follower had on disk counts no more once it is gone: the next one must have it itself") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  reign.established_with({2, 3, 4});
  const auto zxid = reign.proposes();
  reign.acks(2, zxid);
  reign.acks(3, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.loses(3);
  reign.acks(4, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.durable(zxid);
  CHECK(the<CommitEffect>(reign.effects).zxid == zxid);
}

TEST_CASE("a learner that joins while the leader is being established gets what is proposed then") {
  Reign reign({.quorum = majority({1, 2, 3})});
  reign.comes(2);
  reign.stores_promise();
  reign.promises(2);
  reign.comes(3);
  reign.promises(3);
  CHECK(has<BeginSync>(reign.effects));  // from here on its stream has every proposal
  reign.stores_epoch();
  reign.acks_new_leader(2);
  REQUIRE(reign.leader.broadcasting());
  reign.serves();
  const auto zxid = reign.proposes();
  reign.acks_new_leader(3);
  CHECK(sent<UpToDate>(reign.effects, 3).size() == 1);
  reign.acks(3, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(2, zxid);
  CHECK(the<CommitEffect>(reign.effects).zxid == zxid);
}

TEST_CASE("a leader without its quorum steps down") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  reign.established_with({2, 3, 4});
  SECTION("when connections break") {
    reign.loses(2);
    CHECK_FALSE(reign.stepped_down());
    reign.loses(3);
    CHECK(reign.stepped_down());
  }
  SECTION("when followers are silent") {
    for (std::int64_t now = 500; now <= 1'000; now += 100) {
      reign.leader.on_heard({2}, now);
      reign.ticks(now);
      CHECK_FALSE(reign.stepped_down());
    }
    reign.ticks(1'001);  // 3 and 4 have said nothing for longer than a second
    CHECK(reign.stepped_down());
  }
  SECTION("observers do not replace followers") {
    reign.joins(8, true);
    reign.joins(9, true);
    reign.loses(2);
    reign.loses(3);
    CHECK(reign.stepped_down());
  }
  SECTION("nor do followers that have not synchronised yet") {
    reign.comes(5);
    reign.loses(2);
    reign.loses(3);
    CHECK(reign.stepped_down());
  }
}

TEST_CASE("a silent follower is disconnected, and the others go on") {
  Reign reign({.quorum = majority({1, 2, 3, 4, 5})});
  reign.established_with({2, 3, 4});
  for (const std::uint32_t peer : {2, 3}) reign.leader.on_heard({peer}, 900);
  reign.ticks(1'001);
  CHECK(the<Disconnect>(reign.effects).link == LinkId{4});
  CHECK_FALSE(reign.stepped_down());
  CHECK(reign.leader.learners().size() == 2);
}

TEST_CASE("any message is a sign of life") {
  Reign reign;
  reign.established_with({2});
  const auto zxid = reign.proposes();
  reign.now = 900;
  reign.acks(2, zxid);
  reign.ticks(1'900);
  CHECK_FALSE(reign.stepped_down());
  reign.ticks(1'901);
  CHECK(reign.stepped_down());
}

TEST_CASE("a connection that breaks and is not known is no event") {
  Reign reign;
  reign.established_with({2});
  reign.loses(77);
  CHECK_FALSE(reign.stepped_down());
}

TEST_CASE("a reign ends before its counter does") {
  // The counter cannot be counted up to its end here, so the reign begins near it: a leader whose
  // history ends in the epoch that it is about to lead does not exist, but its arithmetic does.
  Reign reign({.accepted = {1}, .current = {1}, .last = z(2, 0xfff7fffe)});
  reign.comes(2, {1});
  reign.stores_promise();
  REQUIRE(reign.leader.epoch() == Epoch{2});
  reign.promises(2, Epoch{1}, z(1, 20));
  reign.stores_epoch();
  reign.acks_new_leader(2);
  REQUIRE(reign.leader.broadcasting());
  CHECK(reign.proposes() == z(2, 0xfff7ffff));
  CHECK_FALSE(reign.stepped_down());
  CHECK(reign.proposes() == z(2, 0xfff80000));
  CHECK(has<Propose>(reign.effects));  // it is still a proposal like any other
  CHECK(reign.stepped_down());
}

}  // namespace
}  // namespace troupe::zab
