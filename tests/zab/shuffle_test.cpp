// The cores of a whole ensemble against each other, their messages, votes and disk writes in every
// order that a seed can think of, with crashes and broken connections.
#include "tests/zab/cluster.hpp"

namespace troupe::zab {
namespace {

TEST_CASE("the promises of ZAB hold whatever the order of messages, writes, crashes and broken connections") {
  std::size_t delivered = 0, reigns = 0, diffs = 0, truncs = 0, snaps = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Cluster cluster(seed, 3 + 2 * (seed % 2), seed % 3 == 0 ? 1 : 0);
    cluster.start_all();
    for (int i = 0; i < 12'000 && cluster.violation().empty(); ++i) cluster.step(true);
    REQUIRE(cluster.violation() == "");
    // When the faults end, all agree in the end.
    cluster.start_all();
    bool agreed = false;
    for (int i = 0; i < 60'000 && !agreed && cluster.violation().empty(); ++i) {
      cluster.step(false);
      agreed = cluster.agreed();
    }
    REQUIRE(cluster.violation() == "");
    CHECK(agreed);
    delivered += cluster.delivered();
    reigns += cluster.reigns();
    diffs += cluster.plans(SyncPlan::Kind::diff);
    truncs += cluster.plans(SyncPlan::Kind::trunc);
    snaps += cluster.plans(SyncPlan::Kind::snap);
  }
  // It did happen.
  CHECK(delivered > 10'000);
  CHECK(reigns > 1'000);
  CHECK(diffs > 3'000);
  CHECK(truncs > 50);
  CHECK(snaps > 300);
}

TEST_CASE("a seed replays") {
  const auto run = [](std::uint64_t seed) {
    Cluster cluster(seed, 5, 1);
    cluster.start_all();
    for (int i = 0; i < 8'000; ++i) cluster.step(true);
    return std::tuple(cluster.delivered(), cluster.reigns(), cluster.plans(SyncPlan::Kind::diff),
                      cluster.plans(SyncPlan::Kind::trunc), cluster.plans(SyncPlan::Kind::snap));
  };
  CHECK(run(7) == run(7));
  CHECK(run(7) != run(8));
}

}  // namespace
}  // namespace troupe::zab
