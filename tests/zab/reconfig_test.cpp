// What a change of the quorum in the middle of a reign means to its leader, and what elections make of
// configurations.
#include "actors/zab/elector.hpp"
#include "tests/zab/reign.hpp"

namespace troupe::zab {
namespace {

using leader_effect::CommitWith;
using leader_effect::Confirmed;
using leader_effect::StepDown;
using leader_effect::StreamAs;
using CommitEffect = leader_effect::Commit;

std::shared_ptr<const Quorum> joint(std::initializer_list<std::uint32_t> from,
                                    std::initializer_list<std::uint32_t> to) {
  return std::make_shared<JointQuorum>(majority(from), majority(to));
}

/// Node 1 leads 1, 2 and 3; nodes 4 and 5 are there and do not count.
class Change : public Reign {
 public:
  Change() {
    established_with({2, 3});
    joins(4);
    joins(5);
  }
  void reconfigures(std::shared_ptr<const Quorum> quorum) {
    effects.clear();
    const PeerSet members = quorum->voters();
    leader.reconfigure(std::move(quorum), members, effects);
  }
};

TEST_CASE("whoever is no voter does not count, whatever it says of itself") {
  Change reign;
  const auto zxid = reign.proposes();
  reign.acks(4, zxid);
  reign.acks(5, zxid);
  reign.durable(zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(2, zxid);
  CHECK(the<CommitEffect>(reign.effects).zxid == zxid);
}

TEST_CASE("in the joint step a proposal needs a quorum of both") {
  Change reign;
  reign.reconfigures(joint({1, 2, 3}, {3, 4, 5}));
  std::map<std::uint64_t, bool> as;
  for (const auto& stream : all<StreamAs>(reign.effects)) as[stream.link.value] = stream.observer;
  CHECK(as == std::map<std::uint64_t, bool>{{4, false}, {5, false}});  // they get proposals now
  const auto zxid = reign.proposes();
  reign.durable(zxid);
  reign.acks(2, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));  // the old ones alone
  reign.acks(4, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(5, zxid);
  CHECK(the<CommitEffect>(reign.effects).zxid == zxid);
}

TEST_CASE("until the activation is committed, what comes before it needs both") {
  Change reign;
  reign.reconfigures(joint({1, 2, 3}, {1, 4, 5}));
  const auto step = reign.proposes();
  const auto between = reign.proposes();
  const auto activation = reign.proposes();
  reign.reconfigures(majority({1, 4, 5}));
  reign.durable(activation);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(4, between);
  CHECK_FALSE(has<CommitEffect>(reign.effects));  // of the new ones alone, and without the activation
  SECTION("the old ones have it") {
    reign.reconfigures(joint({1, 2, 3}, {1, 4, 5}));
    reign.acks(2, step);
    CHECK(the<CommitEffect>(reign.effects).zxid == step);
  }
  SECTION("the new ones have the activation") {
    reign.acks(5, activation);
    CHECK(the<CommitEffect>(reign.effects).zxid == activation);
  }
}

TEST_CASE("a node that is no member deposes nobody, an observer does") {
  Change reign;
  reign.comes(6, reign.leader.epoch().next());
  CHECK(the<leader_effect::Disconnect>(reign.effects).link == LinkId{6});
  CHECK_FALSE(reign.stepped_down());
  reign.comes(9, reign.leader.epoch().next());
  CHECK(reign.stepped_down());
}

TEST_CASE("a leader that is removed leads on and does not count itself") {
  Change reign;
  reign.reconfigures(joint({1, 2, 3}, {3, 4, 5}));
  reign.reconfigures(majority({3, 4, 5}));
  std::map<std::uint64_t, bool> as;
  for (const auto& stream : all<StreamAs>(reign.effects)) as[stream.link.value] = stream.observer;
  CHECK(as == std::map<std::uint64_t, bool>{{2, true}});
  const auto zxid = reign.proposes();
  reign.durable(zxid);
  reign.acks(2, zxid);
  reign.acks(4, zxid);
  CHECK_FALSE(has<CommitEffect>(reign.effects));
  reign.acks(3, zxid);
  CHECK(the<CommitEffect>(reign.effects).zxid == zxid);
  // Its quorum is that of the others, too.
  reign.loses(2);
  CHECK_FALSE(reign.stepped_down());
  reign.loses(3);
  CHECK_FALSE(reign.stepped_down());
  reign.loses(4);
  CHECK(reign.stepped_down());
}

TEST_CASE("no follower is told of an activation before the leader knows that it is committed") {
  Change reign;
  reign.reconfigures(joint({1, 2, 3}, {3, 4, 5}));
  const auto step = reign.proposes();
  reign.durable(step);
  for (const std::uint32_t node : {2, 4, 5}) reign.acks(node, step);
  REQUIRE(the<CommitEffect>(reign.effects).zxid == step);
  const auto activation = reign.proposes();
  reign.reconfigures(majority({3, 4, 5}));
  reign.durable(activation);
  reign.acks(4, activation);  // only node 5, or node 3, is missing
  CHECK_FALSE(has<CommitWith>(reign.effects));
  reign.acks(5, activation);
  REQUIRE(the<CommitEffect>(reign.effects).zxid == activation);
  const auto next = reign.proposes();
  reign.acks(4, next);
  const auto told = all<CommitWith>(reign.effects);
  REQUIRE(told.size() == 2);  // nodes 3 and 5: this one has left
  CHECK(told[0].link == LinkId{3});
  CHECK(told[1].link == LinkId{5});
}

TEST_CASE("a leader that resigns steps down once") {
  Change reign;
  reign.effects.clear();
  reign.leader.resign("enough", reign.effects);
  CHECK(the<StepDown>(reign.effects).reason == "enough");
  reign.effects.clear();
  reign.leader.resign("enough", reign.effects);
  CHECK(reign.effects.empty());
}

TEST_CASE("a question that is under way is put to those that count from now on") {
  Change reign;
  reign.effects.clear();
  const auto ordinal = reign.leader.ask(reign.effects);
  CHECK(sent<Ping>(reign.effects, 4).empty());
  reign.reconfigures(joint({1, 2, 3}, {3, 4, 5}));
  REQUIRE(sent<Ping>(reign.effects, 4).size() == 1);
  CHECK(sent<Ping>(reign.effects, 4).front().ordinal == ordinal);
  for (const std::uint64_t link : {2, 4}) {
    reign.effects.clear();
    reign.leader.on_pong({link}, ordinal, reign.now, reign.effects);
    CHECK_FALSE(has<Confirmed>(reign.effects));
  }
  reign.effects.clear();
  reign.leader.on_pong({5}, ordinal, reign.now, reign.effects);
  CHECK(the<Confirmed>(reign.effects).ordinal == ordinal);
}

TEST_CASE("a new configuration has its quorum where enough of its voters have this reign's history") {
  Change reign;
  CHECK(reign.leader.has_synchronised(*majority({4, 5, 6})));
  CHECK(reign.leader.has_synchronised(*majority({1, 6, 4})));
  CHECK_FALSE(reign.leader.has_synchronised(*majority({5, 6, 7})));
  reign.comes(6);  // connected, and not synchronised
  CHECK_FALSE(reign.leader.has_synchronised(*majority({5, 6, 7})));
}

// --- elections ---

struct Voter {
  explicit Voter(std::uint32_t id) : elector({.self = {id}}, majority({1, 2, 3})) {}
  void hears(Notification notification) {
    effects = {};
    elector.on_notification(notification, 0, effects);
  }
  Elector elector;
  Elector::Effects effects;
};

TEST_CASE("a leader under another configuration is joined on its word, one under the same is not") {
  Voter voter(1);
  voter.elector.configure(majority({1, 2, 3}), set_of({1, 2, 3}), z(1, 5), {});
  voter.elector.look({1}, z(1, 9), 0, voter.effects);
  const Vote vote{{2}, z(2, 7), {9}};
  voter.hears({{9}, PeerState::leading, 4, vote, z(1, 5), {}});
  CHECK_FALSE(voter.effects.decided);
  voter.hears({{8}, PeerState::following, 4, vote, z(2, 1), {}});  // not the leader's own word
  CHECK_FALSE(voter.effects.decided);
  voter.hears({{9}, PeerState::leading, 4, vote, z(2, 1), {}});
  REQUIRE(voter.effects.decided);
  CHECK(*voter.effects.decided == vote);
  CHECK(voter.elector.state() == PeerState::following);
}

/// Node 1, whose history ends with a configuration without it.
struct LeftOut : Voter {
  explicit LeftOut(Zxid committed) : Voter(1) {
    elector.configure(majority({2, 3}), set_of({2, 3}), z(1, 9), {});
    elector.on_committed(committed);
    elector.look({1}, z(1, 9), 0, effects);
  }
};

TEST_CASE("who is left out stands for election while he does not know that this is committed, and may lead") {
  LeftOut node(z(1, 8));
  const Vote own{{1}, z(1, 9), {1}};
  CHECK(node.elector.vote() == own);
  node.hears({{2}, PeerState::looking, 1, {{1}, z(1, 8), {2}}});
  CHECK(node.elector.vote() == own);
  CHECK(node.effects.send.empty());  // it repeats its vote in time
  node.hears({{2}, PeerState::looking, 1, own});
  CHECK_FALSE(node.effects.decided);  // its own vote does not count
  node.hears({{3}, PeerState::looking, 1, own});
  REQUIRE(node.effects.decided);
  CHECK(node.elector.state() == PeerState::leading);
}

TEST_CASE("who knows that he is left out for good stands for nobody") {
  LeftOut node(z(1, 9));
  CHECK(node.elector.vote() == Vote{});
  const Vote two{{1}, z(1, 8), {2}};
  for (std::uint32_t id : {2, 3}) node.hears({{id}, PeerState::looking, 1, two});
  REQUIRE(node.effects.decided);
  CHECK(node.elector.state() == PeerState::observing);
}

TEST_CASE("a candidate that was elected twice in a row for nothing comes last, for some time") {
  Voter voter(1);
  const Vote third{{1}, z(1, 9), {3}};
  const auto looks = [&](std::int64_t now) {
    voter.effects = {};
    voter.elector.look({1}, z(1, 8), now, voter.effects);
    voter.effects = {};
    voter.elector.on_notification({{3}, PeerState::looking, voter.elector.round(), third}, now, voter.effects);
    return voter.elector.vote();
  };
  CHECK(looks(0) == third);
  voter.elector.on_elected_for_nothing({3}, 100);
  CHECK(looks(100) == third);
  voter.elector.on_elected_for_nothing({3}, 200);
  CHECK(looks(200).leader == PeerId{1});
  CHECK(voter.effects.send.empty());  // the two would not come to an end

  SECTION("another worse one is taken") {
    voter.hears({{2}, PeerState::looking, voter.elector.round(), {{1}, z(1, 7), {2}}});
    CHECK(voter.elector.vote().leader == PeerId{1});
    voter.hears({{2}, PeerState::looking, voter.elector.round(), {{1}, z(1, 8), {2}}});
    CHECK(voter.elector.vote().leader == PeerId{2});
  }
  SECTION("and it is taken again when the time is over") { CHECK(looks(5'201) == third); }
  SECTION("or when somebody has led since") {
    voter.elector.on_reign_ended();
    CHECK(looks(300) == third);
  }
}

TEST_CASE("votes of nodes that are no voters do not count") {
  Voter voter(1);
  voter.elector.look({1}, z(1, 9), 0, voter.effects);
  for (const std::uint32_t stranger : {4, 5, 6}) {
    voter.hears({{stranger}, PeerState::looking, 1, {{9}, z(9, 9), {stranger}}});
    CHECK_FALSE(voter.effects.decided);
    CHECK(voter.elector.vote().leader == PeerId{1});
  }
}

TEST_CASE("a settled node is a voter or an observer as the configuration says, and tells it to who looks") {
  Voter voter(3);
  voter.elector.configure(majority({1, 2}), set_of({1, 2, 3}), z(1, 1), Bytes::copy("one"));
  voter.elector.look({1}, z(1, 9), 0, voter.effects);
  const Vote vote{{1}, z(1, 9), {2}};
  voter.hears({{1}, PeerState::following, 1, vote, z(1, 1), {}});
  voter.hears({{2}, PeerState::leading, 1, vote, z(1, 1), {}});
  REQUIRE(voter.elector.state() == PeerState::observing);
  voter.elector.configure(majority({1, 2, 3}), set_of({1, 2, 3}), z(1, 10), Bytes::copy("two"));
  CHECK(voter.elector.state() == PeerState::following);
  voter.hears({{7}, PeerState::looking, 1, {}});
  REQUIRE(voter.effects.send.size() == 1);
  CHECK(voter.effects.send.front().second.configured == z(1, 10));
  CHECK(voter.effects.send.front().second.configuration == Bytes::copy("two"));
}

TEST_CASE("a leader tells its members of itself now and then") {
  Voter voter(1);
  voter.elector.configure(majority({1}), set_of({1, 4}), z(1, 1), {});
  voter.elector.look({1}, z(1, 9), 0, voter.effects);
  REQUIRE(voter.elector.state() == PeerState::leading);
  int told = 0;
  for (std::int64_t now = 0; now < 10'000; now += 100) {
    voter.effects = {};
    voter.elector.tick(now, voter.effects);
    for (const auto& [peer, notification] : voter.effects.send) {
      CHECK(peer == PeerId{4});
      CHECK(notification.state == PeerState::leading);
      ++told;
    }
  }
  CHECK(told == 10);
}

}  // namespace
}  // namespace troupe::zab
