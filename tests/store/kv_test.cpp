// The contract of Kv and Disk, over LMDB and over memory.
#include <map>
#include <random>
#include <thread>

#include "store/error.hpp"
#include "tests/catch.hpp"
#include "tests/store/machines.hpp"

namespace troupe::store::testing {
namespace {

const KvOptions options{.tables = {"one", "two"}, .durable = true, .map_size = test_map_size};
const KvOptions fast{.tables = {"one", "two"}, .durable = false, .map_size = test_map_size, .write_in_map = true};

using Contents = std::map<std::string, std::string>;

Contents contents(const KvReader& reader, Table table) {
  Contents all;
  auto cursor = reader.cursor(table);
  std::string before;
  for (auto entry = cursor->seek(""); entry; entry = cursor->next()) {
    REQUIRE(std::string(entry->key) > before);
    before = entry->key;
    all.emplace(entry->key, entry->value);
  }
  REQUIRE(reader.entries(table) == all.size());
  return all;
}

void put(Kv& kv, const std::string& key, const std::string& value) {
  auto writer = kv.write();
  writer->put(0, key, value);
  writer->commit();
}

}  // namespace

TEMPLATE_TEST_CASE("what a writer commits is read, what it does not commit is not", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  auto kv = disk->open("env", options);
  {
    auto writer = kv->write();
    writer->put(0, "a", "1");
    writer->put(1, "a", "other table");
    CHECK(writer->get(0, "a") == "1");
    CHECK(writer->entries(0) == 1);
    CHECK_FALSE(kv->read()->get(0, "a"));
    writer->commit();
  }
  CHECK(kv->read()->get(0, "a") == "1");
  CHECK(kv->read()->get(1, "a") == "other table");
  {
    auto writer = kv->write();
    writer->put(0, "a", "2");
    writer->put(0, "b", "3");
    CHECK(writer->erase(1, "a"));
    CHECK_FALSE(writer->erase(1, "a"));
  }
  CHECK(contents(*kv->read(), 0) == Contents{{"a", "1"}});
  CHECK(contents(*kv->read(), 1) == Contents{{"a", "other table"}});
}

TEMPLATE_TEST_CASE("a reader sees the environment as it was when it was opened", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  auto kv = disk->open("env", options);
  put(*kv, "a", "old");
  auto before = kv->read();
  const auto old = before->get(0, "a");
  put(*kv, "a", "new");
  put(*kv, "b", "new");
  auto between = kv->read();
  {
    auto writer = kv->write();
    writer->clear(0);
    writer->commit();
  }
  CHECK(old == "old");
  CHECK(contents(*before, 0) == Contents{{"a", "old"}});
  CHECK(contents(*between, 0) == Contents{{"a", "new"}, {"b", "new"}});
  CHECK(contents(*kv->read(), 0).empty());

  SECTION("also when the Kv is gone and the environment is removed") {
    kv.reset();
    disk->remove("env");
    CHECK(contents(*before, 0) == Contents{{"a", "old"}});
    kv = disk->open("env", options);
    put(*kv, "c", "another");
    CHECK(contents(*before, 0) == Contents{{"a", "old"}});
    CHECK(contents(*between, 0) == Contents{{"a", "new"}, {"b", "new"}});
  }
  SECTION("also when the environment is opened again") {
    kv.reset();
    kv = disk->open("env", options);
    put(*kv, "c", "more");
    CHECK(contents(*before, 0) == Contents{{"a", "old"}});
    CHECK(contents(*kv->read(), 0) == Contents{{"c", "more"}});
  }
}

TEMPLATE_TEST_CASE("a cursor walks both ways, and is nowhere after it answered none", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  auto kv = disk->open("env", options);
  auto writer = kv->write();
  for (const char* key : {"b", "d", "f"}) writer->append(0, key, key);
  auto cursor = writer->cursor(0);
  CHECK(cursor->seek("c")->key == "d");
  CHECK(cursor->next()->key == "f");
  CHECK(cursor->previous()->key == "d");
  CHECK(cursor->previous()->key == "b");
  CHECK_FALSE(cursor->previous());
  CHECK_FALSE(cursor->next());
  CHECK(cursor->last()->key == "f");
  CHECK_FALSE(cursor->next());
  CHECK_FALSE(cursor->previous());
  CHECK_FALSE(cursor->seek("g"));
  CHECK_FALSE(cursor->previous());
  CHECK(cursor->seek("")->key == "b");

  SECTION("it survives the removal of the entry it stands on") {
    writer->erase(0, "b");
    CHECK(cursor->next()->key == "d");
    writer->erase(0, "d");
    CHECK(cursor->next()->key == "f");
    writer->erase(0, "f");
    CHECK_FALSE(cursor->next());
    CHECK_FALSE(cursor->last());
  }
  SECTION("a cursor may outlive the commit, unused") { writer->commit(); }
}

TEMPLATE_TEST_CASE("the first entries are erased up to a key, and no more than so many", "", RealMachine,
                   MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  auto kv = disk->open("env", fast);
  const auto key = [](int number) { return std::to_string(100'000 + number); };
  Contents expected;
  {
    auto writer = kv->write();
    for (int i = 0; i < 5000; ++i) {  // many pages
      writer->append(0, key(i), std::string(static_cast<std::size_t>(i % 300), 'v'));
      expected.emplace(key(i), std::string(static_cast<std::size_t>(i % 300), 'v'));
    }
    writer->put(1, "a", "another table's");
    writer->commit();
  }
  const auto erase_first = [&](const std::string& last, std::size_t most) {
    auto writer = kv->write();
    writer->erase_first(0, last, most);
    writer->commit();
    for (; most > 0 && !expected.empty() && expected.begin()->first <= last; --most) expected.erase(expected.begin());
    CHECK(contents(*kv->read(), 0) == expected);
  };
  erase_first(key(-1), 10);  // none is that early
  erase_first(key(0), 0);
  erase_first(key(0), 10);
  erase_first(key(9), 3);
  erase_first(key(1234) + "between", 100'000);
  erase_first(key(4999), 2000);
  erase_first("2", 100'000);
  CHECK(expected.empty());
  erase_first("2", 100'000);  // of none
  CHECK(kv->read()->get(1, "a") == "another table's");
}

TEMPLATE_TEST_CASE("keys up to 511 bytes and values of any size", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  auto kv = disk->open("env", options);
  const std::string key(max_key_size, 'k'), large(3 << 20, 'v');
  put(*kv, key, large);
  put(*kv, "empty", "");
  CHECK(kv->read()->get(0, key) == large);
  CHECK(kv->read()->get(0, "empty") == "");
}

TEMPLATE_TEST_CASE("random commits with readers alive agree with a map", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  auto kv = disk->open("env", fast);
  std::mt19937 random(7);
  Contents model[2];
  struct Snapshot {
    std::unique_ptr<KvReader> reader;
    Contents expected[2];
  };
  std::vector<Snapshot> snapshots;
  for (int round = 0; round < 400; ++round) {
    Contents next[2] = {model[0], model[1]};
    auto writer = kv->write();
    for (int i = random() % 8; i > 0; --i) {
      const Table table = random() % 2;
      const std::string key = std::to_string(random() % 40);
      switch (random() % 8) {
        case 0:
        case 1:
          CHECK(writer->erase(table, key) == (next[table].erase(key) == 1));
          break;
        case 2:
          if (random() % 10 == 0) {
            writer->clear(table);
            next[table].clear();
          }
          break;
        default:
          writer->put(table, key, std::to_string(round));
          next[table][key] = std::to_string(round);
      }
    }
    for (Table table : {0, 1}) REQUIRE(contents(*writer, table) == next[table]);
    if (random() % 4 != 0) {
      writer->commit();
      model[0] = next[0];
      model[1] = next[1];
    }
    writer.reset();
    snapshots.push_back({kv->read(), {model[0], model[1]}});
    if (snapshots.size() > 12) {
      const std::size_t victim = random() % snapshots.size();
      for (Table table : {0, 1})
        REQUIRE(contents(*snapshots[victim].reader, table) == snapshots[victim].expected[table]);
      snapshots.erase(snapshots.begin() + victim);
    }
  }
  for (auto& snapshot : snapshots) {
    for (Table table : {0, 1}) REQUIRE(contents(*snapshot.reader, table) == snapshot.expected[table]);
  }
}

TEMPLATE_TEST_CASE("a writer that changes many pages, here and there, agrees with a map", "", RealMachine,
                   MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  auto kv = disk->open("env", fast);
  std::mt19937 random(3);
  Contents model[2];
  const auto value = [&] { return std::string(random() % 1000, static_cast<char>('a' + random() % 26)); };
  for (int round = 0; round < 12; ++round) {
    auto writer = kv->write();
    for (int i = 0; i < 1500; ++i) {
      const Table table = random() % 2;
      const std::string key = std::to_string(random() % 3000);
      const auto kind = random() % (round % 3 == 2 ? 5 : 12);  // now and then more goes than comes
      if (kind < 3) {
        REQUIRE(writer->erase(table, key) == (model[table].erase(key) == 1));
      } else if (kind == 3 && random() % 20 == 0) {
        const auto most = random() % 400;
        writer->erase_first(table, key, most);
        for (auto left = most; left > 0 && !model[table].empty() && model[table].begin()->first <= key; --left) {
          model[table].erase(model[table].begin());
        }
      } else if (kind == 4) {
        const std::string last = model[table].empty() ? "0" : model[table].rbegin()->first;
        if (last.size() > 20) continue;
        writer->append(table, last + "x", model[table][last + "x"] = value());
      } else {
        writer->put(table, key, model[table][key] = value());
      }
      if (random() % 2000 == 0) {
        writer->clear(table);
        model[table].clear();
      }
      if (random() % 50 == 0) {
        const auto held = writer->get(table, key);
        REQUIRE(held.has_value() == model[table].contains(key));
        if (held) REQUIRE(*held == model[table][key]);
      }
    }
    for (Table table : {0, 1}) REQUIRE(contents(*writer, table) == model[table]);
    writer->commit();
    for (Table table : {0, 1}) REQUIRE(contents(*kv->read(), table) == model[table]);
  }
}

TEMPLATE_TEST_CASE("a disk lists, renames, copies and removes environments", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  CHECK(disk->list().empty());
  auto kv = disk->open("a", options);
  put(*kv, "key", "of a");
  CHECK(disk->exists("a"));

  auto reader = kv->read();
  put(*kv, "key", "of a, later");
  disk->copy(*kv, "copy");
  put(*kv, "key", "of a, last");
  CHECK(disk->list() == std::vector<std::string>{"a", "copy"});
  CHECK(disk->open("copy", options)->read()->get(0, "key") == "of a, later");

  disk->clone("copy", "clone");
  put(*disk->open("clone", fast), "key", "of the clone");
  CHECK(disk->open("copy", options)->read()->get(0, "key") == "of a, later");

  disk->rename("clone", "copy");
  CHECK(disk->list() == std::vector<std::string>{"a", "copy"});
  CHECK(disk->open("copy", fast)->read()->get(0, "key") == "of the clone");
  disk->rename("copy", "moved");
  CHECK_FALSE(disk->exists("copy"));
  disk->remove("moved");
  disk->remove("never there");
  CHECK(disk->list() == std::vector<std::string>{"a"});
  CHECK(reader->get(0, "key") == "of a");
}

TEMPLATE_TEST_CASE("a killed process loses what it did not commit", "", RealMachine, MemoryMachine) {
  TestType machine;
  {
    auto disk = machine.disk();
    auto kv = disk->open("env", fast);
    put(*kv, "a", "1");
    auto writer = kv->write();
    writer->put(0, "a", "2");
  }
  auto disk = machine.disk();
  CHECK(disk->open("env", fast)->read()->get(0, "a") == "1");
}

TEST_CASE("a power cut spares what is flushed and damages the rest") {
  MemoryMachine machine;
  std::string boot;
  {
    auto disk = machine.disk();
    boot = disk->boot_id();
    put(*disk->open("durable", options), "a", "1");
    auto synced = disk->open("synced", fast);
    put(*synced, "a", "1");
    synced->sync();
    auto lost = disk->open("lost", fast);
    put(*lost, "a", "1");
    lost->sync();
    put(*lost, "a", "2");
    disk->open("new", fast);
    disk->copy(*lost, "copied");
    disk->clone("synced", "cloned");
  }
  machine.cut_power();
  auto disk = machine.disk();
  CHECK(disk->boot_id() != boot);
  CHECK(disk->open("durable", options)->read()->get(0, "a") == "1");
  CHECK(disk->open("synced", fast)->read()->get(0, "a") == "1");
  CHECK(disk->open("copied", fast)->read()->get(0, "a") == "2");
  for (const char* name : {"lost", "new", "cloned"}) CHECK_THROWS_AS(disk->open(name, fast), StorageError);
}

TEST_CASE("a full disk in memory refuses commits until there is space") {
  MemoryMachine machine;
  auto disk = machine.disk();
  auto kv = disk->open("env", options);
  put(*kv, "a", "1");
  machine.fill(true);
  CHECK_THROWS_WITH(put(*kv, "a", "2"), Catch::Contains("no space left"));
  CHECK(kv->read()->get(0, "a") == "1");
  machine.fill(false);
  put(*kv, "a", "3");
  CHECK(kv->read()->get(0, "a") == "3");
}

TEST_CASE("readers come and go on many threads while the environment is written") {
  RealMachine machine;
  auto disk = machine.disk();
  auto kv = disk->open("env", fast);
  put(*kv, "x", "0");
  put(*kv, "y", "0");
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0, reads = 0;
  std::mutex mutex;
  std::vector<std::unique_ptr<KvReader>> shared;  // opened on one thread, released on another
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        auto reader = kv->read();
        if (reader->get(0, "x") != reader->get(0, "y")) ++torn;
        ++reads;
        std::lock_guard lock(mutex);
        shared.push_back(std::move(reader));
        if (shared.size() > 40) shared.erase(shared.begin(), shared.begin() + 20);
      }
    });
  }
  // On a busy machine the commits could all be done before the first reader runs.
  for (int i = 1; i < 2000 || reads < 100; ++i) {
    auto writer = kv->write();
    writer->put(0, "x", std::to_string(i));
    writer->put(0, "y", std::to_string(i));
    writer->commit();
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  CHECK(torn == 0);
  // The readers outlive everything.
  kv.reset();
  disk.reset();
  CHECK(shared.back()->get(0, "x") == shared.back()->get(0, "y"));
}

}  // namespace troupe::store::testing
