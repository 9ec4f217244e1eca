// When checkpoints are written, and what of them is kept.
#include "actors/archivist.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "actors/journal_flusher.hpp"
#include "actors/log_writer.hpp"
#include "store/data_dir.hpp"
#include "tests/catch.hpp"
#include "tests/node/turns.hpp"
#include "tests/store/machines.hpp"
#include "tests/store/txns.hpp"

using namespace troupe;
using store::testing::create_txn;
using troupe::testing::Turns;

namespace {

constexpr std::uint64_t plenty = 1ull << 40;

/// An archivist with a log and a tree; the test plays the applier.
struct Place {
  explicit Place(CheckpointRules rules) : rules(rules) { start(); }
  ~Place() {
    for (const auto& one : {caf::actor_cast<caf::actor>(archivist), caf::actor_cast<caf::actor>(log_writer),
                            caf::actor_cast<caf::actor>(flusher)}) {
      caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    }
    turns.run();
  }

  /// So many more transactions are in the log, the tree and on the disk, and that is told of a tree with so many znodes.
  void flush(std::uint32_t count, std::size_t znodes = 0, std::uint64_t bytes = 0) {
    std::vector<store::Proposal> txns;
    for (; count > 0; --count) {
      txns.push_back(create_txn(last = last.next(), "/n" + std::to_string(last.value)));
      data.log().append(txns.back());
    }
    data.log().commit();
    data.tree().apply(txns);
    data.tree().kv().freeze();
    data.flush_state();
    caf::anon_send(archivist, StateFlushed{{last, bytes, znodes}});
    turns.run();
  }
  /// An archivist that knows what the log says, after the one that may be there.
  void start() {
    if (archivist) caf::anon_send_exit(archivist, caf::exit_reason::user_shutdown);
    turns.run();
    archivist = spawn_on<Archivist>(system, turns, data, log_writer, data.log().checkpoint(), rules);
  }
  void begin_epoch(std::uint32_t epoch) { last = Zxid::of(Epoch{epoch}, 0); }
  /// The one that the log names, if it is there.
  std::optional<Zxid> checkpoint() {
    const auto zxid = data.log().checkpoint();
    const auto names = data.disk().list();
    const auto checkpoints = std::ranges::count_if(names, [](const auto& name) { return name.starts_with("check"); });
    CHECK(checkpoints == (zxid ? 1 : 0));
    return zxid;
  }

  const CheckpointRules rules;
  store::MemoryMachine machine;
  store::DataDir data{machine.disk(), PeerId{1}, store::testing::test_options};
  caf::actor_system_config config;
  caf::actor_system system{config};
  Turns turns{&system};
  Zxid last = Zxid::of(Epoch{1}, 0);
  JournalFlusherActor flusher = spawn_on<JournalFlusher>(system, turns, data);
  LogWriterActor log_writer =
      spawn_on<LogWriter>(system, turns, data, flusher, [](const std::string& message) { FAIL(message); });
  ArchivistActor archivist;
};

Zxid z(std::uint32_t epoch, std::uint32_t counter) { return Zxid::of(Epoch{epoch}, counter); }

}  // namespace

TEST_CASE("a checkpoint is due after so many transactions") {
  Place place({.transactions = 100, .bytes = plenty});
  place.flush(99);
  CHECK(!place.checkpoint());
  place.flush(1);
  CHECK(place.checkpoint() == z(1, 100));
  place.flush(99);
  CHECK(place.checkpoint() == z(1, 100));
  place.flush(5);
  CHECK(place.checkpoint() == z(1, 204));
}

TEST_CASE("transactions of several epochs count") {
  Place place({.transactions = 100, .bytes = plenty});
  place.flush(40);
  place.begin_epoch(2);
  place.flush(30);
  place.begin_epoch(5);
  place.flush(29);
  CHECK(!place.checkpoint());
  place.flush(1);
  CHECK(place.checkpoint() == z(5, 30));
  place.begin_epoch(6);
  place.flush(99);
  CHECK(place.checkpoint() == z(5, 30));
  place.flush(1);
  CHECK(place.checkpoint() == z(6, 100));
}

TEST_CASE("the checkpoint of a large tree is due when half as much has changed as it has") {
  Place place({.transactions = 100, .bytes = plenty});
  place.flush(299, 600);
  CHECK(!place.checkpoint());
  place.flush(1, 600);
  CHECK(place.checkpoint() == z(1, 300));
}

TEST_CASE("a checkpoint is due when the log has grown by so many bytes, however large the tree is") {
  Place place({.transactions = 100, .bytes = 1'000'000});
  place.flush(1, 1'000);  // what the log has at the start is looked up there
  place.flush(1, 1'000, 999'000);
  CHECK(!place.checkpoint());
  place.flush(1, 1'000, 1'000);
  CHECK(place.checkpoint() == z(1, 3));
  place.flush(1, 1'000, 999'999);
  CHECK(place.checkpoint() == z(1, 3));
}

TEST_CASE("what is in the log when the node starts counts") {
  const bool by_bytes = GENERATE(false, true);
  Place place({.transactions = by_bytes ? 1'000u : 100u, .bytes = by_bytes ? 60'000 : plenty});  // 200 to 300 each
  place.flush(99);
  CHECK(!place.checkpoint());
  place.start();
  place.flush(by_bytes ? 400 : 1);
  CHECK(place.checkpoint() == place.last);
  place.start();
  place.flush(50);
  CHECK(place.checkpoint() < place.last);
}

TEST_CASE("a snapshot from a leader counts as a checkpoint") {
  Place place({.transactions = 100, .bytes = plenty});
  place.flush(90);
  place.data.log().reset(place.last);
  place.data.log().set_checkpoint(place.last);
  place.data.log().commit();
  place.flush(99);
  CHECK(place.data.log().checkpoint() == z(1, 90));
  place.flush(1);
  CHECK(place.data.log().checkpoint() == z(1, 190));
}
