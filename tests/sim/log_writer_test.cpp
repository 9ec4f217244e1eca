// The log writer by itself: the test is the role that uses it.
#include "actors/log_writer.hpp"

#include "actors/journal_flusher.hpp"
#include "apps/sim/actor_system.hpp"
#include "apps/sim/sim_host.hpp"
#include "store/memory_disk.hpp"
#include "tests/catch.hpp"
#include "tests/store/txns.hpp"

namespace troupe::sim {
namespace {

constexpr Zxid z(std::uint32_t counter) { return Zxid::of({1}, counter); }

class User : public Hosted<LogUserActor> {
 public:
  User(caf::actor_config& config, Zxid& durable) : Hosted(config), durable_(durable) {}
  behavior_type make_behavior() override {
    return {[this](const Durable& durable) { durable_ = durable.zxid; },
            [](const StoreAcceptedEpoch&) {},
            [](const StoreCurrentEpoch&) {},
            [](const SnapshotEntriesStored&) {},
            [](const SnapshotStored&) {},
            [](const SnapshotRejected&) {}};
  }

 private:
  Zxid& durable_;
};

class CheckpointUser : public Hosted<CheckpointUserActor> {
 public:
  using Hosted<CheckpointUserActor>::Hosted;
  behavior_type make_behavior() override {
    return {[](const CheckpointWritten&) {}};
  }
};

class Bench {
 public:
  Bench() : data(machine.disk(), PeerId{1}), host(actor_system(), world, 1, 1, nullptr) {
    flusher = spawn_on<JournalFlusher>(actor_system(), host, data);
    writer =
        spawn_on<LogWriter>(actor_system(), host, data, flusher, [](const std::string& message) { FAIL(message); });
    user = spawn_on<User>(actor_system(), host, durable);
    archivist = spawn_on<CheckpointUser>(actor_system(), host);
  }
  ~Bench() {
    for (const auto& actor : {caf::actor_cast<caf::actor>(writer), caf::actor_cast<caf::actor>(flusher),
                              caf::actor_cast<caf::actor>(user), caf::actor_cast<caf::actor>(archivist)}) {
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    }
    host.drain();
  }

  /// Appends so many in one batch, and waits until they are on disk.
  void append(std::uint32_t count) {
    Append append;
    for (std::uint32_t i = 0; i < count; ++i) append.proposals.push_back(store::testing::create_txn(z(++last), "/a"));
    caf::anon_send(writer, append, user);
    while (durable != z(last)) REQUIRE(world.step());
  }
  void checkpoint(std::uint32_t at) {
    caf::anon_send(writer, CheckpointWritten{z(at)}, archivist);
    while (data.log().checkpoint() != z(at)) REQUIRE(world.step());
  }

  World world{1};
  store::MemoryMachine machine;
  store::DataDir data;
  SimHost host;
  JournalFlusherActor flusher;
  LogWriterActor writer;
  LogUserActor user;
  CheckpointUserActor archivist;
  Zxid durable;
  std::uint32_t last = 0;
};

TEST_CASE("a checkpoint prunes the log up to the one before it, for learners that are a little behind") {
  Bench bench;
  bench.append(3'000);
  bench.checkpoint(2'000);
  CHECK(bench.data.log().base() == Zxid{0});
  bench.checkpoint(3'000);
  CHECK(bench.data.log().base() == z(2'000));
  CHECK(bench.data.log().checkpoint() == z(3'000));
}

}  // namespace
}  // namespace troupe::sim
