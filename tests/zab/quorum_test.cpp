// Quorums against their definition, counted out by hand, over random ensembles and sets.
#include <algorithm>
#include <random>
#include <set>

#include "tests/zab/effects.hpp"

namespace troupe::zab {
namespace {

PeerSet set_of(const std::set<std::uint32_t>& ids) {
  PeerSet set;
  for (const auto id : ids) set.insert({id});
  return set;
}

/// Some of the ids up to `most`, each with the same chance.
std::set<std::uint32_t> some(std::mt19937& random, std::uint32_t most) {
  std::set<std::uint32_t> ids;
  for (std::uint32_t id = 1; id <= most; ++id) {
    if (random() % 2 == 0) ids.insert(id);
  }
  return ids;
}

/// The definition, word by word.
bool weighted(const std::map<PeerId, WeightedQuorum::Vote>& votes, const std::set<std::uint32_t>& present) {
  std::set<std::uint32_t> groups;
  for (const auto& [peer, vote] : votes) groups.insert(vote.group);
  int counted = 0, won = 0;
  for (const auto group : groups) {
    std::uint64_t all = 0, here = 0;
    for (const auto& [peer, vote] : votes) {
      if (vote.group != group) continue;
      all += vote.weight;
      if (present.contains(peer.value)) here += vote.weight;
    }
    if (all == 0) continue;
    ++counted;
    if (2 * here > all) ++won;
  }
  return 2 * won > counted;
}

TEST_CASE("a majority is more than half of the voters, whoever else is there") {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const auto voters = some(random, 1 + random() % 9);
    const auto present = some(random, 12);
    std::size_t voting = 0;
    for (const auto id : present) voting += voters.contains(id);
    const MajorityQuorum quorum(set_of(voters));
    CHECK(quorum.contains_quorum(set_of(present)) == (2 * voting > voters.size()));
    for (std::uint32_t id = 1; id <= 12; ++id) CHECK(quorum.is_voter({id}) == voters.contains(id));
  }
}

TEST_CASE("half of an even number is no majority, and nobody is none") {
  const MajorityQuorum four(set_of({1, 2, 3, 4}));
  CHECK_FALSE(four.contains_quorum(set_of({1, 2})));
  CHECK(four.contains_quorum(set_of({1, 2, 4})));
  CHECK_FALSE(four.contains_quorum({}));
  CHECK_FALSE(MajorityQuorum(PeerSet{}).contains_quorum(set_of({1, 2, 3})));
}

TEST_CASE("a weighted quorum is a majority of weight in a majority of the groups that have weight") {
  std::mt19937 random(2);
  for (int round = 0; round < 3000; ++round) {
    std::map<PeerId, WeightedQuorum::Vote> votes;
    for (const auto id : some(random, 10)) votes[{id}] = {static_cast<std::uint32_t>(random() % 4), random() % 4};
    const WeightedQuorum quorum(votes);
    for (int look = 0; look < 20; ++look) {
      const auto present = some(random, 12);
      CHECK(quorum.contains_quorum(set_of(present)) == weighted(votes, present));
    }
    for (const auto& [peer, vote] : votes) CHECK(quorum.is_voter(peer));
  }
}

TEST_CASE("two weighted quorums of one rule share a node") {
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    std::map<PeerId, WeightedQuorum::Vote> votes;
    for (std::uint32_t id = 1; id <= 9; ++id) votes[{id}] = {static_cast<std::uint32_t>(random() % 3), random() % 3};
    const WeightedQuorum quorum(votes);
    const auto one = some(random, 9);
    std::set<std::uint32_t> rest;
    for (std::uint32_t id = 1; id <= 9; ++id) {
      if (!one.contains(id)) rest.insert(id);
    }
    CHECK_FALSE((quorum.contains_quorum(set_of(one)) && quorum.contains_quorum(set_of(rest))));
  }
}

TEST_CASE("a set of nodes includes another if it has all of it") {
  CHECK(set_of({1, 2, 255}).includes(set_of({2, 255})));
  CHECK_FALSE(set_of({1, 2}).includes(set_of({2, 3})));
  auto set = set_of({1, 2});
  set.erase({1});
  CHECK(set == set_of({2}));
  CHECK(set.size() == 1);
  set.clear();
  CHECK(set.size() == 0);
}

TEST_CASE("a joint quorum is one of each, and whoever votes in neither does not count") {
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    const auto from = some(random, 6), to = some(random, 6), present = some(random, 9);
    const auto count = [&](const std::set<std::uint32_t>& voters) {
      std::size_t voting = 0;
      for (const auto id : present) voting += voters.contains(id);
      return 2 * voting > voters.size();
    };
    const JointQuorum quorum(std::make_shared<MajorityQuorum>(set_of(from)),
                             std::make_shared<MajorityQuorum>(set_of(to)));
    CHECK(quorum.contains_quorum(set_of(present)) == (count(from) && count(to)));
    for (std::uint32_t id = 1; id <= 9; ++id) CHECK(quorum.is_voter({id}) == (from.contains(id) || to.contains(id)));
  }
}

TEST_CASE("two joint quorums share a node, and each shares one with every quorum of either side") {
  std::mt19937 random(4);
  for (int round = 0; round < 2000; ++round) {
    auto from = some(random, 5), to = some(random, 7);
    from.insert(1);
    to.insert(7);
    const auto old_one = std::make_shared<MajorityQuorum>(set_of(from)),
               new_one = std::make_shared<MajorityQuorum>(set_of(to));
    const JointQuorum joint(old_one, new_one);
    const auto a = some(random, 7), b = some(random, 7);
    const bool share = std::any_of(a.begin(), a.end(), [&](auto id) { return b.contains(id); });
    if (!joint.contains_quorum(set_of(a))) continue;
    for (const Quorum* other : {static_cast<const Quorum*>(&joint), static_cast<const Quorum*>(old_one.get()),
                                static_cast<const Quorum*>(new_one.get())}) {
      if (other->contains_quorum(set_of(b))) CHECK(share);
    }
  }
}

}  // namespace
}  // namespace troupe::zab
