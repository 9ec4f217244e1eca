// When containers and TTL znodes are cleaned up, and how fast.
#include "actors/cleanup.hpp"

#include <algorithm>

#include "tests/catch.hpp"
#include "tests/logic/single_node.hpp"

using namespace troupe;
using namespace troupe::testing;
using Kind = schema::NodeKind;
using Paths = std::vector<std::string>;

namespace {

constexpr SessionId alice{1}, ensemble{0};

struct Fixture : SingleNode {
  Fixture() { run({alice, 0, OpenSession{}}); }
  void create(const std::string& path, Kind kind, std::int64_t ttl = 0, std::int64_t time_ms = 1'000) {
    REQUIRE(run({alice, 1, Create{path, "", kind, open_acl, ttl}}, time_ms).error == Error::ok);
  }
  Error clean_up(const std::string& path, std::int64_t time_ms) {
    const Bytes request = delete_due_request(path);
    const FlatReader<schema::Request> reader(request);
    const auto proposal = proposer().prepare(zxid().next(), time_ms, reader.root());
    skip_to(zxid().next());
    const FlatReader<schema::Txn> txn(proposal->txn);
    return txn.root().isRefused() ? static_cast<Error>(txn.root().getRefused().getError()) : Error::ok;
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A pass begins at every interval and names what is due") {
  create("/unused", Kind::CONTAINER);
  create("/used", Kind::CONTAINER);
  create("/used/child", Kind::PERSISTENT);
  create("/ttl", Kind::TTL, 50);
  create("/long", Kind::TTL, 1'000'000);
  Cleanup cleanup({.interval_ms = 100}, 0);
  CHECK(cleanup.tick(99, 2'000, proposer().view()).empty());
  CHECK(cleanup.tick(100, 1'050, proposer().view()).empty());  // a TTL is over when more than it has passed
  CHECK(cleanup.tick(150, 2'000, proposer().view()).empty());  // between passes
  CHECK(cleanup.tick(200, 2'000, proposer().view()) == Paths{"/ttl"});
  REQUIRE(run({alice, 2, Delete{"/used/child"}}).error == Error::ok);
  CHECK(cleanup.tick(300, 2'000, proposer().view()) == Paths{"/used"});
  CHECK(cleanup.tick(310, 2'000, proposer().view()) == Paths{"/ttl"});  // the next of the same pass
}

TEST_CASE_METHOD(Fixture, "No more than the rate allows") {
  for (int i = 0; i < 30; ++i) create("/t" + std::to_string(i), Kind::TTL, 1);
  Cleanup cleanup({.interval_ms = 100, .per_minute = 600}, 0);  // one in 100 ms
  Paths all;
  for (std::int64_t now = 0; now < 2'000; now += 10) {
    for (auto& path : cleanup.tick(now, 5'000, proposer().view())) all.push_back(path);
  }
  CHECK(all.size() == 20 - 1);  // from 100 ms on, one at once
  std::sort(all.begin(), all.end());
  CHECK(std::unique(all.begin(), all.end()) == all.end());
}

TEST_CASE("Containers that never had a child go where the rules say so") {
  Rules rules;
  rules.never_used_ms = 500;
  SingleNode node(rules);
  node.run({ensemble, 1, Create{"/c", "", Kind::CONTAINER}}, 1'000);
  Cleanup never({.interval_ms = 10}, 0), some_day({.interval_ms = 10, .never_used_ms = 500}, 0);
  CHECK(never.tick(10, 1'000'000, node.proposer().view()).empty());
  CHECK(some_day.tick(10, 1'500, node.proposer().view()).empty());
  CHECK(some_day.tick(20, 1'501, node.proposer().view()) == Paths{"/c"});
}

TEST_CASE_METHOD(Fixture, "The ensemble deletes what is due and nothing else") {
  create("/plain", Kind::PERSISTENT);
  create("/unused", Kind::CONTAINER);
  create("/ttl", Kind::TTL, 50);
  CHECK(clean_up("/plain", 9'000) == Error::bad_version);
  CHECK(clean_up("/unused", 9'000) == Error::bad_version);
  CHECK(clean_up("/gone", 9'000) == Error::no_node);
  CHECK(clean_up("/ttl", 9'000) == Error::ok);
  CHECK(clean_up("/ttl", 9'000) == Error::no_node);
}
