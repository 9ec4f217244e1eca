// The data directory: what is believed after a start, and that no crash at any point loses what was
// committed or leaves what cannot be trusted.
#include "store/data_dir.hpp"

#include <fstream>
#include <sstream>
#include <thread>

#include "store/encoding.hpp"
#include "store/error.hpp"
#include "store/tree_format.hpp"
#include "tests/catch.hpp"
#include "tests/store/crashing_disk.hpp"
#include "tests/store/machines.hpp"
#include "tests/store/txns.hpp"

namespace troupe::store::testing {
namespace {

constexpr PeerId self{3};
Zxid z(std::uint32_t counter) { return Zxid::of({1}, counter); }

/// The history that all tests here follow: znodes and, every fifth time, a change of the first.
Proposal txn(std::uint32_t counter) {
  if (counter % 5 == 0) return set_data_txn(z(counter), "/n1", "data " + std::to_string(counter), counter / 5);
  return create_txn(z(counter), "/n" + std::to_string(counter), std::string(counter % 50, 'd'));
}

std::vector<Proposal> txns(std::uint32_t first, std::uint32_t last) {
  std::vector<Proposal> all;
  for (auto i = first; i <= last; ++i) all.push_back(txn(i));
  return all;
}

/// The digest of the history after `counter` transactions.
std::uint64_t expected_digest(std::uint32_t counter) {
  static std::vector<std::uint64_t> digests = [] {
    std::vector<std::uint64_t> all;
    MemoryMachine machine;
    auto disk = machine.disk();
    Tree tree(disk->open("state", {.tables = Tree::tables(), .durable = false}));
    all.push_back(tree.view()->digest());
    for (std::uint32_t i = 1; i <= 100; ++i) {
      tree.apply({txn(i)});
      all.push_back(tree.view()->digest());
    }
    return all;
  }();
  return digests.at(counter);
}

void log_up_to(DataDir& dir, std::uint32_t last) {
  const auto first = dir.log().last().counter() + 1;
  for (const Proposal& proposal : txns(first, last)) dir.log().append(proposal);
  dir.log().commit();
}

/// All that was applied is in state/.
void flush(DataDir& dir) {
  dir.flush_state();
  if (dir.tree().kv().freeze()) dir.flush_state();
}

void apply_unflushed_up_to(DataDir& dir, std::uint32_t last) {
  for (const Proposal& proposal : dir.log().read(dir.tree().applied(), 1 << 30)) {
    if (proposal.zxid.counter() <= last) dir.tree().apply({proposal});
  }
}

void apply_up_to(DataDir& dir, std::uint32_t last) {
  apply_unflushed_up_to(dir, last);
  flush(dir);
}

void checkpoint(DataDir& dir) {
  flush(dir);
  const Zxid zxid = dir.write_checkpoint();
  dir.log().set_checkpoint(zxid);
  dir.log().commit();
  dir.prune_checkpoints();
}

/// The state at `counter`, streamed as a leader would that announces it as `announced`.
Zxid receive(DataDir& dir, std::uint32_t counter, Zxid announced) {
  MemoryMachine machine;
  auto disk = machine.disk();
  Tree leader(disk->open("state", {.tables = Tree::tables(), .durable = false}));
  leader.apply(txns(1, counter));
  auto view = leader.view();
  auto incoming = dir.receive_snapshot(announced);
  for (Table table = 0; table < Tree::tables().size(); ++table) {
    auto cursor = view->raw().cursor(table);
    for (auto entry = cursor->seek(""); entry; entry = cursor->next()) incoming->put(table, entry->key, entry->value);
  }
  return incoming->finish();
}

Zxid receive(DataDir& dir, std::uint32_t counter) { return receive(dir, counter, z(counter)); }

void reset_to(DataDir& dir, Zxid zxid) {
  dir.log().reset(zxid);
  dir.log().set_checkpoint(zxid);
  dir.log().commit();
}

std::string checkpoint_directory(Zxid zxid) {
  char name[40];
  std::snprintf(name, sizeof name, "checkpoint-%016llx", static_cast<unsigned long long>(zxid.value));
  return name;
}

void check_sound(DataDir& dir) {
  REQUIRE(dir.log().base() <= dir.tree().applied());
  REQUIRE(dir.tree().applied() <= dir.log().last());
  REQUIRE(dir.tree().view()->digest() == expected_digest(dir.tree().applied().counter()));
  // What is logged can be applied, and gives the state that everyone has.
  apply_up_to(dir, 1000);
  REQUIRE(dir.tree().applied() == dir.log().last());
  REQUIRE(dir.tree().view()->digest() == expected_digest(dir.log().last().counter()));
  // Nothing is left lying about, but for what the log names.
  std::vector<std::string> expected{"log", "state"};
  if (auto named = dir.log().checkpoint()) expected.insert(expected.begin(), checkpoint_directory(*named));
  REQUIRE(dir.disk().list() == expected);
}

}  // namespace

TEMPLATE_TEST_CASE("a fresh directory opens empty, a used one as it was", "", RealMachine, MemoryMachine) {
  TestType machine;
  Zxid applied = z(15);
  {
    DataDir dir(machine.disk(), self, test_options);
    CHECK(dir.tree().applied() == Zxid{0});
    CHECK(dir.log().last() == Zxid{0});
    check_sound(dir);
    log_up_to(dir, 20);
    apply_up_to(dir, 15);
    SECTION("closed") {
      dir.close();
      CHECK(dir.log().state_mark()->clean);
    }
    SECTION("killed") {}
    SECTION("killed with transactions that only memory had") { apply_unflushed_up_to(dir, 18); }
    SECTION("closed with transactions that only memory had") {
      apply_unflushed_up_to(dir, 18);
      dir.close();
      applied = z(18);
    }
  }
  DataDir dir(machine.disk(), self, test_options);
  CHECK(dir.tree().applied() == applied);
  CHECK(dir.log().last() == z(20));
  CHECK_FALSE(dir.log().state_mark()->clean);
  check_sound(dir);
}

TEMPLATE_TEST_CASE("checkpoints: the log names one, the others go", "", RealMachine, MemoryMachine) {
  TestType machine;
  DataDir dir(machine.disk(), self, test_options);
  log_up_to(dir, 20);
  apply_up_to(dir, 10);
  CHECK(dir.write_checkpoint() == z(10));
  dir.prune_checkpoints();  // not named yet: kept
  dir.log().set_checkpoint(z(10));
  dir.log().commit();
  apply_up_to(dir, 18);
  checkpoint(dir);
  checkpoint(dir);  // the same again
  CHECK(dir.log().checkpoint() == z(18));
  dir.log().prune(z(20));
  dir.log().commit();
  CHECK(dir.log().base() == z(18));
  check_sound(dir);
}

TEMPLATE_TEST_CASE("a snapshot from the leader becomes the history", "", RealMachine, MemoryMachine) {
  TestType machine;
  {
    DataDir dir(machine.disk(), self, test_options);
    log_up_to(dir, 20);
    apply_up_to(dir, 10);
    checkpoint(dir);
    auto old = dir.tree().view();
    const auto digest = old->digest();

    const Zxid zxid = receive(dir, 60);
    CHECK(zxid == z(60));
    dir.prune_checkpoints();  // the archivist goes about its business meanwhile
    reset_to(dir, zxid);
    dir.replace_tree();
    dir.prune_checkpoints();
    CHECK(dir.tree().applied() == z(60));
    CHECK(dir.log().last() == z(60));
    CHECK(dir.tree().view()->digest() == expected_digest(60));
    // Views of the old tree live on.
    CHECK(old->zxid() == z(10));
    CHECK(old->digest() == digest);
    CHECK(old->get("/n9"));
    CHECK_FALSE(old->get("/n11"));
    log_up_to(dir, 70);
    apply_up_to(dir, 65);
  }
  DataDir dir(machine.disk(), self, test_options);
  CHECK(dir.tree().applied() == z(65));  // the new state is trusted since the log's next commit
  check_sound(dir);
}

TEMPLATE_TEST_CASE("a snapshot that is left unfinished is dropped", "", RealMachine, MemoryMachine) {
  TestType machine;
  DataDir dir(machine.disk(), self, test_options);
  log_up_to(dir, 5);
  dir.receive_snapshot(z(9))->put(nodes_table, "/", "half");
  CHECK_THROWS_AS(dir.receive_snapshot(z(9))->put(17, "/", "of no table"), BadSnapshot);
  CHECK_THROWS_AS(dir.receive_snapshot(z(9))->put(0, "", "without a key"), BadSnapshot);
  CHECK_THROWS_AS(dir.receive_snapshot(z(9))->finish(), BadSnapshot);  // empty: no zxid
  CHECK(receive(dir, 9) == z(9));
  reset_to(dir, z(9));
  dir.replace_tree();
  check_sound(dir);
}

TEST_CASE("a snapshot of another state than was announced is refused") {
  MemoryMachine machine;
  DataDir dir(machine.disk(), self, test_options);
  log_up_to(dir, 5);
  CHECK_THROWS_WITH(receive(dir, 9, z(10)), Catch::Contains("announced as"));
  CHECK(receive(dir, 9) == z(9));
}

TEST_CASE("a snapshot of another format is refused") {
  MemoryMachine machine;
  DataDir dir(machine.disk(), self, test_options);
  auto incoming = dir.receive_snapshot(Zxid{});
  incoming->put(meta_table, applied_row, raw_bytes(Applied{}));
  incoming->put(meta_table, format_row, raw_bytes(tree_format_version + 1));
  CHECK_THROWS_WITH(incoming->finish(), Catch::Contains("same version"));
}

TEST_CASE("a snapshot that contradicts its digest is refused") {
  MemoryMachine machine;
  DataDir dir(machine.disk(), self, test_options);
  auto view = dir.tree().view();
  auto incoming = dir.receive_snapshot(view->zxid());
  for (Table table = 0; table < Tree::tables().size(); ++table) {
    auto cursor = view->raw().cursor(table);
    for (auto entry = cursor->seek(""); entry; entry = cursor->next()) {
      if (entry->key != node_key("/zookeeper").view()) incoming->put(table, entry->key, entry->value);
    }
  }
  CHECK_THROWS_WITH(incoming->finish(), Catch::Contains("contradicts its digest"));
}

TEST_CASE("checkpoints are consistent images while the tree goes on and is replaced") {
  RealMachine machine;
  DataDir dir(machine.disk(), self, test_options);
  log_up_to(dir, 90);
  std::vector<Zxid> written;
  std::thread archivist([&] {
    for (int i = 0; i < 20; ++i) written.push_back(dir.write_checkpoint());
  });
  for (std::uint32_t i = 1; i <= 60; ++i) apply_up_to(dir, i);
  reset_to(dir, receive(dir, 70));
  dir.replace_tree();
  log_up_to(dir, 100);
  for (std::uint32_t i = 71; i <= 100; ++i) apply_up_to(dir, i);
  archivist.join();
  const KvOptions options{.tables = Tree::tables(), .durable = false, .map_size = test_map_size};
  for (Zxid zxid : written) {
    View view(dir.disk().open(checkpoint_directory(zxid), options)->read());
    REQUIRE(view.zxid() == zxid);
    REQUIRE(view.digest() == expected_digest(zxid.counter()));
    REQUIRE(view.node_count() == 4 + zxid.counter() - zxid.counter() / 5);
  }
}

TEMPLATE_TEST_CASE("a state that differs is not trusted after a snapshot of the same zxid", "", RealMachine,
                   MemoryMachine) {
  TestType machine;
  {
    DataDir dir(machine.disk(), self, test_options);
    log_up_to(dir, 20);
    apply_up_to(dir, 19);
    dir.tree().apply({create_txn(z(20), "/different")});
    checkpoint(dir);
    REQUIRE(dir.tree().view()->digest() != expected_digest(20));
    reset_to(dir, receive(dir, 20));
  }  // killed before replace_tree()
  DataDir dir(machine.disk(), self, test_options);
  CHECK(dir.tree().applied() == z(20));
  check_sound(dir);
}

TEST_CASE("after a power cut the state is rebuilt from the checkpoint and the log") {
  MemoryMachine machine;
  {
    DataDir dir(machine.disk(), self, test_options);
    log_up_to(dir, 30);
    apply_up_to(dir, 20);
    SECTION("with a checkpoint") {
      checkpoint(dir);
      dir.log().prune(z(12));
    }
    SECTION("without one") {}
    dir.log().append(txn(31));
    dir.log().commit();
    apply_up_to(dir, 25);
  }
  machine.cut_power();
  DataDir dir(machine.disk(), self, test_options);
  CHECK(dir.tree().applied() == dir.log().checkpoint().value_or(Zxid{0}));
  CHECK(dir.log().last() == z(31));
  check_sound(dir);
}

TEST_CASE("a clean stop survives a power cut, a start after it does not stay clean") {
  MemoryMachine machine;
  {
    DataDir dir(machine.disk(), self, test_options);
    log_up_to(dir, 30);
    apply_up_to(dir, 20);
    dir.close();
  }
  machine.cut_power();
  {
    DataDir dir(machine.disk(), self, test_options);
    CHECK(dir.tree().applied() == z(20));
    apply_up_to(dir, 25);
  }
  machine.cut_power();
  DataDir dir(machine.disk(), self, test_options);
  CHECK(dir.tree().applied() == Zxid{0});
  check_sound(dir);
}

TEST_CASE("a state that does not fit the log is rebuilt") {
  MemoryMachine machine;
  {
    DataDir dir(machine.disk(), self, test_options);
    log_up_to(dir, 30);
    apply_up_to(dir, 20);
    checkpoint(dir);
    apply_up_to(dir, 30);
    SECTION("ahead of the log") { dir.log().truncate_after(z(25)); }
    SECTION("missing") { dir.disk().remove("state"); }
    dir.log().commit();
  }
  DataDir dir(machine.disk(), self, test_options);
  CHECK(dir.tree().applied() == z(20));
  check_sound(dir);
}

namespace {

/// Everything that changes the directory, one after the other. `logged` is what is certainly on disk.
void live(MemoryMachine& machine, CrashPoint& point, std::uint32_t& logged) {
  {
    DataDir dir(std::make_unique<CrashingDisk>(machine.disk(), point), self, test_options);
    log_up_to(dir, 10);
    logged = 10;
    apply_up_to(dir, 8);
    checkpoint(dir);
    log_up_to(dir, 20);
    logged = 20;
    apply_up_to(dir, 15);
    dir.log().prune(z(15));
    dir.log().commit();
    checkpoint(dir);
    apply_up_to(dir, 18);

    const Zxid zxid = receive(dir, 40);
    reset_to(dir, zxid);
    logged = 40;
    dir.replace_tree();
    dir.prune_checkpoints();
    log_up_to(dir, 45);
    logged = 45;
    apply_up_to(dir, 43);
    // A snapshot of a zxid that the node has a checkpoint of, as after a repair.
    checkpoint(dir);
    reset_to(dir, receive(dir, 43));
    logged = 43;
    dir.replace_tree();
    log_up_to(dir, 50);
    logged = 50;
    apply_up_to(dir, 48);
    dir.close();
  }
  DataDir dir(std::make_unique<CrashingDisk>(machine.disk(), point), self, test_options);
  log_up_to(dir, 55);
  logged = 55;
  apply_up_to(dir, 52);
}

}  // namespace

TEST_CASE("a crash at any point, and again while recovering, leaves a directory that opens soundly") {
  const bool power = GENERATE(false, true);
  const int again = GENERATE(-1, 0, 1, 2, 3, 4, 5, 6);  // where the recovery crashes too
  INFO((power ? "power cut" : "kill") << ", the recovery crashes at change " << again);
  int crashes = 0;
  for (int point_at = 0;; ++point_at) {
    INFO("crash at change " << point_at);
    MemoryMachine machine;
    CrashPoint point{point_at};
    std::uint32_t logged = 0;
    bool crashed = false;
    try {
      live(machine, point, logged);
    } catch (const Crash&) {
      crashed = true;
      ++crashes;
    }
    if (power) machine.cut_power();
    if (again >= 0) {
      CrashPoint during{again};
      try {
        DataDir(std::make_unique<CrashingDisk>(machine.disk(), during), self, test_options);
      } catch (const Crash&) {
        if (power && again % 2) machine.cut_power();  // else the second crash is a kill in the same boot
      }
    }
    DataDir dir(machine.disk(), self, test_options);
    // A truncation to 43 by the second snapshot may or may not have happened.
    REQUIRE((dir.log().last().counter() >= logged || (logged == 45 && dir.log().last() == z(43))));
    check_sound(dir);
    if (!crashed) break;
  }
  CHECK(crashes > 40);
}

TEST_CASE("a full disk is told, and what was committed is still there when there is space again") {
  MemoryMachine machine;
  {
    DataDir dir(machine.disk(), self, test_options);
    log_up_to(dir, 10);
    machine.fill(true);
    CHECK_THROWS_WITH(log_up_to(dir, 20), Catch::Contains("no space left") && Catch::Contains("Free some space"));
    CHECK(dir.log().last() == z(10));
    CHECK_THROWS_AS(apply_up_to(dir, 5), StorageError);
    CHECK_THROWS_AS(dir.write_checkpoint(), StorageError);
  }
  machine.fill(false);
  DataDir dir(machine.disk(), self, test_options);
  CHECK(dir.log().last() == z(10));
  check_sound(dir);
}

TEST_CASE("a log that has grown to its map size is told, and grows on with a larger one") {
  RealMachine machine;
  DataDirOptions tiny = test_options;
  tiny.log.map_size = 256 << 10;
  std::uint32_t logged = 0;
  {
    DataDir dir(machine.disk(), self, tiny);
    const auto fill = [&] {
      for (;;) {
        log_up_to(dir, logged + 100);
        logged += 100;
        if (dir.log().freeze()) dir.log().flush();
      }
    };
    CHECK_THROWS_WITH(fill(), Catch::Contains("raise its map size"));
    CHECK(dir.log().last() == z(logged));
  }
  CHECK_THROWS_WITH(DataDir(machine.disk(), self, tiny), Catch::Contains("raise its map size"));
  DataDir dir(machine.disk(), self, test_options);
  CHECK(dir.log().last() == z(logged));
  log_up_to(dir, logged + 100);
}

TEST_CASE("a state that has grown to its map size is told") {
  RealMachine machine;
  DataDirOptions tiny = test_options;
  tiny.state_map_size = 256 << 10;
  DataDir dir(machine.disk(), self, tiny);
  const auto grow = [&] {
    for (std::uint32_t i = 1;; ++i) {
      dir.log().append(create_txn(z(i), "/n" + std::to_string(i), std::string(1000, 'd')));
      dir.log().commit();
      dir.tree().apply(dir.log().read(dir.tree().applied(), 1 << 20));
      flush(dir);
    }
  };
  CHECK_THROWS_WITH(grow(), Catch::Contains("state") && Catch::Contains("raise its map size"));
}

TEST_CASE("two processes cannot share a data directory") {
  RealMachine machine;
  auto disk = machine.disk();
  CHECK_THROWS_WITH(machine.disk(), Catch::Contains(machine.path()) && Catch::Contains("in use by another process"));
  disk.reset();
  machine.disk();
}

TEST_CASE("the directory of another node is refused") {
  RealMachine machine;
  { DataDir dir(machine.disk(), self, test_options); }
  CHECK_THROWS_WITH(DataDir(machine.disk(), PeerId{4}, test_options), Catch::Contains("belongs to node 3"));
}

TEST_CASE("damage to the files is told, not voted with") {
  RealMachine machine;
  {
    DataDir dir(machine.disk(), self, test_options);
    log_up_to(dir, 100);
    apply_up_to(dir, 50);
    checkpoint(dir);
    dir.close();
  }
  const std::string log = machine.path() + "/log/data.mdb";
  const auto open = [&] { DataDir dir(machine.disk(), self, test_options); };
  const auto overwrite = [&](const std::string& file, std::streamoff at, std::size_t size) {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(at);
    out << std::string(size, '\xa5');
  };
  SECTION("the log's head is overwritten") {
    overwrite(log, 0, 8192);
    CHECK_THROWS_WITH(open(), Catch::Contains("/log") && Catch::Contains("damaged") && Catch::Contains("quorum"));
  }
  SECTION("one of its two meta pages is overwritten") {
    overwrite(log, 4096, 4096);
    CHECK_THROWS_WITH(open(), Catch::Contains("damaged"));
  }
  SECTION("the log is cut short") {
    const auto size = GENERATE(8192u, 12288u, 16384u);
    std::filesystem::resize_file(log, size);
    CHECK_THROWS_WITH(open(), Catch::Contains("damaged"));
  }
  SECTION("the log is cut to nothing") {
    std::filesystem::resize_file(log, 0);
    CHECK_THROWS_WITH(open(), Catch::Contains("damaged"));
  }
  SECTION("the log's file is gone") {
    std::filesystem::remove(log);
    CHECK_THROWS_WITH(open(), Catch::Contains("/log/data.mdb is missing"));
  }
  SECTION("the log is gone altogether") {
    std::filesystem::remove_all(machine.path() + "/log");
    CHECK_THROWS_WITH(open(), Catch::Contains("its transaction log is lost"));
  }
  SECTION("the journal is cut to nothing") {
    std::filesystem::resize_file(machine.path() + "/log/journal-" + GENERATE("0", "1"), 0);
    CHECK_THROWS_WITH(open(), Catch::Contains("journal") && Catch::Contains("damaged"));
  }
  SECTION("a byte of a checkpoint's data is another") {
    std::filesystem::remove_all(machine.path() + "/state");
    for (auto& entry : std::filesystem::directory_iterator(machine.path())) {
      if (entry.path().filename().string().rfind("checkpoint-", 0) != 0) continue;
      const std::string file = entry.path() / "data.mdb";
      std::stringstream content;
      content << std::ifstream(file, std::ios::binary).rdbuf();
      const auto at = content.str().find("data 50");
      REQUIRE(at != std::string::npos);
      overwrite(file, static_cast<std::streamoff>(at), 1);
    }
    CHECK_THROWS_WITH(open(), Catch::Contains("checkpoint") && Catch::Contains("contradict"));
  }
  SECTION("the state is overwritten") {
    overwrite(machine.path() + "/state/data.mdb", 0, 8192);
    CHECK_THROWS_WITH(open(), Catch::Contains("/state") && Catch::Contains("damaged"));
    std::filesystem::remove_all(machine.path() + "/state");
    DataDir dir(machine.disk(), self, test_options);  // rebuilt
    check_sound(dir);
  }
  SECTION("the checkpoint is gone when it is needed") {
    std::filesystem::remove_all(machine.path() + "/state");
    for (auto& entry : std::filesystem::directory_iterator(machine.path())) {
      if (entry.path().filename().string().rfind("checkpoint-", 0) == 0) std::filesystem::remove_all(entry.path());
    }
    CHECK_THROWS_WITH(open(), Catch::Contains("checkpoint") && Catch::Contains("is missing"));
  }
}

TEST_CASE("what a crash left under hidden names goes at the next start") {
  RealMachine machine;
  machine.disk();
  std::filesystem::create_directories(machine.path() + "/.state-7");
  std::ofstream(machine.path() + "/.state-7/data.mdb") << "half a copy";
  machine.disk();
  CHECK_FALSE(std::filesystem::exists(machine.path() + "/.state-7"));
}

}  // namespace troupe::store::testing
