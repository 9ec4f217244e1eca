// Sessions and their ephemerals, wherever their clients go and whoever leads.
#include "tests/sim/ensemble.hpp"

namespace troupe::sim {
namespace {

constexpr auto ephemeral = schema::NodeKind::EPHEMERAL;

TEST_CASE("a session moves to another node with its ephemerals, and sees what it did") {
  Ensemble e;
  e.start_all();
  e.wait_for_leader();
  e.settle();
  auto& client = e.client();
  REQUIRE(client.connect(1));
  const auto session = client.session();
  REQUIRE(client.create("/mine", "1", ephemeral).ok());
  for (const std::uint32_t id : {2, 3, 1}) {
    REQUIRE(client.connect(id));
    CHECK(client.session() == session);
    CHECK(client.get("/mine").data == "1");
    CHECK(client.set("/mine", "1").ok());
  }
  e.run_for(5 * seconds);
  CHECK(e.value("/mine") == "1");
}

TEST_CASE("who takes a session up ends its older connection") {
  Ensemble e;
  e.start_all();
  e.wait_for_leader();
  e.settle();
  auto& client = e.client();
  REQUIRE(client.connect(1));
  REQUIRE(client.create("/mine", "1", ephemeral).ok());
  auto& here = e.client(client);
  SECTION("on the same node at once") {
    REQUIRE(here.connect(1));
    CHECK(client.closed() == Closed::moved);
  }
  SECTION("on another node with its next write") {
    REQUIRE(here.connect(2));
    CHECK_FALSE(client.set("/mine", "2").ok());
    CHECK(client.closed() == Closed::moved);
  }
  CHECK(here.get("/mine").data == "1");
}

TEST_CASE("a node that stood still ends no session of which it has heard meanwhile, and ends one that left before") {
  Ensemble e({.voters = 1, .session_timeout_ms = 1'000});
  e.start_all();
  e.settle();
  auto& client = e.client();
  auto& gone = e.client();
  REQUIRE(client.connect(1));
  REQUIRE(gone.connect(1));
  REQUIRE(client.create("/mine", "1", ephemeral).ok());
  REQUIRE(gone.create("/other", "1", ephemeral).ok());
  gone.disconnect();
  e.node(1).stop_clock(e.world().now() + 5 * seconds);
  e.run_for(6 * seconds);
  CHECK(client.set("/mine", "2").ok());
  e.run_for(2 * seconds);
  CHECK(e.value(1, "/mine") == "2");
  CHECK(e.value(1, "/other") == "(none)");
}

TEST_CASE("a session of which nobody hears expires, and its ephemerals go with it, on all nodes") {
  Ensemble e({.session_timeout_ms = 1'000});
  e.start_all();
  e.wait_for_leader();
  e.settle();
  auto& client = e.client();
  REQUIRE(client.connect(2));
  REQUIRE(client.create("/mine", "1", ephemeral).ok());
  REQUIRE(client.create("/lasting", "1").ok());
  client.disconnect();
  e.run_for(900 * milliseconds);
  CHECK(e.value(e.leader(), "/mine") == "1");
  e.run_until(
      "it is gone", [&] { return e.value(e.leader(), "/mine") == "(none)"; }, 2 * seconds);
  e.settle();
  CHECK(e.value("/mine") == "(none)");
  CHECK(e.value("/lasting") == "1");
  CHECK_FALSE(client.connect(2));
  CHECK(client.closed() == Closed::expired);
}

TEST_CASE("a session does not expire because the leader changed") {
  Ensemble e({.voters = 5, .session_timeout_ms = 1'500});
  e.start_all();
  e.wait_for_leader();
  e.settle();
  auto& client = e.client();
  REQUIRE(client.connect(e.leader()));
  REQUIRE(client.create("/mine", "1", ephemeral).ok());
  for (int i = 0; i < 6; ++i) {
    const auto leader = e.leader();
    // Nearly all of the timeout has passed in silence when the leader dies; the election takes its
    // time, too. The next leader gives the session its whole timeout again.
    client.disconnect();
    e.run_for(1'200 * milliseconds);
    e.kill(leader);
    e.run_until("another leads", [&] { return e.leader() != 0 && e.leader() != leader; });
    e.run_for(1'000 * milliseconds);
    CHECK(e.value(e.leader(), "/mine") == "1");
    REQUIRE(client.connect(e.leader()));
    e.start(leader);
    e.settle();
  }
  CHECK(e.value("/mine") == "1");
  // And it does expire in the end.
  client.disconnect();
  e.run_until(
      "it is gone", [&] { return e.value(e.leader(), "/mine") == "(none)"; }, 4 * seconds);
}

TEST_CASE("a client of a follower keeps its session while it is connected, however long it asks for nothing") {
  Ensemble e({.voters = 3, .observers = 1, .session_timeout_ms = 800});
  e.start_all();
  e.wait_for_leader();
  e.settle();
  std::vector<Client*> clients;
  for (std::uint32_t id = 1; id <= 4; ++id) {
    clients.push_back(&e.client());
    REQUIRE(clients.back()->connect(id));
    REQUIRE(clients.back()->create("/of-" + std::to_string(id), "1", ephemeral).ok());
  }
  e.run_for(10 * seconds);
  for (std::uint32_t id = 1; id <= 4; ++id) CHECK(e.value("/of-" + std::to_string(id)) == "1");
}

TEST_CASE("a client that is slow to take its answers delays nobody, and gets each in its turn") {
  Ensemble e;
  e.start_all();
  e.wait_for_leader();
  e.settle();
  auto& slow = e.client();
  REQUIRE(slow.connect(1));
  REQUIRE(slow.create("/a", "before").ok());
  slow.take_answers();
  slow.stand_still();
  std::vector<std::uint64_t> reads;
  for (int i = 0; i < 1'000; ++i) reads.push_back(slow.send_get("/a"));
  const auto write = slow.send_set("/a", "behind all its reads");

  for (const std::uint32_t id : {1, 2, 3}) {
    auto& other = e.client();
    REQUIRE(other.connect(id));
    for (int i = 0; i < 20; ++i) {
      REQUIRE(other.set("/a", "by the others").ok());
      REQUIRE(other.get("/a").ok());
    }
  }
  e.settle();
  CHECK(e.value("/a") == "by the others");
  // What it has not taken is one answer and no more, however much it asked for.
  CHECK(slow.answer(reads[0]).data == "before");
  CHECK_FALSE(slow.answered(reads[1]));
  for (std::size_t i = 1; i < reads.size(); ++i) {
    slow.take_answers();
    REQUIRE(slow.answered(reads[i]));
    REQUIRE((i + 1 == reads.size() || !slow.answered(reads[i + 1])));
    REQUIRE(slow.answer(reads[i]).data == "by the others");
  }
  e.run_until("its write is answered", [&] { return slow.answered(write); });
  e.settle();
  CHECK(e.value("/a") == "behind all its reads");
}

TEST_CASE("all nodes are stopped for longer than a session's timeout: its client finds it when they are back") {
  Ensemble e({.session_timeout_ms = 1'000});
  e.start_all();
  e.wait_for_leader();
  e.settle();
  auto& client = e.client();
  REQUIRE(client.connect(1));
  REQUIRE(client.create("/mine", "1", ephemeral).ok());
  e.settle();
  for (std::uint32_t id = 1; id <= 3; ++id) e.node(id).cut_power();
  e.run_for(20 * seconds);
  e.start_all();
  e.run_until("it is served", [&] { return client.connected() || client.connect(1); });
  CHECK(client.get("/mine").data == "1");
}

TEST_CASE("a local session is its node's alone, costs no transaction, and writes as others do") {
  Ensemble e({.session_timeout_ms = 1'000, .local_sessions = true});
  e.start_all();
  const auto leader = e.wait_for_leader();
  e.settle();
  const auto node = leader % 3 + 1;
  const auto before = e.history().last();
  auto& client = e.client();
  REQUIRE(client.connect(node));
  e.run_for(3 * seconds);
  REQUIRE(client.connect(node));
  CHECK(e.history().last() == before);
  CHECK(client.create("/a", "1").ok());
  CHECK(client.set("/a", "2").ok());
  CHECK(client.get("/a").data == "2");

  SECTION("it is unknown elsewhere") {
    CHECK_FALSE(client.connect(leader));
    CHECK(client.closed() == Closed::expired);
  }
  SECTION("it ends with its timeout") {
    client.disconnect();
    e.run_for(1'500 * milliseconds);
    CHECK_FALSE(client.connect(node));
    CHECK(client.closed() == Closed::expired);
  }
  SECTION("it outlives the leader") {
    e.kill(leader);
    e.run_until("its node notices", [&] { return !client.connected(); });
    e.run_until("it is served", [&] { return client.connect(node); });
    CHECK(client.set("/a", "3").ok());
  }
  SECTION("it can change the ensemble") {
    CHECK(client.reconfig("", std::to_string(6 - leader - node)).ok());
    CHECK(client.set("/a", "3").ok());
  }
}

TEST_CASE("a local session that is being upgraded when the leader dies is the one or the other, and goes on") {
  int global = 0, local = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    INFO("seed " << seed);
    Ensemble e({.seed = seed, .local_sessions = true});
    e.start_all();
    const auto leader = e.wait_for_leader();
    e.settle();
    const auto node = leader % 3 + 1;
    auto& client = e.client();
    REQUIRE(client.connect(node));
    const auto session = client.session();
    const auto create = client.send_create("/mine", "1", ephemeral);
    e.run_for(e.world().between(0, 1'500));
    e.kill(leader);
    e.run_until("the node serves again", [&] { return !e.leads(leader) && e.leader() != 0 && client.connect(node); });
    CHECK(client.session() == session);
    const bool done = e.value(node, "/mine") == "1";
    if (client.answered(create) && client.answer(create).ok()) CHECK(done);
    ++(e.node(node).data().tree().view()->session(session) ? global : local);
    REQUIRE(client.create("/more", "1", ephemeral).ok());
    e.start(leader);
    e.settle();
    REQUIRE(client.connect(leader));
    CHECK(e.value("/more") == "1");
    CHECK((e.value("/mine") == "1") == done);
    client.disconnect();
    e.run_until("its ephemerals are gone", [&] { return e.value(e.leader(), "/more") == "(none)"; });
    CHECK(e.value(e.leader(), "/mine") == "(none)");
  }
  CHECK(global > 0);
  CHECK(local > 0);
}

}  // namespace
}  // namespace troupe::sim
