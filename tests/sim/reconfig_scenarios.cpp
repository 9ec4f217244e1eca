// The ensemble changes while it runs.
#include <set>

#include "tests/sim/ensemble.hpp"

namespace troupe::sim {
namespace {

std::set<std::uint32_t> members(Ensemble& e, std::uint32_t at) {
  std::set<std::uint32_t> ids;
  for (const auto& [id, member] : parse_configuration(e.value(at, "/zookeeper/config")).members) ids.insert(id.value);
  return ids;
}

TEST_CASE("the configuration is in the tree from the beginning") {
  Ensemble e({.voters = 3, .observers = 1});
  e.start_all();
  e.settle();
  const auto config = parse_configuration(e.value("/zookeeper/config"));
  CHECK(config.members.size() == 4);
  CHECK(config.members.at({4}).observer);
  CHECK(config.version == Configuration::of_txn(e.node(e.leader()).data().log().configuration())->since);
}

TEST_CASE("nodes that joined decide: three become five, and then live without two of the first three") {
  Ensemble e({.voters = 3, .spares = 2});
  e.start_all();
  e.settle();
  auto& client = e.client();
  REQUIRE(client.connect(e.leader()));
  CHECK(client.create("/a", "1").ok());
  const auto grown = client.reconfig("4,5");
  REQUIRE(grown.ok());
  CHECK(grown.path == e.value(e.leader(), "/zookeeper/config"));
  CHECK(parse_configuration(grown.path).version == grown.zxid);
  e.settle();
  CHECK(members(e, 4) == std::set<std::uint32_t>{1, 2, 3, 4, 5});
  e.kill(e.leader() == 1 ? 2 : 1);
  e.kill(e.leader());
  e.settle();
  auto& other = e.client();
  REQUIRE(other.connect(4));
  CHECK(other.create("/b", "2").ok());
  CHECK(e.value(5, "/a") == "1");
}

TEST_CASE("the leader is removed: its client is answered, the others lead at once, and it goes on as an observer") {
  Ensemble e({.voters = 4});
  e.start_all();
  e.settle();
  const auto gone = e.leader();
  auto& client = e.client();
  REQUIRE(client.connect(gone));
  REQUIRE(client.reconfig("", std::to_string(gone)).ok());
  const auto began = e.world().now();
  e.run_until(
      "another leads", [&] { return e.leader() != 0 && e.leader() != gone; }, 2 * seconds);
  CHECK(e.world().now() - began < 1 * seconds);
  e.settle();
  e.run_until("it shows that it observes", [&] { return e.node(gone).status().role == zab::PeerState::observing; });
  CHECK_FALSE(members(e, gone).contains(gone));
  e.kill(gone);
  e.run_for(3 * seconds);
  CHECK(e.leader() != 0);  // nobody misses it
}

TEST_CASE("an observer becomes a voter and a voter an observer") {
  Ensemble e({.voters = 3, .observers = 1});
  e.start_all();
  e.settle();
  auto& client = e.client();
  REQUIRE(client.connect(1));
  const std::uint32_t demoted = e.leader() == 2 ? 3 : 2;
  REQUIRE(client.reconfig("4," + std::to_string(demoted) + "o").ok());
  e.settle();
  e.run_until("they show it", [&] {
    return e.node(4).status().role == zab::PeerState::following &&
           e.node(demoted).status().role == zab::PeerState::observing;
  });
  e.kill(demoted);
  e.kill(1);  // one of three voters
  e.settle();
  auto& other = e.client();
  REQUIRE(other.connect(4));
  CHECK(other.create("/a").ok());
}

TEST_CASE("a member that was away while all others were replaced finds the ensemble again") {
  Ensemble e({.voters = 3, .spares = 2});
  e.start_all();
  e.settle();
  const std::uint32_t away = e.leader() == 1 ? 2 : 1;
  const std::uint32_t third = 6 - away - e.leader();
  e.kill(away);
  auto& client = e.client();
  const auto leader = e.leader();
  REQUIRE(client.connect(leader));
  REQUIRE(client.reconfig("4,5", std::to_string(third) + "," + std::to_string(leader)).ok());
  e.run_until("a new one leads", [&] { return e.leader() == 4 || e.leader() == 5; });
  e.kill(leader);
  e.kill(third);
  e.start(away);
  e.run_until("it follows", [&] { return e.leader() != 0 && e.follows(away, e.leader()); });
  e.settle();
  CHECK(members(e, away) == std::set<std::uint32_t>{away, 4, 5});
}

TEST_CASE("a joint step that nobody else has is forgotten, and the configuration before it is in force again") {
  Ensemble e({.voters = 3, .spares = 2});
  e.start_all();
  e.settle();
  const auto cut_off = e.leader();
  auto& client = e.client();
  REQUIRE(client.connect(cut_off));
  e.isolate({cut_off});
  client.send_reconfig("4,5");
  e.run_until("the step is in its log",
              [&] { return Configuration::of_txn(e.node(cut_off).data().log().configuration())->joint(); });
  e.run_until("another leads", [&] { return e.leader() != 0 && e.leader() != cut_off; });
  auto& other = e.client();
  REQUIRE(other.connect(e.leader()));
  REQUIRE(other.create("/a").ok());
  e.lose_in_flight(cut_off);
  e.heal();
  e.settle();
  CHECK_FALSE(Configuration::of_txn(e.node(cut_off).data().log().configuration())->joint());
  CHECK(members(e, cut_off) == std::set<std::uint32_t>{1, 2, 3});
  REQUIRE(other.reconfig("4").ok());  // nothing is under way
}

TEST_CASE("a leader that dies between the two steps leaves the second one to the next") {
  Ensemble e({.voters = 3, .spares = 2});
  e.start_all();
  e.settle();
  const auto first = e.leader();
  auto& client = e.client();
  REQUIRE(client.connect(first));
  // The step goes out, and what the others say of it does not come back.
  client.send_reconfig("4,5");
  for (std::uint32_t id = 1; id <= 5; ++id) {
    if (id != first) e.cut(id, first);
  }
  e.run_until("the step is everywhere", [&] {
    for (std::uint32_t id = 1; id <= 5; ++id) {
      const auto txn = e.node(id).data().log().configuration();
      if (txn.empty() || !Configuration::of_txn(txn)->joint()) return false;
    }
    return true;
  });
  e.kill(first);
  e.heal();
  e.settle();
  const auto config = Configuration::of_txn(e.node(e.leader()).data().log().configuration());
  CHECK_FALSE(config->joint());
  CHECK(config->current.members.size() == 5);
}

std::shared_ptr<const Configuration> logged(Ensemble& e, std::uint32_t id) {
  return Configuration::of_txn(e.node(id).data().log().configuration());
}

TEST_CASE("a leader that is left out dies with the activation in its log alone, and the others cannot do without it") {
  Ensemble e({.voters = 4});
  e.start_all();
  e.settle();
  const auto left = e.leader();
  const std::uint32_t also = left == 1 ? 2 : 1;
  std::vector<std::uint32_t> stay;
  for (std::uint32_t id = 1; id <= 4; ++id) {
    if (id != left && id != also) stay.push_back(id);
  }
  auto& client = e.client();
  REQUIRE(client.connect(left));
  client.send_reconfig("", std::to_string(left) + "," + std::to_string(also));
  e.run_until("the others have the joint step",
              [&] { return logged(e, stay[0])->joint() && logged(e, stay[1])->joint() && logged(e, left)->joint(); });
  for (std::uint32_t id = 1; id <= 4; ++id) {
    if (id != left) e.cut(left, id);  // they acknowledge it, and hear no more
  }
  e.run_until("it has the activation", [&] { return !logged(e, left)->joint(); });
  CHECK_FALSE(logged(e, left)->is_voter({left}));
  for (const auto id : stay) CHECK(logged(e, id)->joint());
  e.lose_in_flight(left);
  e.kill(left);
  e.kill(also);  // for good
  e.heal();
  e.run_for(5 * seconds);
  CHECK(e.leader() == 0);  // two of the four that the joint step needs
  e.start(left);
  e.run_until("one that stays leads", [&] { return e.leads(stay[0]) || e.leads(stay[1]); });
  e.settle();
  CHECK(members(e, left) == std::set<std::uint32_t>(stay.begin(), stay.end()));
  e.kill(left);
  e.run_for(3 * seconds);
  auto& other = e.client();
  REQUIRE(other.connect(stay[0]));
  CHECK(other.create("/a").ok());
}

TEST_CASE("who alone has a step towards nodes that are gone is not waited for") {
  Ensemble e({.voters = 3, .spares = 4});
  e.start_all();
  e.settle();
  const auto ahead = e.leader();
  auto& client = e.client();
  REQUIRE(client.connect(ahead));
  e.isolate({ahead});
  client.send_reconfig("4,5,6,7");
  e.run_until("the step is in its log", [&] { return logged(e, ahead)->joint(); });
  for (std::uint32_t id = 1; id <= 7; ++id) e.kill(id);
  e.lose_in_flight(ahead);
  e.heal();
  for (std::uint32_t id = 1; id <= 3; ++id) e.start(id);
  e.run_until("another leads", [&] { return e.leader() != 0; });
  e.settle();
  CHECK(e.leader() != ahead);
  CHECK_FALSE(logged(e, ahead)->joint());
}

TEST_CASE("who does not have the step yet learns from the others where the node is that it adds") {
  Ensemble e({.voters = 3, .spares = 1});
  e.start_all();
  e.settle();
  const auto leader = e.leader();
  const std::uint32_t behind = leader == 1 ? 2 : 1, away = 6 - leader - behind;
  e.kill(away);  // for good: the three others are needed, and only the node that is added comes before the leader
  e.run_until("it is gone", [&] { return e.leader() == leader; });
  auto& client = e.client();
  REQUIRE(client.connect(leader));
  e.cut(leader, behind);
  client.send_reconfig("4");
  e.run_until("the step is on both", [&] {
    const auto txn = e.node(4).data().log().configuration();
    return logged(e, leader)->joint() && !txn.empty() && Configuration::of_txn(txn)->joint();
  });
  e.kill(leader);
  e.lose_in_flight(behind);
  e.heal();
  REQUIRE_FALSE(logged(e, behind)->joint());
  e.start(leader);
  e.settle();
  CHECK(e.leader() == 4);  // its history is the latest, too, and its id the higher one
  CHECK(members(e, behind) == std::set<std::uint32_t>{1, 2, 3, 4});
}

/// The nodes get another file one by one, each when the one before serves again.
void give_files(Ensemble& e, const std::vector<std::uint32_t>& nodes, const std::set<std::uint32_t>& named) {
  EnsembleConfig file;
  for (const auto id : named) file.members[{id}] = sim_member({id}, false);
  for (const auto id : nodes) {
    e.node(id).set_file(file);
    if (e.node(id).running()) e.kill(id);
    e.start(id);
    e.run_until("node " + std::to_string(id) + " serves",
                [&] { return e.leader() != 0 && e.node(id).status().serving; });
  }
}

TEST_CASE("where clients may not change the ensemble, nodes that get other files one by one do") {
  Ensemble e({.voters = 3, .spares = 2, .reconfig_enabled = false});
  for (std::uint32_t id : {1, 2, 3}) e.start(id);
  e.run_until("they serve", [&] { return e.leader() != 0; });
  auto& client = e.client();
  REQUIRE(client.connect(e.leader()));
  CHECK(client.reconfig("4").error == Error::reconfig_disabled);
  REQUIRE(client.create("/a", "1").ok());

  const std::set<std::uint32_t> five{1, 2, 3, 4, 5};
  give_files(e, {1, 2, 3}, five);
  for (std::uint32_t id : {4, 5}) {
    EnsembleConfig file;
    for (const auto each : five) file.members[{each}] = sim_member({each}, false);
    e.node(id).set_file(file);
    e.start(id);
  }
  e.run_until("all are in it", [&] { return e.leader() != 0 && members(e, e.leader()) == five; });
  e.settle();
  CHECK_FALSE(logged(e, 5)->joint());
  e.kill(1);
  e.kill(2);
  e.settle();
  CHECK(e.value(5, "/a") == "1");

  // And back: who is left out is not let in any more.
  e.start(1);
  e.start(2);
  e.settle();
  give_files(e, {3, 4, 5}, {3, 4, 5});
  e.run_until("the others are out", [&] {
    return e.leader() != 0 && members(e, e.leader()) == std::set<std::uint32_t>{3, 4, 5};
  });
  e.kill(1);
  e.kill(2);
  e.settle();
}

TEST_CASE("what a session asks for behind its reconfiguration is done behind it") {
  Ensemble e({.voters = 3, .spares = 1});
  e.start_all();
  e.settle();
  auto& client = e.client();
  REQUIRE(client.connect(e.leader()));
  const auto first = client.send_create("/before");
  const auto change = client.send_reconfig("4");
  const auto second = client.send_create("/behind");
  e.run_until("all is answered", [&] { return client.answered(second); });
  REQUIRE(client.answer(change).ok());
  CHECK(client.answer(first).zxid < client.answer(change).zxid);
  CHECK(client.answer(change).zxid < client.answer(second).zxid);
}

TEST_CASE("a new ensemble of nodes that are not there is refused, and so is a second change meanwhile") {
  Ensemble e({.voters = 3, .spares = 2});
  for (std::uint32_t id : {1, 2, 3}) e.start(id);
  e.run_until("they serve", [&] { return e.leader() != 0; });
  auto& client = e.client();
  REQUIRE(client.connect(e.leader()));
  CHECK(client.reconfig("4,5", "1,2").error == Error::new_config_no_quorum);
  CHECK(client.reconfig("", "1,2").error == Error::bad_arguments);
  auto& other = e.client();
  REQUIRE(other.connect(e.leader()));
  const auto one = client.send_reconfig("4");
  CHECK(other.reconfig("5").error == Error::reconfig_in_progress);
  e.run_until("the first is answered", [&] { return client.answered(one); });
  CHECK(client.answer(one).ok());  // node 4 is away: three of four are a quorum
}

TEST_CASE("a single node grows and shrinks where standalone mode is off") {
  Ensemble e({.voters = 1, .spares = 1, .standalone_enabled = false});
  e.start_all();
  e.settle();
  auto& client = e.client();
  REQUIRE(client.connect(1));
  REQUIRE(client.reconfig("2").ok());
  e.settle();
  REQUIRE(client.reconfig("", "1").ok());
  e.run_until("node 2 leads", [&] { return e.leads(2); });
  e.settle();
}

TEST_CASE("a node alone is no ensemble in standalone mode") {
  Ensemble e({.voters = 1});
  e.start_all();
  e.run_until("it serves", [&] { return e.leader() == 1; });
  auto& client = e.client();
  REQUIRE(client.connect(1));
  CHECK(client.reconfig("2").error == Error::unimplemented);
}

}  // namespace
}  // namespace troupe::sim
