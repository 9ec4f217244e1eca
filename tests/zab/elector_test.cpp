// The rules of fast leader election, one by one, for one node; the others are played by the test.
#include "actors/zab/elector.hpp"

#include <algorithm>
#include <optional>

#include "tests/zab/effects.hpp"

namespace troupe::zab {
namespace {

using Sent = std::vector<std::pair<PeerId, Notification>>;

/// One node's elector, and what came of the last thing that it was told.
class Voter {
 public:
  explicit Voter(std::uint32_t id, std::shared_ptr<const Quorum> quorum = majority({1, 2, 3}))
      : elector({.self = {id}}, std::move(quorum)) {}

  void look(Epoch epoch, Zxid last, std::int64_t now = 0) {
    effects = {};
    elector.look(epoch, last, now, effects);
  }
  void hears(const Notification& notification, std::int64_t now = 0) {
    effects = {};
    elector.on_notification(notification, now, effects);
  }
  void reaches(std::uint32_t peer, bool reachable, std::int64_t now = 0) {
    effects = {};
    elector.on_reachable({peer}, reachable, now, effects);
  }
  void tick(std::int64_t now) {
    effects = {};
    elector.tick(now, effects);
  }
  /// To whom it has just sent something.
  std::vector<std::uint32_t> told() const {
    std::vector<std::uint32_t> peers;
    for (const auto& [peer, notification] : effects.send) peers.push_back(peer.value);
    return peers;
  }
  bool decided() const { return effects.decided.has_value(); }

  Elector elector;
  Elector::Effects effects;
};

using Peers = std::vector<std::uint32_t>;

Vote vote_for(std::uint32_t leader, Epoch epoch = {1}, Zxid zxid = z(1, 5)) { return {epoch, zxid, {leader}}; }
Notification looking(std::uint32_t id, std::uint64_t round, const Vote& vote) {
  return {{id}, PeerState::looking, round, vote};
}
Notification following(std::uint32_t id, std::uint64_t round, const Vote& vote) {
  return {{id}, PeerState::following, round, vote};
}
Notification leading(std::uint32_t id, std::uint64_t round, const Vote& vote) {
  return {{id}, PeerState::leading, round, vote};
}

TEST_CASE("a node votes for itself first, and tells every other voter") {
  Voter node(2);
  node.look({1}, z(1, 5));
  CHECK(node.elector.vote() == vote_for(2));
  CHECK(node.told() == Peers{1, 3});
  CHECK(node.effects.send.front().second == looking(2, 1, vote_for(2)));
  CHECK_FALSE(node.decided());
}

TEST_CASE("a vote is better by its epoch, then by its zxid, then by its id") {
  Voter node(2);
  node.look({2}, z(2, 5));

  SECTION("a later epoch wins over a longer history") {
    node.hears(looking(1, 1, vote_for(1, {3}, z(2, 1))));
    CHECK(node.elector.vote() == vote_for(1, {3}, z(2, 1)));
  }
  SECTION("an earlier epoch loses, whatever else it has") {
    node.hears(looking(3, 1, vote_for(3, {1}, z(2, 9))));
    CHECK(node.elector.vote() == vote_for(2, {2}, z(2, 5)));
  }
  SECTION("of one epoch the later zxid wins over the higher id") {
    node.hears(looking(1, 1, vote_for(1, {2}, z(2, 6))));
    CHECK(node.elector.vote() == vote_for(1, {2}, z(2, 6)));
  }
  SECTION("of one history the higher id wins") {
    node.hears(looking(3, 1, vote_for(3, {2}, z(2, 5))));
    CHECK(node.elector.vote() == vote_for(3, {2}, z(2, 5)));
  }
  SECTION("of one history the lower id loses") {
    node.hears(looking(1, 1, vote_for(1, {2}, z(2, 5))));
    CHECK(node.elector.vote() == vote_for(2, {2}, z(2, 5)));
  }
}

TEST_CASE("a better vote is adopted and passed on to all, a worse one is answered to its sender alone") {
  Voter node(2, majority({1, 2, 3, 4, 5}));
  node.look({1}, z(1, 5));
  node.hears(looking(4, 1, vote_for(4)));
  CHECK(node.told() == Peers{1, 3, 4, 5});
  node.hears(looking(3, 1, vote_for(3)));
  CHECK(node.told() == Peers{3});
  CHECK(node.effects.send.front().second.vote == vote_for(4));
}

TEST_CASE("a vote from a lower round is ignored and answered") {
  Voter node(2);
  node.look({1}, z(1, 5));
  node.look({1}, z(1, 5));
  REQUIRE(node.elector.round() == 2);
  node.hears(looking(3, 1, vote_for(3)));
  CHECK(node.elector.vote() == vote_for(2));
  CHECK(node.told() == Peers{3});
  CHECK(node.effects.send.front().second == looking(2, 2, vote_for(2)));
  // It is not counted either: with node 1 there is no quorum for anybody yet but for 2 with 1.
  node.hears(looking(1, 2, vote_for(2)), 10);
  CHECK_FALSE(node.decided());
}

TEST_CASE("a higher round is joined: earlier votes are forgotten, the own history counts again") {
  Voter node(2, majority({1, 2, 3, 4, 5}));
  node.look({1}, z(1, 5));
  node.hears(looking(5, 1, vote_for(5)));
  REQUIRE(node.elector.vote() == vote_for(5));
  node.hears(looking(1, 7, vote_for(1)));
  CHECK(node.elector.round() == 7);
  CHECK(node.elector.vote() == vote_for(2));  // better than 1; the vote for 5 was of another election
  CHECK(node.told() == Peers{1, 3, 4, 5});

  node.hears(looking(3, 9, vote_for(3)));
  CHECK(node.elector.round() == 9);
  CHECK(node.elector.vote() == vote_for(3));
}

TEST_CASE("an election ends at once when every voter agrees") {
  Voter node(3);
  node.look({1}, z(1, 5));
  node.hears(looking(1, 1, vote_for(3)));
  CHECK_FALSE(node.decided());
  node.hears(looking(2, 1, vote_for(3)));
  REQUIRE(node.decided());
  CHECK(*node.effects.decided == vote_for(3));
  CHECK(node.elector.state() == PeerState::leading);
}

TEST_CASE("whoever votes for another and wins the election with it follows") {
  Voter node(1);
  node.look({1}, z(1, 5));
  node.hears(looking(3, 1, vote_for(3)));
  node.hears(looking(2, 1, vote_for(3)));
  REQUIRE(node.decided());
  CHECK(node.elector.state() == PeerState::following);
}

TEST_CASE("while a voter is silent, a quorum's agreement must stand for a while") {
  Voter node(3);
  node.look({1}, z(1, 5), 100);
  node.hears(looking(2, 1, vote_for(3)), 110);
  CHECK_FALSE(node.decided());
  node.tick(169);
  CHECK_FALSE(node.decided());
  node.tick(170);
  CHECK(node.decided());
}

TEST_CASE("a better vote in that time begins the wait again") {
  Voter node(2, majority({1, 2, 3}));
  node.look({1}, z(1, 5), 0);
  node.hears(looking(1, 1, vote_for(2)), 0);
  node.hears(looking(3, 1, vote_for(3)), 50);  // with this node's own vote a quorum for 3, since 50
  REQUIRE(node.elector.vote() == vote_for(3));
  node.tick(60);
  CHECK_FALSE(node.decided());
  node.tick(110);
  REQUIRE(node.decided());
  CHECK(node.effects.decided->leader == PeerId{3});
}

TEST_CASE("a voter that cannot be reached is not waited for") {
  Voter node(3);
  node.look({1}, z(1, 5));
  node.hears(looking(2, 1, vote_for(3)));
  CHECK_FALSE(node.decided());
  node.reaches(1, false);
  CHECK(node.decided());
}

TEST_CASE("a voter that is heard of can be reached after all") {
  Voter node(3, majority({1, 2, 3, 4, 5}));
  node.look({1}, z(1, 9));
  node.reaches(4, false);
  node.reaches(5, false);
  node.hears(looking(5, 1, vote_for(5)));
  node.hears(looking(1, 1, vote_for(3, {1}, z(1, 9))));
  node.hears(looking(2, 1, vote_for(3, {1}, z(1, 9))));
  CHECK_FALSE(node.decided());  // 5 has another vote
  node.hears(looking(5, 1, vote_for(3, {1}, z(1, 9))));
  CHECK(node.decided());
}

TEST_CASE("a voter that can be reached again is told the vote: what was sent before is lost") {
  Voter node(3);
  node.look({1}, z(1, 5));
  node.reaches(1, false);
  node.reaches(1, true);
  CHECK(node.told() == Peers{1});
}

TEST_CASE("no quorum, no decision, however long it takes") {
  Voter node(2, majority({1, 2, 3, 4, 5}));
  node.look({1}, z(1, 5), 0);
  for (const std::uint32_t peer : {3, 4, 5}) node.reaches(peer, false);
  node.hears(looking(1, 1, vote_for(2)), 0);
  for (std::int64_t now = 0; now < 10'000; now += 50) {
    node.tick(now);
    CHECK_FALSE(node.decided());
  }
}

TEST_CASE("votes are repeated while looking, and not afterwards") {
  Voter node(3);
  node.look({1}, z(1, 5), 0);
  node.tick(149);
  CHECK(node.told().empty());
  node.tick(150);
  CHECK(node.told() == Peers{1, 2});
  node.tick(200);
  CHECK(node.told().empty());
  node.tick(300);
  CHECK(node.told() == Peers{1, 2});
  node.hears(looking(1, 1, vote_for(3)), 310);
  node.hears(looking(2, 1, vote_for(3)), 310);
  REQUIRE(node.decided());
  node.tick(1'000);
  CHECK(node.told().empty());
}

TEST_CASE("a node that comes late joins the leader that a quorum follows and that says so itself") {
  Voter node(5, majority({1, 2, 3, 4, 5}));
  node.look({1}, z(1, 9));

  SECTION("followers alone prove nothing: the leader may be gone") {
    for (const std::uint32_t peer : {1, 2, 4}) {
      node.hears(following(peer, 8, vote_for(3)));
      CHECK_FALSE(node.decided());
    }
    node.hears(leading(3, 8, vote_for(3)));
    REQUIRE(node.decided());
    CHECK(node.effects.decided->leader == PeerId{3});
    CHECK(node.elector.state() == PeerState::following);
    CHECK(node.elector.round() == 8);
  }
  SECTION("a leader without a quorum proves nothing") {
    node.hears(leading(3, 8, vote_for(3)));
    node.hears(following(1, 8, vote_for(3)));
    CHECK_FALSE(node.decided());
    node.hears(following(2, 8, vote_for(3)));
    CHECK(node.decided());
  }
  SECTION("in which rounds they found their leader is of no matter: one may have come back to it") {
    node.hears(leading(3, 8, vote_for(3)));
    node.hears(following(1, 9, vote_for(3)));
    CHECK_FALSE(node.decided());
    node.hears(following(2, 7, vote_for(3)));
    REQUIRE(node.decided());
    CHECK(node.effects.decided->leader == PeerId{3});
    CHECK(node.elector.round() == 8);  // the leader's
  }
  SECTION("followers of another leader are not counted") {
    node.hears(leading(3, 8, vote_for(3)));
    node.hears(following(1, 8, vote_for(4)));
    node.hears(following(2, 8, vote_for(3)));
    CHECK_FALSE(node.decided());
  }
  SECTION("a follower that looks again is not counted any more") {
    node.hears(following(1, 8, vote_for(3)));
    node.hears(following(2, 8, vote_for(3)));
    node.hears(looking(1, 1, vote_for(1)));
    node.hears(leading(3, 8, vote_for(3)));
    CHECK_FALSE(node.decided());
  }
  SECTION("who looks in the same round with the same vote is counted") {
    node.hears(looking(1, 1, vote_for(3)));
    node.hears(following(2, 1, vote_for(3)));
    node.hears(leading(3, 1, vote_for(3)));
    CHECK(node.decided());
  }
}

TEST_CASE("a node that was the leader once is not made one by those who still believe so") {
  Voter node(3);
  node.look({1}, z(1, 5));
  node.hears(following(1, 8, vote_for(3)));
  node.hears(following(2, 8, vote_for(3)));
  CHECK_FALSE(node.decided());
}

TEST_CASE("a node that has decided tells those who look what it decided, and nobody else") {
  Voter node(3);
  node.look({1}, z(1, 5));
  node.hears(looking(1, 1, vote_for(3)));
  node.hears(looking(2, 1, vote_for(3)));
  REQUIRE(node.decided());
  node.hears(looking(1, 2, vote_for(1)));
  REQUIRE(node.told() == Peers{1});
  CHECK(node.effects.send.front().second == leading(3, 1, vote_for(3)));
  CHECK_FALSE(node.decided());
  node.hears(following(2, 1, vote_for(3)));
  CHECK(node.told().empty());
}

TEST_CASE("looking again begins a new round and forgets the last one's votes") {
  Voter node(3);
  node.look({1}, z(1, 5));
  node.hears(looking(1, 1, vote_for(3)));
  node.hears(looking(2, 1, vote_for(3)));
  node.look({2}, z(2, 1));
  CHECK(node.elector.round() == 2);
  CHECK(node.elector.state() == PeerState::looking);
  CHECK(node.elector.vote() == vote_for(3, {2}, z(2, 1)));
  CHECK(node.told() == Peers{1, 2});
  CHECK_FALSE(node.decided());
}

TEST_CASE("an observer learns who leads, stands for nobody and decides nothing") {
  Voter observer(9);
  observer.look({1}, z(1, 50));
  CHECK(observer.told() == Peers{1, 2, 3});
  CHECK(observer.elector.vote() == Vote{});
  observer.hears(leading(3, 4, vote_for(3)));
  CHECK_FALSE(observer.decided());
  observer.hears(following(1, 4, vote_for(3)));
  REQUIRE(observer.decided());
  CHECK(observer.elector.state() == PeerState::observing);
  CHECK(observer.effects.decided->leader == PeerId{3});
}

TEST_CASE("an observer follows an election that it looks on") {
  Voter observer(9);
  observer.look({0}, {});
  for (const std::uint32_t peer : {1, 2, 3}) observer.hears(looking(peer, 1, vote_for(3)));
  REQUIRE(observer.decided());
  CHECK(observer.effects.decided->leader == PeerId{3});
}

TEST_CASE("voters answer an observer and do not count it") {
  Voter node(2);
  node.look({1}, z(1, 5));
  node.hears(looking(9, 30, vote_for(9, {8}, z(8, 1))));
  CHECK(node.told() == Peers{9});
  CHECK(node.elector.vote() == vote_for(2));
  CHECK(node.elector.round() == 1);
  // With the observer there would be a quorum for 2.
  node.hears(looking(9, 1, vote_for(2)), 0);
  node.tick(1'000);
  CHECK_FALSE(node.decided());
}

TEST_CASE("a node alone is its own quorum, at once") {
  Voter node(1, majority({1}));
  node.look({0}, {});
  REQUIRE(node.decided());
  CHECK(node.elector.state() == PeerState::leading);
  CHECK(node.told().empty());
}

TEST_CASE("before it looks, a node takes no part") {
  Voter node(3);
  node.hears(looking(1, 1, vote_for(1)));
  node.reaches(1, true);
  node.tick(1'000);
  CHECK(node.told().empty());
  CHECK_FALSE(node.decided());
}

TEST_CASE("a node's own notifications, come back to it, change nothing") {
  Voter node(3);
  node.look({1}, z(1, 5));
  node.hears(looking(3, 99, vote_for(3, {9}, z(9, 9))));
  CHECK(node.elector.round() == 1);
  CHECK(node.elector.vote() == vote_for(3));
}

TEST_CASE("all voters with one history elect the one with the highest id, in whatever order they speak") {
  std::vector<int> order{0, 1, 2};
  do {
    std::vector<Voter> nodes{Voter(1), Voter(2), Voter(3)};
    Sent wire;
    const auto collect = [&](Voter& node) {
      wire.insert(wire.end(), node.effects.send.begin(), node.effects.send.end());
    };
    std::map<std::uint32_t, Vote> decisions;
    for (const int i : order) {
      nodes[static_cast<std::size_t>(i)].look({1}, z(1, 5));
      collect(nodes[static_cast<std::size_t>(i)]);
    }
    while (!wire.empty()) {
      const auto [to, notification] = wire.front();
      wire.erase(wire.begin());
      auto& node = nodes[to.value - 1];
      node.hears(notification);
      if (node.decided()) decisions[to.value] = *node.effects.decided;
      collect(node);
    }
    REQUIRE(decisions.size() == 3);
    for (const auto& [peer, vote] : decisions) CHECK(vote.leader == PeerId{3});
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace
}  // namespace troupe::zab
