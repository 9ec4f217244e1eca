// Nodes that meet a peer that breaks the protocol: it costs the connection, never the node or its state.
#include <spdlog/spdlog.h>

#include "actors/ensemble_config.hpp"
#include "apps/sim/sim_node.hpp"
#include "store/memory_disk.hpp"
#include "tests/catch.hpp"
#include "tests/sim/fake_peer.hpp"
#include "tests/store/txns.hpp"

namespace troupe::sim {
namespace {

using store::testing::change_txn;
using store::testing::Create;

constexpr PeerId leader_id{1}, learner_id{2};
constexpr Zxid z(std::uint32_t epoch, std::uint32_t counter) { return Zxid::of({epoch}, counter); }

Proposal txn(Zxid zxid) { return change_txn({.zxid = zxid, .time = 1}, Create{.path = "/" + to_string(zxid)}); }

/// The real node 1 or 2 of an ensemble of which the other one is false.
class Bench {
 public:
  Bench(PeerId real, EnsembleConfig ensemble) : wire(world, 50, 500) {
    spdlog::set_level(spdlog::level::off);
    SimNodeOptions options;
    options.id = real;
    options.ensemble = std::move(ensemble);
    node = std::make_unique<SimNode>(actor_system(), world, wire, options, [](SimNode&, const Applied&) {});
    fake = std::make_unique<FakePeer>(world, wire, PeerId{3 - real.value}, real == learner_id);
    node->start();
  }

  template <class Condition>
  void until(Condition&& so) {
    const auto end = world.now() + 10'000'000;
    while (!so()) {
      INFO(node->failure());
      REQUIRE(world.now() < end);
      REQUIRE(world.step());
      REQUIRE(node->running());
    }
  }
  template <class Wanted>
  Wanted first() {
    until([&] { return !fake->received<Wanted>().empty(); });
    return fake->received<Wanted>().front();
  }
  void run_for(Micros time) {
    const auto end = world.now() + time;
    until([&] { return world.now() >= end; });
  }

  World world{1};
  Wire wire;
  std::unique_ptr<SimNode> node;
  std::unique_ptr<FakePeer> fake;
};

EnsembleConfig both_decide() {
  EnsembleConfig ensemble;
  for (const auto id : {leader_id, learner_id}) ensemble.members[id] = sim_member(id, false);
  return ensemble;
}

/// The leader alone is a quorum.
EnsembleConfig leader_decides() {
  EnsembleConfig ensemble = both_decide();
  ensemble.members[leader_id].weight = 3;
  return ensemble;
}

// --- a leader that cannot be trusted ---

/// A follower of a false leader: it has 1:1 to 1:5, all of it committed, and has come again, for epoch 2.
class Follower : public Bench {
 public:
  Follower() : Bench(learner_id, leader_decides()) {
    first<zab::FollowerInfo>();
    promised({1});
    fake->send(zab::Diff{});
    std::vector<Proposal> history;
    for (std::uint32_t counter = 1; counter <= 5; ++counter) history.push_back(txn(z(1, counter)));
    fake->send(zab::Proposals{history});
    fake->send(zab::NewLeader{{1}});
    first<zab::AckNewLeader>();
    fake->send(zab::Commit{z(1, 5)});
    until([&] { return node->data().tree().applied() == z(1, 5); });
    fake->hang_up();
    comes_again();
  }

  void promised(Epoch epoch) {
    fake->send(zab::LeaderInfo{epoch});
    first<zab::AckEpoch>();
  }
  /// It leaves the leader, looks for one, and finds the same.
  void comes_again() {
    const auto links = fake->links();
    until([&] { return fake->links() > links; });
    first<zab::FollowerInfo>();
  }
  /// It is as if nothing had been, and a leader in his right mind is followed.
  void is_sound() {
    CHECK(node->data().log().last() == z(1, 5));
    CHECK(node->data().log().current_epoch() == Epoch{1});
    CHECK(node->data().tree().applied() == z(1, 5));
    const Epoch epoch = node->data().log().accepted_epoch().next();
    promised(epoch);
    fake->send(zab::Diff{});
    fake->send(zab::Proposals{{txn(Zxid::of(epoch, 1))}});
    fake->send(zab::NewLeader{epoch});
    first<zab::AckNewLeader>();
    fake->send(zab::UpToDate{});
    fake->send(zab::Commit{Zxid::of(epoch, 1)});
    until([&] { return node->status().serving && node->data().tree().applied() == Zxid::of(epoch, 1); });
  }

  /// The entries of a tree at `at`.
  Bytes snapshot(Zxid at) {
    store::MemoryMachine machine;
    const auto disk = machine.disk();
    store::Tree tree(disk->open("state", {.tables = store::Tree::tables(), .durable = false}));
    tree.apply({txn(at)});
    const auto view = tree.view();
    std::string bytes;
    for (store::Table table = 0; table < store::Tree::tables().size(); ++table) {
      const auto cursor = view->raw().cursor(table);
      for (auto entry = cursor->seek(std::string_view("\0", 1)); entry; entry = cursor->next()) {
        const auto key_size = static_cast<std::uint16_t>(entry->key.size());
        const auto value_size = static_cast<std::uint32_t>(entry->value.size());
        bytes.push_back(static_cast<char>(table));
        bytes.append(reinterpret_cast<const char*>(&key_size), 2).append(reinterpret_cast<const char*>(&value_size), 4);
        bytes.append(entry->key).append(entry->value);
      }
    }
    return Bytes::copy(bytes);
  }
  /// What follows a snapshot, without waiting for what becomes of it.
  void goes_on_behind_it() {
    fake->send(zab::SnapEnd{});
    fake->send(zab::Proposals{{txn(z(2, 10))}});
    fake->send(zab::NewLeader{{2}});
    fake->send(zab::Commit{z(2, 10)});
  }
};

TEST_CASE("a TRUNC of what is committed costs the leader its follower, and the follower nothing") {
  Follower bench;
  bench.promised({2});
  bench.fake->send(zab::Trunc{z(1, 3)});
  bench.fake->send(zab::Proposals{{txn(z(1, 4))}});
  bench.comes_again();
  bench.is_sound();
}

TEST_CASE("a snapshot that is none costs the leader its follower, and the follower nothing") {
  Follower bench;
  bench.promised({2});
  SECTION("older than what is committed") {
    bench.fake->send(zab::SnapBegin{z(1, 4)});
    bench.fake->send(zab::SnapChunk{bench.snapshot(z(1, 4))});
    bench.goes_on_behind_it();
  }
  SECTION("of another transaction than was announced") {
    bench.fake->send(zab::SnapBegin{z(2, 9)});
    bench.fake->send(zab::SnapChunk{bench.snapshot(z(2, 8))});
    bench.goes_on_behind_it();
  }
  SECTION("with half an entry") {
    bench.fake->send(zab::SnapBegin{z(2, 9)});
    bench.fake->send(zab::SnapChunk{Bytes::copy("half")});
    bench.fake->send(zab::SnapChunk{bench.snapshot(z(2, 9))});
    bench.goes_on_behind_it();
  }
  SECTION("with an entry of no table") {
    bench.fake->send(zab::SnapBegin{z(2, 9)});
    bench.fake->send(zab::SnapChunk{Bytes::copy(std::string("\x63\1\0\0\0\0\0k", 8))});
    bench.goes_on_behind_it();
  }
  SECTION("with nothing in it") {
    bench.fake->send(zab::SnapBegin{z(2, 9)});
    bench.goes_on_behind_it();
  }
  bench.comes_again();
  bench.is_sound();
}

TEST_CASE("a snapshot that is one replaces the history") {
  Follower bench;
  bench.promised({2});
  bench.fake->send(zab::SnapBegin{z(2, 9)});
  bench.fake->send(zab::SnapChunk{bench.snapshot(z(2, 9))});
  bench.goes_on_behind_it();
  bench.until([&] { return bench.node->data().tree().applied() == z(2, 10); });
  CHECK(bench.node->data().log().base() == z(2, 9));
}

TEST_CASE("what is no transaction does not get into the log") {
  Follower bench;
  bench.promised({2});
  bench.fake->send(zab::Diff{});
  Proposal bad{z(2, 1), Bytes::copy("neither words nor a message")};
  SECTION("any bytes") {}
  SECTION("none") { bad.txn = {}; }
  SECTION("of another zxid") { bad.txn = txn(z(2, 2)).txn; }
  SECTION("with something behind it") {
    const auto twice = std::string(txn(z(2, 1)).txn.view()).append(txn(z(2, 1)).txn.view());
    bad.txn = Bytes::copy(twice);
  }
  SECTION("half of one") { bad.txn = Bytes::copy(txn(z(2, 1)).txn.view().substr(0, 8)); }
  SECTION("behind one that is") {
    bench.fake->send(zab::Proposals{{txn(z(1, 6)), bad}});
    bench.fake->send(zab::NewLeader{{2}});
    bench.comes_again();
    return bench.is_sound();
  }
  SECTION("nor by INFORM") {
    bench.fake->send(zab::Inform{{bad}});
    bench.comes_again();
    return bench.is_sound();
  }
  bench.fake->send(zab::Proposals{{bad}});
  bench.fake->send(zab::NewLeader{{2}});
  bench.comes_again();
  bench.is_sound();
}

TEST_CASE("an absurd epoch is not promised") {
  Follower bench;
  bench.fake->send(zab::LeaderInfo{{~0u}});
  bench.comes_again();
  CHECK(bench.node->data().log().accepted_epoch() == Epoch{1});
  bench.is_sound();
}

// --- a learner that cannot be trusted ---

class Leader : public Bench {
 public:
  explicit Leader(EnsembleConfig ensemble = leader_decides()) : Bench(leader_id, std::move(ensemble)) {}

  /// A learner comes and is brought up to date, but for its word that it is.
  void brings_up() {
    run_for(50'000);
    fake->connect(leader_id);
    until([&] { return fake->links() == 1; });
    fake->send(zab::FollowerInfo{learner_id, false, {}, ""});
    epoch = first<zab::LeaderInfo>().epoch;
    fake->send(zab::AckEpoch{Epoch{}, {}});
    first<zab::NewLeader>();
  }
  void activates() {
    fake->send(zab::AckNewLeader{epoch});
    first<zab::UpToDate>();
  }
  bool still_leads() { return node->status().serving && node->status().role == zab::PeerState::leading; }

  Epoch epoch;
};

TEST_CASE("who asks for its clients before it may serve them is disconnected") {
  Leader bench;
  bench.brings_up();
  SECTION("to write") { bench.fake->send(zab::ForwardedRequests{{Bytes::copy("a request")}}); }
  SECTION("to attach a session") { bench.fake->send(zab::RevalidateSession{0, 1, {1}}); }
  SECTION("to sync") { bench.fake->send(zab::SyncRequest{0, 1}); }
  bench.until([&] { return bench.fake->ended() == 1; });
  bench.until([&] { return bench.still_leads(); });
}

TEST_CASE("who founds an ensemble refuses who belongs to another, in the same reign already") {
  Leader bench;
  bench.run_for(50'000);
  bench.until([&] { return bench.still_leads(); });
  bench.fake->connect(leader_id);
  bench.until([&] { return bench.fake->links() == 1; });
  bench.fake->send(zab::FollowerInfo{learner_id, false, {1}, "of another one.."});
  bench.until([&] { return bench.fake->ended() == 1; });
  CHECK(bench.fake->received<zab::LeaderInfo>().empty());
  CHECK(bench.still_leads());
}

/// One that nobody may ask: it is refused under its number.
Bytes refused_request(std::uint64_t number) {
  capnp::MallocMessageBuilder builder;
  auto request = builder.initRoot<schema::Request>();
  request.setNumber(number);
  request.setCloseSession();
  const auto words = capnp::messageToFlatArray(builder);
  return Bytes::copy(words.asBytes().begin(), words.asBytes().size());
}

TEST_CASE("a forwarded request that cannot be read ends nothing but itself") {
  Leader bench;
  bench.brings_up();
  bench.activates();
  bench.fake->send(zab::ForwardedRequests{{Bytes::copy("nonsense"), refused_request(1), Bytes(), refused_request(2),
                                           Bytes::copy(std::string(64, '\xff')), refused_request(3)}});
  bench.fake->send(zab::SyncRequest{0, 7});
  CHECK(bench.first<zab::SyncReply>().ticket == 7);
  std::vector<std::uint64_t> refused;
  for (const auto& refusal : bench.fake->received<zab::RequestRefused>()) refused.push_back(refusal.number);
  CHECK(refused == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(bench.fake->ended() == 0);
  CHECK(bench.still_leads());
}

TEST_CASE("who speaks for the ensemble itself is refused") {
  Leader bench;
  bench.brings_up();
  bench.activates();
  bench.fake->send(zab::ForwardedRequests{{refused_request(1)}});
  CHECK(bench.first<zab::RequestRefused>().error == static_cast<std::int32_t>(Error::invalid_state));
}

TEST_CASE("syncs without end that nobody confirms end the connection of who asks them") {
  Leader bench(both_decide());
  bench.brings_up();
  bench.activates();
  for (std::uint64_t ticket = 1; ticket <= 100'002; ++ticket) bench.fake->send(zab::SyncRequest{0, ticket});
  bench.until([&] { return bench.fake->ended() == 1; });
  CHECK(bench.fake->received<zab::SyncReply>().empty());
}

TEST_CASE("a leader keeps off who promised what nobody can have asked of it") {
  Leader bench;
  bench.until([&] { return bench.still_leads(); });
  const auto epoch = bench.node->status().epoch;
  bench.fake->connect(leader_id);
  bench.until([&] { return bench.fake->links() == 1; });
  bench.fake->send(zab::FollowerInfo{learner_id, true, {~0u}, ""});
  bench.until([&] { return bench.fake->ended() == 1; });
  CHECK(bench.still_leads());
  CHECK(bench.node->status().epoch == epoch);
}

}  // namespace
}  // namespace troupe::sim
