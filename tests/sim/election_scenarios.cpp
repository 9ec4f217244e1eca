// Who leads, and who does not.
#include "tests/sim/ensemble.hpp"

namespace troupe::sim {
namespace {

TEST_CASE("five nodes started one after the other: the third completes the majority and leads, the others follow") {
  Ensemble ensemble({.voters = 5});
  ensemble.start(1);
  ensemble.run_for(3 * seconds);
  CHECK(ensemble.looking(1));
  ensemble.start(2);
  ensemble.run_for(3 * seconds);
  CHECK(ensemble.looking(1));
  CHECK(ensemble.looking(2));
  ensemble.start(3);
  ensemble.run_until("node 3 leads",
                     [&] { return ensemble.leads(3) && ensemble.follows(1, 3) && ensemble.follows(2, 3); });
  const auto epoch = ensemble.node(3).status().epoch;
  ensemble.start(4);
  ensemble.run_until("node 4 follows", [&] { return ensemble.follows(4, 3); });
  ensemble.start(5);
  ensemble.run_until("node 5 follows", [&] { return ensemble.follows(5, 3); });
  CHECK(ensemble.leads(3));
  CHECK(ensemble.node(3).status().epoch == epoch);
}

TEST_CASE("two of four are no majority, the third decides") {
  Ensemble ensemble({.voters = 4});
  ensemble.start(1);
  ensemble.start(2);
  ensemble.run_for(5 * seconds);
  CHECK(ensemble.looking(1));
  CHECK(ensemble.looking(2));
  ensemble.start(3);
  ensemble.run_until("node 3 leads",
                     [&] { return ensemble.leads(3) && ensemble.follows(1, 3) && ensemble.follows(2, 3); });
  ensemble.kill(1);
  ensemble.run_until("nobody leads", [&] { return ensemble.leader() == 0; });
  ensemble.run_for(5 * seconds);
  CHECK(ensemble.leader() == 0);
}

TEST_CASE("a node that missed a change does not lead those that have it") {
  Ensemble ensemble;
  ensemble.start(1);
  ensemble.start(2);
  ensemble.run_until("node 2 leads", [&] { return ensemble.leads(2); });
  ensemble.start(3);
  ensemble.settle();
  REQUIRE(ensemble.leads(2));
  auto& client = ensemble.client();
  REQUIRE(client.connect(1));
  REQUIRE(client.create("/a", "1").ok());
  ensemble.settle();

  ensemble.kill(2);
  ensemble.run_until("another node leads", [&] { return ensemble.leader() == 1 || ensemble.leader() == 3; });
  ensemble.run_until("node 1 serves again", [&] { return client.connect(1); });
  REQUIRE(client.remove("/a").ok());
  ensemble.settle();
  ensemble.kill(1);
  ensemble.kill(3);

  ensemble.start_all();
  ensemble.settle();
  CHECK_FALSE(ensemble.leads(2));
  CHECK(ensemble.value(2, "/a") == "(none)");
  CHECK(ensemble.value("/a") == "(none)");
}

TEST_CASE("a minority that is cut off serves no writes and its leader steps down, healed, all agree") {
  Ensemble ensemble({.voters = 5});
  ensemble.start_all();
  const auto old = ensemble.wait_for_leader();
  ensemble.settle();
  const std::uint32_t companion = old == 1 ? 2 : 1;
  auto& inside = ensemble.client();
  REQUIRE(inside.connect(old));
  REQUIRE(inside.create("/a", "before").ok());

  ensemble.isolate({old, companion});
  const auto lost = inside.send_set("/a", "from the minority");
  ensemble.run_until("the minority's leader steps down",
                     [&] { return ensemble.looking(old) && ensemble.looking(companion); });
  CHECK_FALSE(inside.answered(lost));
  CHECK(inside.closed() == Closed::not_serving);
  CHECK_FALSE(inside.connect(old));
  CHECK_FALSE(inside.connect(companion));

  const auto leader = ensemble.wait_for_leader();
  CHECK(leader != old);
  auto& outside = ensemble.client();
  REQUIRE(outside.connect(leader));
  REQUIRE(outside.set("/a", "from the majority").ok());
  ensemble.run_for(5 * seconds);
  CHECK(ensemble.looking(old));
  CHECK(ensemble.value(leader, "/a") == "from the majority");

  ensemble.heal();
  ensemble.settle();
  CHECK(ensemble.value("/a") == "from the majority");
}

TEST_CASE("a leader that hears nobody but is heard steps down, too") {
  Ensemble ensemble;
  ensemble.start_all();
  const auto old = ensemble.wait_for_leader();
  ensemble.settle();
  for (std::uint32_t id = 1; id <= 3; ++id) {
    if (id != old) ensemble.cut(id, old);
  }
  ensemble.run_until("it steps down", [&] { return !ensemble.leads(old); });
  ensemble.heal();
  ensemble.settle();
}

TEST_CASE("a node joins a leader whose followers came to it in different rounds of election") {
  Ensemble ensemble;
  ensemble.start(2);
  ensemble.start(3);
  ensemble.run_until("node 3 leads", [&] { return ensemble.leads(3) && ensemble.follows(2, 3); });
  // Node 2 loses its leader a few times and comes back; the leader stays, with node 1 as its quorum.
  ensemble.start(1);
  ensemble.settle();
  for (int i = 0; i < 5; ++i) {
    ensemble.kill(2);
    ensemble.run_for(100 * milliseconds);
    ensemble.start(2);
    ensemble.settle();
    ensemble.kill(1);
    ensemble.run_for(100 * milliseconds);
    ensemble.start(1);
    ensemble.settle();
  }
  CHECK(ensemble.leads(3));
}

TEST_CASE("an observer serves reads and forwards writes, and changes no quorum") {
  Ensemble ensemble({.voters = 3, .observers = 2});
  ensemble.start_all();
  const auto leader = ensemble.wait_for_leader();
  ensemble.settle();
  auto& there = ensemble.client();
  REQUIRE(there.connect(4));
  REQUIRE(there.create("/a", "1").ok());
  REQUIRE(there.set("/a", "2").ok());
  const auto read = there.get("/a");
  CHECK(read.data == "2");

  SECTION("its death is of no matter") {
    ensemble.kill(4);
    ensemble.kill(5);
    auto& client = ensemble.client();
    REQUIRE(client.connect(leader));
    CHECK(client.set("/a", "3").ok());
  }
  SECTION("its lag is of no matter, and it catches up") {
    ensemble.node(4).slow_disk(500 * milliseconds, 600 * milliseconds);
    auto& client = ensemble.client();
    REQUIRE(client.connect(leader));
    for (int i = 0; i < 50; ++i) REQUIRE(client.set("/a", std::to_string(i)).ok());
    CHECK(ensemble.node(4).data().log().last() < ensemble.history().last());
    ensemble.node(4).slow_disk(100, 1'000);
    ensemble.settle();
    CHECK(ensemble.value("/a") == "49");
  }
  SECTION("two observers and one voter are no quorum") {
    std::vector<std::uint32_t> followers;
    for (std::uint32_t id = 1; id <= 3; ++id) {
      if (id != leader) followers.push_back(id);
    }
    ensemble.kill(followers[0]);
    ensemble.run_for(2 * seconds);
    CHECK(ensemble.leader() != 0);
    ensemble.kill(followers[1]);
    ensemble.run_until("nobody leads", [&] { return ensemble.leader() == 0; });
    ensemble.run_for(3 * seconds);
    CHECK(ensemble.leader() == 0);
    CHECK_FALSE(there.connect(4));
    ensemble.start(followers[0]);
    ensemble.settle();
    CHECK(ensemble.value("/a") == "2");
  }
}

}  // namespace
}  // namespace troupe::sim
