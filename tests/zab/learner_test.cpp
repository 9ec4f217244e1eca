// The learner's side of ZAB, rule by rule; the test plays the leader, the disk and the clock.
#include "actors/zab/learner.hpp"

#include "tests/zab/effects.hpp"

namespace troupe::zab {
namespace {

using namespace learner_effect;
using Phase = Learner::Phase;

struct LearnerSetup {
  Epoch accepted{2}, current{2};
  Zxid last = z(2, 10);
  Zxid settled = {};
  bool observer = false;
};

/// A learner, and what came of the last thing that it was told.
class Bench {
 public:
  using Setup = LearnerSetup;

  explicit Bench(const Setup& setup = {})
      : learner({.self = {3},
                 .observer = setup.observer,
                 .ensemble = "e",
                 .init_timeout_ms = 20'000,
                 .failure_timeout_ms = 1'000},
                setup.accepted, setup.current, setup.last, setup.settled, 0) {
    learner.on_connected(0, effects);
  }

  void hears(const Message& message) {
    effects.clear();
    learner.on_message(message, now, effects);
  }
  void promise_stored() {
    effects.clear();
    learner.on_accepted_epoch_stored(learner.epoch(), effects);
  }
  void epoch_stored() {
    effects.clear();
    learner.on_current_epoch_stored(learner.epoch(), effects);
  }
  void durable(Zxid zxid) {
    effects.clear();
    learner.on_durable(zxid, effects);
  }
  void installed(Zxid zxid) {
    effects.clear();
    learner.on_snapshot_installed(zxid, effects);
  }
  void ticks(std::int64_t at) {
    now = at;
    effects.clear();
    learner.tick(now, effects);
  }
  bool failed() const { return has<Fail>(effects); }

  void promised() {
    hears(LeaderInfo{{3}});
    promise_stored();
    REQUIRE(learner.phase() == Phase::promised);
  }
  /// With a history as long as the leader's: NEWLEADER is acknowledged, UPTODATE has not come.
  void synchronised() {
    promised();
    hears(Diff{});
    hears(NewLeader{{3}});
    epoch_stored();
    REQUIRE(learner.phase() == Phase::synchronised);
  }
  void serving() {
    synchronised();
    hears(UpToDate{});
    REQUIRE(learner.serving());
  }

  Learner learner;
  LearnerEffects effects;
  std::int64_t now = 0;
};

// --- discovery ---

TEST_CASE("a learner introduces itself with its promise, its ensemble and its kind") {
  Bench bench({.observer = true});
  const auto info = sent<FollowerInfo>(bench.effects);
  REQUIRE(info.size() == 1);
  CHECK(info.front().peer == PeerId{3});
  CHECK(info.front().observer);
  CHECK(info.front().accepted_epoch == Epoch{2});
  CHECK(info.front().ensemble == "e");
}

TEST_CASE("a promise is answered only after it is on disk") {
  Bench bench;
  bench.hears(LeaderInfo{{3}});
  CHECK(the<StoreAcceptedEpoch>(bench.effects).epoch == Epoch{3});
  CHECK(sent<AckEpoch>(bench.effects).empty());
  bench.promise_stored();
  const auto ack = sent<AckEpoch>(bench.effects);
  REQUIRE(ack.size() == 1);
  CHECK(ack.front().current_epoch == Epoch{2});
  CHECK(ack.front().last == z(2, 10));
}

TEST_CASE("an epoch promised before is answered without the history: the promise must not count twice") {
  Bench bench({.accepted = {3}});
  bench.hears(LeaderInfo{{3}});
  CHECK_FALSE(has<StoreAcceptedEpoch>(bench.effects));
  const auto ack = sent<AckEpoch>(bench.effects);
  REQUIRE(ack.size() == 1);
  CHECK_FALSE(ack.front().current_epoch.has_value());
}

TEST_CASE("a leader of an epoch older than the promise is not followed") {
  Bench bench({.accepted = {4}});
  bench.hears(LeaderInfo{{3}});
  CHECK(bench.failed());
  CHECK(sent<AckEpoch>(bench.effects).empty());
  CHECK_FALSE(has<StoreAcceptedEpoch>(bench.effects));
}

TEST_CASE("an absurd epoch is not promised: who stored it could follow no sane leader again") {
  constexpr std::uint32_t leap = 1u << 20;
  SECTION("a million elections in a row are believed") {
    Bench bench;
    bench.hears(LeaderInfo{{2 + leap}});
    CHECK(has<StoreAcceptedEpoch>(bench.effects));
  }
  SECTION("more are not") {
    Bench bench;
    bench.hears(LeaderInfo{{2 + leap + 1}});
    CHECK(bench.failed());
    CHECK_FALSE(has<StoreAcceptedEpoch>(bench.effects));
  }
  SECTION("nor by an observer") {
    Bench bench({.observer = true});
    bench.hears(LeaderInfo{{~0u}});
    CHECK(bench.failed());
    CHECK_FALSE(has<StoreAcceptedEpoch>(bench.effects));
  }
  SECTION("a node that knows of no epoch joins an ensemble of any age") {
    Bench bench({.accepted = {}, .current = {}, .last = {}});
    bench.hears(LeaderInfo{{3'000'000'000}});
    CHECK(has<StoreAcceptedEpoch>(bench.effects));
  }
  SECTION("but leaves epochs to those who come") {
    Bench bench({.accepted = {}, .current = {}, .last = {}});
    bench.hears(LeaderInfo{{~0u}});
    CHECK(bench.failed());
  }
}

// --- synchronisation ---

TEST_CASE("NEWLEADER is acknowledged only after the epoch, and so the history before it, is stored") {
  Bench bench;
  bench.promised();
  bench.hears(Diff{});
  bench.hears(Proposals{proposals(z(2, 11), z(2, 13))});
  CHECK(the<Append>(bench.effects).proposals.size() == 3);
  bench.hears(NewLeader{{3}});
  CHECK(the<StoreCurrentEpoch>(bench.effects).epoch == Epoch{3});
  CHECK(sent<AckNewLeader>(bench.effects).empty());
  bench.durable(z(2, 13));
  CHECK(bench.effects.empty());  // acknowledgements of records are withheld until then
  bench.epoch_stored();
  CHECK(sent<AckNewLeader>(bench.effects).size() == 1);
  REQUIRE(sent<Ack>(bench.effects).size() == 1);
  CHECK(sent<Ack>(bench.effects).front().durable == z(2, 13));
}

TEST_CASE("what is proposed between NEWLEADER and UPTODATE is logged and acknowledged") {
  Bench bench;
  bench.promised();
  bench.hears(Diff{});
  bench.hears(NewLeader{{3}});
  bench.hears(Proposals{proposals(z(3, 1), z(3, 2))});
  CHECK(the<Append>(bench.effects).proposals.size() == 2);
  bench.durable(z(3, 1));
  CHECK(bench.effects.empty());
  bench.epoch_stored();
  REQUIRE(sent<Ack>(bench.effects).size() == 1);
  CHECK(sent<Ack>(bench.effects).front().durable == z(3, 1));
  bench.durable(z(3, 2));
  REQUIRE(sent<Ack>(bench.effects).size() == 1);
  CHECK(sent<Ack>(bench.effects).front().durable == z(3, 2));
  CHECK_FALSE(has<Deliver>(bench.effects));
  bench.hears(UpToDate{});
  CHECK(has<Serve>(bench.effects));
}

TEST_CASE("a learner serves from UPTODATE on, not before") {
  Bench bench;
  bench.synchronised();
  CHECK_FALSE(has<Serve>(bench.effects));
  bench.hears(UpToDate{});
  CHECK(has<Serve>(bench.effects));
}

TEST_CASE("TRUNC drops the tail, and what follows comes behind the cut") {
  Bench bench;
  bench.promised();
  bench.hears(Trunc{z(2, 7)});
  CHECK(the<Truncate>(bench.effects).last == z(2, 7));
  CHECK(bench.learner.last() == z(2, 7));
  bench.hears(Proposals{proposals(z(2, 8), z(2, 9))});
  CHECK(has<Append>(bench.effects));
  bench.hears(NewLeader{{3}});
  bench.epoch_stored();
  REQUIRE(sent<Ack>(bench.effects).size() == 1);
  CHECK(sent<Ack>(bench.effects).front().durable == z(2, 7));  // the tail's durability went with it
}

TEST_CASE("TRUNC beyond the history is refused") {
  Bench bench;
  bench.promised();
  bench.hears(Trunc{z(2, 11)});
  CHECK(bench.failed());
}

TEST_CASE("what is committed is not dropped, whatever the leader says") {
  Bench bench({.settled = z(2, 7)});
  bench.promised();
  SECTION("not by TRUNC") {
    bench.hears(Trunc{z(2, 6)});
    CHECK(bench.failed());
    CHECK_FALSE(has<Truncate>(bench.effects));
  }
  SECTION("not by an older snapshot") {
    bench.hears(SnapBegin{z(2, 6)});
    CHECK(bench.failed());
    CHECK_FALSE(has<BeginSnapshot>(bench.effects));
  }
  SECTION("what comes after it may be") {
    bench.hears(Trunc{z(2, 7)});
    CHECK(the<Truncate>(bench.effects).last == z(2, 7));
  }
}

TEST_CASE("a snapshot replaces the history") {
  Bench bench({.last = z(1, 3)});
  bench.promised();
  bench.hears(SnapBegin{z(2, 50)});
  CHECK(has<BeginSnapshot>(bench.effects));
  bench.hears(SnapChunk{Bytes::copy("entries")});
  CHECK(the<SnapshotEntries>(bench.effects).entries.view() == "entries");
  bench.hears(SnapEnd{});
  CHECK(has<EndSnapshot>(bench.effects));
  bench.hears(Proposals{proposals(z(2, 51), z(2, 53))});
  CHECK(has<Append>(bench.effects));
  bench.hears(Commit{z(2, 52)});
  bench.durable(z(2, 53));
  CHECK_FALSE(has<Deliver>(bench.effects));  // the tree is not the snapshot's yet
  bench.installed(z(2, 50));
  CHECK(the<Deliver>(bench.effects).zxid == z(2, 52));
  bench.hears(NewLeader{{3}});
  bench.epoch_stored();
  CHECK(sent<Ack>(bench.effects).front().durable == z(2, 53));
}

TEST_CASE("a snapshot with nothing behind it is delivered by being installed") {
  Bench bench({.last = {}});
  bench.promised();
  bench.hears(SnapBegin{z(2, 50)});
  bench.hears(SnapEnd{});
  bench.hears(NewLeader{{3}});
  bench.epoch_stored();
  bench.hears(Commit{z(2, 50)});
  bench.installed(z(2, 50));
  CHECK_FALSE(has<Deliver>(bench.effects));
}

TEST_CASE("NEWLEADER does not come within a snapshot") {
  Bench bench;
  bench.promised();
  bench.hears(SnapBegin{z(2, 50)});
  bench.hears(NewLeader{{3}});
  CHECK(bench.failed());
}

TEST_CASE("proposals do not come within a snapshot") {
  Bench bench;
  bench.promised();
  bench.hears(SnapBegin{z(2, 50)});
  bench.hears(Proposals{proposals(z(2, 51), z(2, 51))});
  CHECK(bench.failed());
}

// --- broadcast ---

TEST_CASE("a proposal is acknowledged when it is on disk, and not when it comes") {
  Bench bench;
  bench.serving();
  bench.hears(Proposals{proposals(z(3, 1), z(3, 3))});
  CHECK(sent<Ack>(bench.effects).empty());
  bench.durable(z(3, 3));
  REQUIRE(sent<Ack>(bench.effects).size() == 1);
  CHECK(sent<Ack>(bench.effects).front().durable == z(3, 3));
}

TEST_CASE("the tree gets what is committed and on this disk, whichever comes first") {
  Bench bench;
  bench.serving();
  bench.hears(Commit{z(2, 10)});
  CHECK(the<Deliver>(bench.effects).zxid == z(2, 10));
  bench.hears(Proposals{proposals(z(3, 1), z(3, 5))});

  SECTION("committed before it is on disk") {
    bench.hears(Commit{z(3, 4)});
    CHECK_FALSE(has<Deliver>(bench.effects));
    bench.durable(z(3, 2));
    CHECK(the<Deliver>(bench.effects).zxid == z(3, 2));
    bench.durable(z(3, 5));
    CHECK(the<Deliver>(bench.effects).zxid == z(3, 4));
  }
  SECTION("on disk before it is committed") {
    bench.durable(z(3, 5));
    CHECK_FALSE(has<Deliver>(bench.effects));
    bench.hears(Commit{z(3, 3)});
    CHECK(the<Deliver>(bench.effects).zxid == z(3, 3));
    bench.hears(Commit{z(3, 3)});
    CHECK_FALSE(has<Deliver>(bench.effects));
  }
}

TEST_CASE("proposals come in order and without gaps") {
  Bench bench;
  bench.serving();
  bench.hears(Proposals{proposals(z(3, 1), z(3, 3))});
  REQUIRE_FALSE(bench.failed());
  SECTION("not one twice") {
    bench.hears(Proposals{{proposal(z(3, 3))}});
    CHECK(bench.failed());
  }
  SECTION("not an earlier one") {
    bench.hears(Proposals{{proposal(z(3, 2))}});
    CHECK(bench.failed());
  }
  SECTION("not one too far") {
    bench.hears(Proposals{{proposal(z(3, 5))}});
    CHECK(bench.failed());
  }
  SECTION("not in disorder within a message") {
    bench.hears(Proposals{{proposal(z(3, 5)), proposal(z(3, 4))}});
    CHECK(bench.failed());
  }
  SECTION("not from the middle of another epoch") {
    bench.hears(Proposals{{proposal(z(4, 2))}});
    CHECK(bench.failed());
  }
  SECTION("nothing of a message that does not fit goes to the log") {
    bench.hears(Proposals{{proposal(z(3, 4)), proposal(z(3, 6))}});
    CHECK(bench.failed());
    CHECK_FALSE(has<Append>(bench.effects));
  }
}

TEST_CASE("what was not proposed cannot commit") {
  Bench bench;
  bench.serving();
  bench.hears(Commit{z(3, 1)});
  CHECK(bench.failed());
}

TEST_CASE("an observer is informed of what is committed") {
  Bench bench({.observer = true});
  bench.serving();
  bench.hears(Inform{proposals(z(3, 1), z(3, 2))});
  CHECK(has<Append>(bench.effects));
  CHECK(the<Deliver>(bench.effects).zxid == z(2, 10));  // its own log goes first, for an observer too
  bench.durable(z(3, 2));
  CHECK(the<Deliver>(bench.effects).zxid == z(3, 2));
}

TEST_CASE("an observer that misses something is not informed further") {
  Bench bench({.observer = true});
  bench.serving();
  bench.hears(Inform{proposals(z(3, 2), z(3, 2))});
  CHECK(bench.failed());
  CHECK_FALSE(has<Append>(bench.effects));
}

// --- what does not fit ---

TEST_CASE("a message that does not fit the phase ends the connection") {
  const std::vector<Message> before_promise{Diff{},
                                            Trunc{z(2, 1)},
                                            SnapBegin{z(2, 1)},
                                            SnapChunk{},
                                            SnapEnd{},
                                            NewLeader{{3}},
                                            UpToDate{},
                                            Proposals{proposals(z(2, 11), z(2, 11))},
                                            Inform{proposals(z(2, 11), z(2, 11))},
                                            Commit{z(2, 1)}};
  for (const auto& message : before_promise) {
    Bench bench;
    bench.hears(message);
    CHECK(bench.failed());
  }
  for (const auto& message : before_promise) {  // while the promise is being stored
    Bench bench;
    bench.hears(LeaderInfo{{3}});
    bench.hears(message);
    CHECK(bench.failed());
  }
  const std::vector<Message> while_promised{LeaderInfo{{3}}, SnapChunk{}, SnapEnd{},
                                            NewLeader{{3}},  UpToDate{},  Proposals{proposals(z(2, 11), z(2, 11))},
                                            Commit{z(2, 1)}};
  for (const auto& message : while_promised) {
    Bench bench;
    bench.promised();
    bench.hears(message);
    CHECK(bench.failed());
  }
  const std::vector<Message> while_synchronising{LeaderInfo{{4}}, Diff{},    Trunc{z(2, 1)}, SnapBegin{z(2, 20)},
                                                 SnapChunk{},     SnapEnd{}, NewLeader{{4}}, UpToDate{}};
  for (const auto& message : while_synchronising) {
    Bench bench;
    bench.promised();
    bench.hears(Diff{});
    bench.hears(message);
    CHECK(bench.failed());
  }
  const std::vector<Message> while_serving{LeaderInfo{{4}}, Diff{},    Trunc{z(2, 1)}, SnapBegin{z(2, 20)},
                                           SnapChunk{},     SnapEnd{}, NewLeader{{3}}, UpToDate{}};
  for (const auto& message : while_serving) {
    Bench bench;
    bench.serving();
    bench.hears(message);
    CHECK(bench.failed());
  }
}

TEST_CASE("a second LEADERINFO while the promise is being stored is refused") {
  Bench bench;
  bench.hears(LeaderInfo{{3}});
  bench.hears(LeaderInfo{{4}});
  CHECK(bench.failed());
}

TEST_CASE("a learner's own messages are not for a learner") {
  const std::vector<Message> wrong{FollowerInfo{}, AckEpoch{}, AckNewLeader{}, Ack{}, ForwardedRequests{}, Pong{}};
  for (const auto& message : wrong) {
    Bench bench;
    bench.serving();
    bench.hears(message);
    CHECK(bench.failed());
  }
}

TEST_CASE("after it has failed, nothing comes of a learner") {
  Bench bench;
  bench.serving();
  bench.hears(Proposals{proposals(z(3, 1), z(3, 1))});
  bench.effects.clear();
  bench.learner.on_disconnected("the connection broke", bench.effects);
  CHECK(the<Fail>(bench.effects).reason == "the connection broke");
  bench.durable(z(3, 1));
  CHECK(bench.effects.empty());
  bench.hears(Commit{z(3, 1)});
  CHECK(bench.effects.empty());
  bench.epoch_stored();
  CHECK(bench.effects.empty());
  bench.promise_stored();
  CHECK(bench.effects.empty());
  bench.installed(z(3, 1));
  CHECK(bench.effects.empty());
  bench.ticks(1'000'000);
  CHECK(bench.effects.empty());
}

// --- liveness ---

TEST_CASE("a silent leader is left") {
  Bench bench;
  bench.serving();
  bench.now = 500;
  bench.hears(Ping{});
  bench.ticks(1'500);
  CHECK_FALSE(bench.failed());
  bench.ticks(1'501);
  CHECK(bench.failed());
}

TEST_CASE("a leader that does not synchronise this node in time is left") {
  Bench bench;
  bench.promised();
  bench.hears(Diff{});
  for (std::int64_t now = 0; now <= 20'000; now += 500) {
    bench.now = now;
    bench.hears(Ping{});
    bench.ticks(now);
    REQUIRE_FALSE(bench.failed());
  }
  bench.ticks(20'001);
  CHECK(bench.failed());
}

TEST_CASE("a snapshot may take longer than that") {
  Bench bench;
  bench.promised();
  bench.hears(SnapBegin{z(2, 50)});
  bench.now = 20'500;
  bench.hears(SnapChunk{});
  bench.ticks(20'600);
  CHECK_FALSE(bench.failed());
}

TEST_CASE("but it must move") {
  Bench bench;
  bench.promised();
  bench.hears(SnapBegin{z(2, 50)});
  bench.now = 10'000;
  bench.hears(SnapChunk{});
  for (; bench.now <= 30'000; bench.now += 500) {
    bench.hears(Ping{});
    bench.ticks(bench.now);
    REQUIRE_FALSE(bench.failed());
  }
  bench.ticks(30'001);
  CHECK(bench.failed());
}

TEST_CASE("what a snapshot took is not held against what follows it") {
  Bench bench;
  bench.promised();
  bench.hears(SnapBegin{z(2, 50)});
  bench.hears(SnapEnd{});
  const auto passes = [&](std::int64_t until) {
    for (; bench.now < until; bench.now += 500) {
      bench.hears(Ping{});
      bench.ticks(bench.now);
      REQUIRE_FALSE(bench.failed());
    }
  };
  passes(60'000);  // this node's disk is slow
  bench.installed(z(2, 50));
  passes(70'000);
  bench.hears(NewLeader{{3}});
  bench.epoch_stored();
  passes(200'000);  // the leader waits for others
  bench.hears(UpToDate{});
  CHECK(has<Serve>(bench.effects));
}

}  // namespace
}  // namespace troupe::zab
