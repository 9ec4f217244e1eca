// The contract of Log, over LMDB and over memory.
#include "store/log.hpp"

#include <map>
#include <memory>
#include <random>
#include <thread>

#include "store/encoding.hpp"
#include "store/error.hpp"
#include "store/log_record.hpp"
#include "tests/catch.hpp"
#include "tests/store/machines.hpp"
#include "tests/store/txns.hpp"

namespace troupe::store::testing {
namespace {

constexpr PeerId self{1};

LogOptions keeping(std::size_t recent_bytes) { return {.map_size = test_map_size, .recent_bytes = recent_bytes}; }
/// All is read from the records.
const LogOptions test_log = keeping(0);
/// All from records, some from memory, all from memory.
constexpr std::size_t some_recent[] = {0, 1000, 1 << 20};

Zxid z(std::uint32_t counter, std::uint32_t epoch = 1) { return Zxid::of({epoch}, counter); }
Proposal txn(Zxid zxid) { return create_txn(zxid, "/node", std::string(zxid.counter() % 100, 'x')); }

/// What is in the environment itself, behind the log's back.
std::unique_ptr<Kv> open_tables(Disk& disk) {
  return disk.open(
      "log", {.tables = {"log", "meta", "configurations", "journal"}, .durable = true, .map_size = test_map_size});
}

void append(Log& log, std::uint32_t first, std::uint32_t last) {
  for (auto i = first; i <= last; ++i) log.append(txn(z(i)));
  log.commit();
}

/// Each in a record of its own: what is committed together shares one.
void append_apart(Log& log, std::uint32_t first, std::uint32_t last) {
  for (auto i = first; i <= last; ++i) append(log, i, i);
}

std::vector<std::uint64_t> zxids(const std::vector<Proposal>& proposals) {
  std::vector<std::uint64_t> all;
  for (auto& proposal : proposals) {
    REQUIRE(proposal.txn == txn(proposal.zxid).txn);
    REQUIRE(reinterpret_cast<std::uintptr_t>(proposal.txn.data()) % 8 == 0);
    all.push_back(proposal.zxid.counter());
  }
  return all;
}

LogOptions keeping_some() { return keeping(some_recent[GENERATE(0, 1, 2)]); }

}  // namespace

TEMPLATE_TEST_CASE("a new log is empty and has promised nothing", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  Log log(*disk, "log", self, test_log);
  CHECK(log.base() == Zxid{0});
  CHECK(log.last() == Zxid{0});
  CHECK(log.accepted_epoch() == Epoch{0});
  CHECK(log.current_epoch() == Epoch{0});
  CHECK_FALSE(log.checkpoint());
  CHECK_FALSE(log.state_mark());
  CHECK(log.read(Zxid{0}, 1000).empty());
  CHECK(log.floor(z(5)) == Zxid{0});
}

TEMPLATE_TEST_CASE("staged changes take effect together when they are committed", "", RealMachine, MemoryMachine) {
  TestType machine;
  {
    auto disk = machine.disk();
    Log log(*disk, "log", self, keeping_some());
    log.append(txn(z(1)));
    log.append(txn(z(2)));
    log.set_accepted_epoch({3});
    log.set_current_epoch({2});
    log.set_state_mark({"boot", false});
    CHECK(log.last() == Zxid{0});
    CHECK(log.accepted_epoch() == Epoch{0});
    CHECK(log.read(Zxid{0}, 1000).empty());
    log.commit();
    CHECK(log.last() == z(2));
    log.append(txn(z(3)));  // never committed
  }
  auto disk = machine.disk();
  Log log(*disk, "log", self, test_log);
  CHECK(log.last() == z(2));
  CHECK(log.accepted_epoch() == Epoch{3});
  CHECK(log.current_epoch() == Epoch{2});
  CHECK(log.state_mark()->boot_id == "boot");
  CHECK_FALSE(log.state_mark()->clean);
  CHECK(zxids(log.read(Zxid{0}, 100000)) == std::vector<std::uint64_t>{1, 2});
}

TEMPLATE_TEST_CASE("what a transaction came with does not stay with it", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  Log log(*disk, "log", self, keeping_some());
  const Proposal one = txn(z(1));
  auto message = std::make_shared<Bytes>(one.txn);  // a slice of what was read from a socket, say
  const std::weak_ptr<Bytes> still_there = message;
  log.append({one.zxid, Bytes(message, message->data(), message->size())});
  message.reset();
  log.commit();
  CHECK(still_there.expired());
  CHECK(zxids(log.read(Zxid{0}, 1000)) == std::vector<std::uint64_t>{1});
}

TEMPLATE_TEST_CASE("read gives what follows, in portions of bytes", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  Log log(*disk, "log", self, keeping_some());
  append(log, 1, 50);
  CHECK(zxids(log.read(z(48), 1 << 20)) == std::vector<std::uint64_t>{49, 50});
  CHECK(zxids(log.read(z(10), 1)) == std::vector<std::uint64_t>{11});
  CHECK(log.read(z(50), 1 << 20).empty());
  const auto two = txn(z(11)).txn.size() + txn(z(12)).txn.size();
  CHECK(zxids(log.read(z(10), two)) == std::vector<std::uint64_t>{11, 12});
  CHECK(zxids(log.read(z(10), two - 1)) == std::vector<std::uint64_t>{11});
}

TEMPLATE_TEST_CASE("what is committed together shares records, and is read and cut one by one", "", RealMachine,
                   MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  {
    Log log(*disk, "log", self, test_log);
    append(log, 1, 100);
    for (std::uint32_t i = 1; i <= 100; ++i) {
      REQUIRE(log.floor(z(i)) == z(i));
      REQUIRE(zxids(log.read(z(i - 1), 1)) == std::vector<std::uint64_t>{i});
    }
    CHECK(zxids(log.read(z(1), 1 << 20, z(4))) == std::vector<std::uint64_t>{2, 3, 4});
    log.set_checkpoint(z(2));
    log.prune(z(2));
    log.truncate_after(z(5));
    log.append(txn(z(1, 2)));
    log.append(txn(z(2, 2)));
    log.append(txn(z(4, 2)));  // there may be gaps, but not within a record
    log.close();
  }
  CHECK(open_tables(*disk)->read()->entries(0) == 3);
  Log log(*disk, "log", self, test_log);
  CHECK(log.base() == z(2));
  CHECK(log.last() == z(4, 2));
  CHECK(log.floor(z(3, 2)) == z(2, 2));
  CHECK(log.floor(z(100)) == z(5));
  CHECK(zxids(log.read(z(2), 1 << 20)) == std::vector<std::uint64_t>{3, 4, 5, 1, 2, 4});
}

TEMPLATE_TEST_CASE("a large transaction has a record of its own", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  const auto large = [](std::uint32_t counter) { return create_txn(z(counter), "/large", std::string(5000, 'l')); };
  {
    Log log(*disk, "log", self, test_log);
    log.append(txn(z(1)));
    for (std::uint32_t i = 2; i <= 4; ++i) log.append(large(i));
    log.append(txn(z(5)));
    log.close();
  }
  CHECK(open_tables(*disk)->read()->entries(0) == 5);
  Log log(*disk, "log", self, test_log);
  const auto all = log.read(Zxid{0}, 1 << 20);
  REQUIRE(all.size() == 5);
  CHECK(all[3].txn == large(4).txn);
}

TEMPLATE_TEST_CASE("floor is the greatest record at or before", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  Log log(*disk, "log", self, test_log);
  for (Zxid zxid : {z(1), z(4), z(2, 3)}) log.append(txn(zxid));
  log.commit();
  CHECK(log.floor(z(1)) == z(1));
  CHECK(log.floor(z(3)) == z(1));
  CHECK(log.floor(z(900)) == z(4));
  CHECK(log.floor(z(1, 3)) == z(4));
  CHECK(log.floor(z(3, 9)) == z(2, 3));
  log.set_checkpoint(z(4));
  log.prune(z(4));
  log.commit();
  CHECK(log.floor(z(4)) == z(4));
  CHECK_FALSE(log.floor(z(3)));
}

TEMPLATE_TEST_CASE("what never committed is truncated", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  Log log(*disk, "log", self, keeping_some());
  append(log, 1, 10);
  log.truncate_after(z(7));
  log.append(txn(z(1, 2)));
  log.commit();
  CHECK(log.last() == z(1, 2));
  CHECK(zxids(log.read(z(5), 1 << 20)) == std::vector<std::uint64_t>{6, 7, 1});
  log.truncate_after(Zxid{0});
  log.commit();
  CHECK(log.last() == Zxid{0});
  CHECK(log.read(Zxid{0}, 1000).empty());
}

TEMPLATE_TEST_CASE("pruning stops at the checkpoint", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  Log log(*disk, "log", self, test_log);
  append(log, 1, 20);
  log.prune(z(20));
  log.commit();
  CHECK(log.base() == Zxid{0});  // without a checkpoint everything is needed
  log.set_checkpoint(z(10));
  log.prune(z(6));
  log.commit();
  CHECK(log.base() == z(6));
  CHECK_THROWS_AS(log.read(z(5), 1000), Pruned);
  CHECK(zxids(log.read(z(6), 1)) == std::vector<std::uint64_t>{7});
  log.prune(z(20));
  log.commit();
  CHECK(log.base() == z(10));
  CHECK(log.last() == z(20));
  log.prune(z(5));
  log.commit();
  CHECK(log.base() == z(10));
  log.set_checkpoint(z(20));
  log.prune(z(20));
  log.commit();
  CHECK(log.base() == z(20));
  CHECK(log.last() == z(20));
}

TEMPLATE_TEST_CASE("what is pruned goes with the next flush", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  {
    Log log(*disk, "log", self, test_log);
    append_apart(log, 1, 20);
    log.set_checkpoint(z(15));
    log.prune(z(15));
    log.commit();
    REQUIRE(log.freeze());
    log.flush();
    CHECK(zxids(log.read(z(15), 1 << 20)) == std::vector<std::uint64_t>{16, 17, 18, 19, 20});
  }
  CHECK(open_tables(*disk)->read()->entries(0) == 5);
}

TEMPLATE_TEST_CASE("what a reset leaves behind counts for nothing", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  {
    Log log(*disk, "log", self, test_log);
    append(log, 1, 20);
    log.close();
    log.reset(z(12, 2));  // far ahead of all, and then back
    log.commit();
    CHECK(log.last() == z(12, 2));
    CHECK(log.floor(z(13, 2)) == z(12, 2));
    CHECK_FALSE(log.floor(z(20)));
    log.reset(z(9));
    log.commit();
  }
  Log log(*disk, "log", self, test_log);
  CHECK(log.last() == z(9));
  CHECK(log.floor(z(20)) == z(9));
  CHECK_THROWS_AS(log.read(z(8), 1000), Pruned);
  CHECK(log.read(z(9), 1000).empty());
  log.append(txn(z(10)));
  log.truncate_after(z(9));
  log.append(txn(z(1, 3)));
  log.commit();
  CHECK(log.last() == z(1, 3));
  CHECK(zxids(log.read(z(9), 1000)) == std::vector<std::uint64_t>{1});
}

TEMPLATE_TEST_CASE("a reset leaves the checkpoint of a snapshot and no trusted state", "", RealMachine, MemoryMachine) {
  TestType machine;
  {
    auto disk = machine.disk();
    Log log(*disk, "log", self, test_log);
    append(log, 1, 20);
    log.set_checkpoint(z(15));
    log.set_state_mark({"boot", true});
    log.commit();
    SECTION("to a later zxid") {
      log.reset(z(30));
      log.set_checkpoint(z(30));
    }
    SECTION("to an earlier zxid, whichever comes first") {
      log.set_checkpoint(z(12));
      log.reset(z(12));
    }
    log.post_state_mark({"boot", false});  // of the state from before
    log.commit();
    CHECK_FALSE(log.state_mark());
    CHECK(log.base() == log.last());
    CHECK(log.checkpoint() == log.base());
    // A checkpoint that was being written meanwhile is of no use.
    log.set_checkpoint(z(11));
    log.set_checkpoint(z(31));
    log.commit();
    CHECK(log.checkpoint() == log.base());
    log.post_state_mark({"boot", false});
    log.commit();
  }
  auto disk = machine.disk();
  Log log(*disk, "log", self, test_log);
  CHECK(log.base() == log.last());
  CHECK(log.checkpoint() == log.base());
  CHECK(log.state_mark());
  CHECK(log.read(log.base(), 1000).empty());
}

TEMPLATE_TEST_CASE("a log in an earlier format is read on", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  {
    Log log(*disk, "log", self, test_log);
    append(log, 1, 5);
    log.close();
  }
  {
    auto kv = open_tables(*disk);
    auto writer = kv->write();
    writer->clear(0);
    for (std::uint32_t i = 1; i <= 5; ++i) {
      LogRecordBuilder record;
      REQUIRE(record.add({z(i), txn(z(i)).txn.view()}));
      writer->put(0, big_endian(z(i).value), record.finish());
    }
    SECTION("with a record for each transaction") { writer->put(1, "format", std::string("\0\0\0\0\0\0\0\3", 8)); }
    SECTION("without a journal") {
      writer->put(1, "format", std::string("\0\0\0\0\0\0\0\1", 8));
      writer->clear(3);
    }
    SECTION("without records up to the base") { writer->put(1, "format", std::string("\0\0\0\0\0\0\0\2", 8)); }
    writer->commit();
  }
  {
    Log log(*disk, "log", self, test_log);
    CHECK(zxids(log.read(Zxid{0}, 1 << 20)) == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
    append(log, 6, 6);
  }
  CHECK(Log(*disk, "log", self, test_log).last() == z(6));
}

TEMPLATE_TEST_CASE("a log belongs to one node and to formats that are known", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  { Log log(*disk, "log", self, test_log); }
  CHECK_THROWS_WITH(Log(*disk, "log", PeerId{2}, test_log),
                    Catch::Contains("belongs to node 1, and this is node 2") && Catch::Contains("start the node with"));
  {
    auto kv = open_tables(*disk);
    auto writer = kv->write();
    writer->put(1, "format", std::string("\0\0\0\0\0\0\0\5", 8));
    writer->commit();
  }
  CHECK_THROWS_WITH(Log(*disk, "log", self, test_log),
                    Catch::Contains("has format 5") && Catch::Contains("newer version"));
}

TEMPLATE_TEST_CASE("a damaged log is refused: no vote with a shortened history", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  const bool together = GENERATE(false, true);
  {
    Log log(*disk, "log", self, test_log);
    together ? append(log, 1, 5) : append_apart(log, 1, 5);
    log.set_checkpoint(z(4));
    log.prune(z(2));
    log.close();
  }
  auto kv = open_tables(*disk);
  auto writer = kv->write();
  const std::string last(writer->cursor(0)->last()->key);
  std::string record(*writer->get(0, last));
  SECTION("a bit of the last record is wrong") {
    record[record.size() / 2] ^= 1;
    writer->put(0, last, record);
  }
  SECTION("the last record is cut short") { writer->put(0, last, record.substr(0, 4)); }
  SECTION("the last record has another key") {
    writer->erase(0, last);
    writer->put(0, std::string("\0\0\0\1\0\0\0\7", 8), record);
  }
  SECTION("a key is no zxid") { writer->put(0, "zzz", record); }
  SECTION("records are missing at the end") {
    writer->erase(0, last);
    writer->erase(0, std::string("\0\0\0\1\0\0\0\4", 8));
  }
  SECTION("a promise is missing") { writer->erase(1, "accepted epoch"); }
  SECTION("its checkpoint is missing") { writer->erase(1, "checkpoint"); }
  SECTION("its owner is missing") { writer->erase(1, "node"); }
  SECTION("its format is missing") { writer->erase(1, "format"); }
  writer->commit();
  kv.reset();
  CHECK_THROWS_WITH(Log(*disk, "log", self, test_log), Catch::Contains("damaged") && Catch::Contains("Check its disk"));
}

TEMPLATE_TEST_CASE("a record that is damaged in the middle is never read", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  Log log(*disk, "log", self, test_log);
  append_apart(log, 1, 5);
  log.close();
  {
    auto kv = open_tables(*disk);
    auto writer = kv->write();
    const std::string key("\0\0\0\1\0\0\0\3", 8);
    std::string record(*writer->get(0, key));
    record[20] ^= 4;
    writer->put(0, key, record);
    writer->commit();
  }
  CHECK(zxids(log.read(z(0), 1)) == std::vector<std::uint64_t>{1});
  CHECK_THROWS_WITH(log.read(z(1), 1 << 20), Catch::Contains("not what was written"));
}

TEMPLATE_TEST_CASE("of a damaged record none is read, and of others all", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  Log log(*disk, "log", self, test_log);
  append(log, 1, 3);
  append(log, 4, 6);
  append(log, 7, 9);
  log.close();
  {
    auto kv = open_tables(*disk);
    auto writer = kv->write();
    const auto key = big_endian(z(6).value);
    std::string record(*writer->get(0, key));
    SECTION("a bit is wrong") { record[record.size() / 2] ^= 4; }
    SECTION("it holds more transactions than its epoch has") {
      std::string txns;
      for (std::uint32_t i = 1; i <= 8; ++i) txns.append(txn(z(i)).txn.view());
      record = txns.append(raw_bytes(hash(txns, z(6).value)));
    }
    SECTION("it ends within a transaction") {
      std::string txns(txn(z(6)).txn.view());
      txns.resize(txns.size() - 8);
      record = txns.append(raw_bytes(hash(txns, z(6).value)));
    }
    writer->put(0, key, record);
    writer->commit();
  }
  CHECK(zxids(log.read(z(0), 1 << 20, z(3))) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(zxids(log.read(z(6), 1 << 20)) == std::vector<std::uint64_t>{7, 8, 9});
  CHECK_THROWS_WITH(log.read(z(0), 1 << 20), Catch::Contains("not what was written"));
  CHECK_THROWS_WITH(log.read(z(3), 1), Catch::Contains("not what was written"));
}

TEMPLATE_TEST_CASE("random histories agree with a map", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  std::mt19937 random(11);
  const auto options = [&] { return keeping(some_recent[random() % 3]); };
  auto log = std::make_unique<Log>(*disk, "log", self, options());
  std::vector<Zxid> model;
  std::optional<Zxid> checkpoint;
  Zxid base, next = z(1);
  for (int round = 0; round < 400; ++round) {
    switch (random() % 9) {
      case 0:
        if (!model.empty()) {
          const Zxid last = model[random() % model.size()];
          if (checkpoint && last < *checkpoint) break;
          log->truncate_after(last);
          std::erase_if(model, [&](Zxid zxid) { return zxid > last; });
          next = Zxid::of(next.epoch().next(), 1);
        }
        break;
      case 1:
        if (!model.empty()) {
          const Zxid zxid = model[random() % model.size()];
          log->set_checkpoint(zxid);
          checkpoint = std::max(zxid, checkpoint.value_or(zxid));
        }
        break;
      case 2: {
        const Zxid upto{base.value + random() % 30};
        log->prune(upto);
        while (checkpoint && !model.empty() && model.front() <= std::min(upto, *checkpoint)) {
          base = model.front();
          model.erase(model.begin());
        }
        break;
      }
      case 4:
        log->commit();
        if (log->freeze()) log->flush();
        break;
      case 3:
        log->commit();
        log.reset();
        log = std::make_unique<Log>(*disk, "log", self, options());
        break;
      default:
        for (int i = random() % 6; i > 0; --i) {
          log->append(txn(next));
          model.push_back(next);
          next = {next.value + 1 + random() % 2};
        }
    }
    if (random() % 3 == 0) continue;  // more comes into the same commit
    log->commit();
    REQUIRE(log->base() == base);
    REQUIRE(log->last() == (model.empty() ? base : model.back()));
    std::vector<std::uint64_t> expected;
    for (Zxid zxid : model) expected.push_back(zxid.counter());
    for (std::size_t i = 0; i < model.size(); ++i) {
      const Zxid after = i == 0 ? base : model[i - 1];
      REQUIRE(zxids(log->read(after, 1 << 30)) == expected);
      expected.erase(expected.begin());
    }
    REQUIRE(log->read(log->last(), 1 << 30).empty());
    for (int i = 0; i < 5; ++i) {
      const Zxid asked{base.value + random() % 50};
      Zxid floor = base;
      for (Zxid zxid : model) floor = zxid <= asked ? zxid : floor;
      REQUIRE(log->floor(asked) == floor);
    }
  }
}

TEMPLATE_TEST_CASE("the log's configuration is that of its history, whatever is appended, dropped or pruned", "",
                   RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  auto log = std::make_unique<Log>(*disk, "log", self, test_log);
  std::mt19937 random(5);
  std::map<Zxid, Bytes> model;  // every configuration of the history
  Zxid next{1}, newest_checkpoint;
  const auto last = [&] { return model.empty() ? Bytes() : model.rbegin()->second; };
  for (int step = 0; step < 500; ++step) {
    switch (random() % 7) {
      case 0: {
        const Zxid to{
            std::max(newest_checkpoint.value, next.value - 1 - std::min<std::uint64_t>(next.value - 1, random() % 8))};
        log->truncate_after(to);
        model.erase(model.upper_bound(to), model.end());
        break;
      }
      case 1:
        newest_checkpoint = {std::max(newest_checkpoint.value,
                                      log->base().value + random() % (log->last().value - log->base().value + 1))};
        log->set_checkpoint(newest_checkpoint);
        break;
      case 2:
        log->prune({log->base().value + random() % 8});
        break;
      case 3:
        if (random() % 4 != 0) break;
        next = {next.value + 10};
        log->reset(next, random() % 3 == 0 ? Bytes() : activate_txn(next, "from a snapshot").txn);
        newest_checkpoint = next;
        log->commit();
        model.clear();
        if (!log->configuration().empty()) model[next] = activate_txn(next, "from a snapshot").txn;
        next = next.next();
        break;
      case 4:
        log->commit();
        log.reset();
        log = std::make_unique<Log>(*disk, "log", self, test_log);
        break;
      default:
        for (auto i = random() % 4; i > 0; --i, next = next.next()) {
          const auto proposal = random() % 3 == 0 ? activate_txn(next, "at " + to_string(next)) : txn(next);
          log->append(proposal);
          if (proposal.txn != txn(next).txn) model[next] = proposal.txn;
        }
    }
    log->commit();
    REQUIRE(log->configuration() == last());
  }
}

TEST_CASE("other threads read the log while it is written and pruned") {
  RealMachine machine;
  auto disk = machine.disk();
  Log log(*disk, "log", self, keeping(4000));
  append(log, 1, 1);
  std::atomic<bool> stop = false;
  std::atomic<int> gaps = 0;
  std::thread reader([&] {
    Zxid after;
    while (!stop) {
      try {
        for (auto& proposal : log.read(after, 4096)) {
          if (after != Zxid{0} && proposal.zxid != after.next()) ++gaps;
          after = proposal.zxid;
        }
      } catch (const Pruned&) {
        after = log.base();
      }
    }
  });
  for (std::uint32_t i = 2; i < 300; ++i) {
    log.append(txn(z(i)));
    if (i % 10 == 0) log.set_checkpoint(z(i - 5));
    log.prune(z(i));
    log.commit();
  }
  stop = true;
  reader.join();
  CHECK(gaps == 0);
}

}  // namespace troupe::store::testing
