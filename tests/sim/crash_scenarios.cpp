// What survives, and what does not, when nodes die or lose their power.

#include "tests/sim/ensemble.hpp"

namespace troupe::sim {
namespace {

/// Three nodes that agree on "/a" = "before"; a client of the leader's.
struct Three {
  Ensemble ensemble;
  std::uint32_t leader;
  std::vector<std::uint32_t> followers;
  Client* client;

  explicit Three(std::uint64_t seed = 1) : ensemble({.seed = seed}) {
    ensemble.start_all();
    leader = ensemble.wait_for_leader();
    ensemble.settle();
    for (std::uint32_t id = 1; id <= 3; ++id) {
      if (id != leader) followers.push_back(id);
    }
    client = &ensemble.client();
    REQUIRE(client->connect(leader));
    REQUIRE(client->create("/a", "before").ok());
    ensemble.settle();
  }
  Zxid on_disk(std::uint32_t id) { return ensemble.node(id).data().log().last(); }
};

TEST_CASE("a proposal that never left its leader is gone when the leader comes back: its tail is truncated") {
  Three three;
  auto& e = three.ensemble;
  for (const auto id : three.followers) e.cut(three.leader, id);
  const auto before = e.history().last();
  const auto lost = three.client->send_set("/a", "lost");
  e.run_until("it is on the leader's disk", [&] { return three.on_disk(three.leader) > before; });
  e.lose_in_flight(three.leader);
  e.kill(three.leader);
  e.heal();
  CHECK_FALSE(three.client->answered(lost));

  e.wait_for_leader();
  auto& client = e.client();
  REQUIRE(client.connect(e.leader()));
  REQUIRE(client.set("/a", "after").ok());
  e.forget_brought_up();
  e.start(three.leader);
  e.settle();
  CHECK(e.brought_up(three.leader) == 't');
  CHECK_FALSE(e.leads(three.leader));
  CHECK(e.value("/a") == "after");
  // The next change of "/a" after "before" is "after": nobody ever had what was lost.
  CHECK(e.history().data_at("/a", *e.history().next_change("/a", before)) == "after");
}

TEST_CASE("a proposal that reached a quorum's disks before its leader died is committed everywhere") {
  Three three;
  auto& e = three.ensemble;
  for (const auto id : three.followers) e.cut(id, three.leader);  // the acknowledgements do not come back
  const auto before = e.history().last();
  const auto unknown = three.client->send_set("/a", "proposed");
  e.run_until("it is on the followers' disks",
              [&] { return three.on_disk(three.followers[0]) > before && three.on_disk(three.followers[1]) > before; });
  CHECK(e.history().last() == before);  // nobody has committed it
  CHECK_FALSE(three.client->answered(unknown));
  e.kill(three.leader);
  e.heal();
  e.settle();
  CHECK(e.value("/a") == "proposed");
  e.start(three.leader);
  e.settle();
  CHECK(e.value("/a") == "proposed");
}

TEST_CASE("whenever its leader dies, a proposal is gone or committed, everywhere, acknowledged, it is committed") {
  int gone = 0, committed = 0, acknowledged = 0;
  std::uint64_t seed = 0;
  // It is on its way to the followers soon, and on disks later: the steps grow.
  for (Micros after = 0; after <= 5 * milliseconds; after += 1 + after / 20) {
    INFO("killed after " << after << " µs");
    Three three(++seed);
    auto& e = three.ensemble;
    const auto write = three.client->send_set("/a", "written");
    e.run_for(after);
    e.kill(three.leader);
    const bool was_acknowledged = three.client->answered(write) && three.client->answer(write).ok();
    e.settle();
    const auto without = e.value("/a");
    if (was_acknowledged) CHECK(without == "written");
    e.start(three.leader);
    e.settle();
    CHECK(e.value("/a") == without);
    REQUIRE((without == "before" || without == "written"));
    gone += without == "before";
    committed += without == "written";
    acknowledged += was_acknowledged;
  }
  CHECK(gone > 2);
  CHECK(committed > acknowledged);  // also some that its client could not know
  CHECK(acknowledged > 2);
}

TEST_CASE("once any node has a write in its tree, it survives its leader") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Three three(seed);
    auto& e = three.ensemble;
    const auto before = e.history().last();
    three.client->send_set("/a", "committed");
    e.run_until("the first node delivers it", [&] { return e.history().last() > before; });
    e.kill(three.leader);
    e.settle();
    CHECK(e.value("/a") == "committed");
    e.start(three.leader);
    e.settle();
    CHECK(e.value("/a") == "committed");
  }
}

TEST_CASE("a follower's client is answered as soon as its node and the leader have the write on disk") {
  Three three;
  auto& e = three.ensemble;
  const auto follower = three.followers[0], other = three.followers[1];
  auto& client = e.client();
  REQUIRE(client.connect(follower));
  auto& reader = e.client();
  REQUIRE(reader.connect(three.leader));
  // The leader learns of it later, and the other follower later still.
  e.cut(three.leader, other);
  bool proposed = false;
  e.on_message = [&](PeerId, PeerId to, const zab::Message& message) {
    if (to.value != follower || !std::holds_alternative<zab::Proposals>(message) || proposed) return;
    proposed = true;
    e.cut(follower, three.leader);
  };
  const auto write = client.send_set("/a", "early");
  e.run_until("its client is answered", [&] { return client.answered(write); });
  REQUIRE(client.answer(write).ok());
  CHECK(e.value(follower, "/a") == "early");
  CHECK(e.value(three.leader, "/a") == "before");

  SECTION("it survives the leader") {
    e.kill(three.leader);
    e.heal();
    e.settle();
    CHECK(e.value("/a") == "early");
  }
  SECTION("it survives the follower") {
    e.kill(follower);
    e.heal();
    e.settle();
    CHECK(e.value("/a") == "early");
  }
  SECTION("it shows no less when it comes back without its tree") {
    e.node(follower).cut_power();
    e.kill(other);
    e.heal();
    e.start(follower);
    auto& again = e.client();
    e.run_until("it serves again", [&] { return again.connect(follower); });
    CHECK(again.get("/a").data == "early");
  }
  SECTION("who reads behind a sync, anywhere, reads it") {
    // The leader hears of the commit together with what confirms that it leads, and its tree is later still.
    const auto sync = reader.send_sync();
    e.run_for(20 * milliseconds);
    e.node(three.leader).slow_applier(50 * milliseconds, 50 * milliseconds);
    e.heal();
    e.run_until("the sync is answered", [&] { return reader.answered(sync); });
    REQUIRE(reader.answer(sync).ok());
    CHECK(reader.get("/a").data == "early");
  }
}

TEST_CASE("all nodes lose their power at once: everything acknowledged is there") {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    INFO("seed " << seed);
    Three three(seed);
    auto& e = three.ensemble;
    std::vector<Client*> writers{three.client};
    for (std::uint32_t id = 1; id <= 3; ++id) {
      writers.push_back(&e.client());
      REQUIRE(writers.back()->connect(id));
      REQUIRE(writers.back()->create("/w" + std::to_string(id)).ok());
    }
    three.client->keep_writing("/a");
    for (std::uint32_t id = 1; id <= 3; ++id) writers[id]->keep_writing("/w" + std::to_string(id));
    e.run_for(20 * milliseconds + static_cast<Micros>(seed) * 777);
    for (std::uint32_t id = 1; id <= 3; ++id) e.node(id).cut_power();
    for (auto* writer : writers) writer->stop_writing();
    e.start_all();
    e.settle();
    CHECK(std::stoull(e.value("/a")) >= three.client->acknowledged());
    CHECK(three.client->acknowledged() > 0);
    for (std::uint32_t id = 1; id <= 3; ++id) {
      CHECK(writers[id]->acknowledged() > 0);
      CHECK(std::stoull(e.value("/w" + std::to_string(id))) >= writers[id]->acknowledged());
    }
  }
}

TEST_CASE("one node after the other loses its power, again and again, while writes go on") {
  Ensemble e({.voters = 3, .checkpoint_txns = 20});
  e.start_all();
  e.wait_for_leader();
  e.settle();
  auto& client = e.client();
  REQUIRE(client.connect(e.leader()));
  REQUIRE(client.create("/a", "0").ok());
  std::uint64_t acknowledged = 0;
  for (std::uint32_t round = 0; round < 12; ++round) {
    const auto victim = round % 3 + 1;
    client.keep_writing("/a");
    e.run_for(300 * milliseconds);
    e.node(victim).cut_power();
    e.run_for(300 * milliseconds);
    client.stop_writing();
    acknowledged = std::max(acknowledged, client.acknowledged());
    e.start(victim);
    e.settle();
    CHECK(std::stoull(e.value("/a")) >= acknowledged);
    e.run_until("the client is served again", [&] { return client.connected() || client.connect(e.leader()); });
  }
  CHECK(acknowledged > 500);
}

TEST_CASE("a full disk stops its node with a message, the others go on, and with room again it comes back") {
  Three three;
  auto& e = three.ensemble;
  const bool leader_too = GENERATE(false, true);
  const auto victim = leader_too ? three.leader : three.followers[0];
  auto& client = e.client();
  REQUIRE(client.connect(three.followers[1]));
  e.node(victim).fill_disk(true);
  client.send_set("/a", "2");
  e.run_until("it stops", [&] { return !e.node(victim).running(); });
  CHECK_THAT(e.node(victim).failure(), Catch::Contains("space"));
  e.wait_for_leader();
  e.settle();
  e.run_until("the client is served", [&] { return client.connected() || client.connect(three.followers[1]); });
  REQUIRE(client.set("/a", "3").ok());
  e.node(victim).fill_disk(false);
  e.start(victim);
  e.settle();
  CHECK(e.value("/a") == "3");
}

}  // namespace
}  // namespace troupe::sim
