// A Kv with a journal before it: the contract of Kv, and what is left after a crash at any point.
#include "store/journaled_kv.hpp"

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "store/error.hpp"
#include "tests/catch.hpp"
#include "tests/store/crashing_disk.hpp"
#include "tests/store/machines.hpp"

namespace troupe::store::testing {
namespace {

const KvOptions options{.tables = {"one", "two"}, .map_size = test_map_size};
constexpr std::size_t page = JournalFile::page;

using Contents = std::map<std::pair<Table, std::string>, std::string>;

Contents contents(Kv& kv) {
  Contents all;
  const auto reader = kv.read();
  for (Table table = 0; table < 2; ++table) {
    std::size_t count = 0;
    const auto cursor = reader->cursor(table);
    for (auto entry = cursor->seek(""); entry; entry = cursor->next(), ++count) {
      all.emplace(std::pair(table, std::string(entry->key)), entry->value);
    }
    REQUIRE(reader->entries(table) == count);
  }
  return all;
}

void put(Kv& kv, const std::string& key, const std::string& value) {
  const auto writer = kv.write();
  writer->put(0, key, value);
  writer->commit();
}

/// A few changes, made in a writer and in what it should lead to.
void change(std::minstd_rand& random, KvWriter& writer, Contents& model) {
  for (auto left = random() % 4; left > 0; --left) {
    const Table table = random() % 2;
    const std::string key = "key " + std::to_string(random() % 12);
    if (random() % 20 == 0) {
      writer.clear(table);
      std::erase_if(model, [&](const auto& entry) { return entry.first.first == table; });
    } else if (random() % 3 == 0) {
      CHECK(writer.erase(table, key) == (model.erase({table, key}) != 0));
    } else {
      const std::string value(random() % (2 * page), static_cast<char>('a' + random() % 26));
      writer.put(table, key, value);
      model[{table, key}] = value;
    }
  }
}

/// Commits until it crashes. `last` is what was committed, `next` what was being committed.
void live(Disk& disk, std::minstd_rand& random, Contents& last, Contents& next) {
  JournaledKv kv(disk, "env", options);
  REQUIRE(contents(kv) == last);
  for (int commits = 0; commits < 12; ++commits) {
    const auto writer = kv.write();
    change(random, *writer, next);
    if (random() % 8 == 0) {  // changes its mind
      next = last;
      continue;
    }
    writer->commit();
    last = next;
    REQUIRE(contents(kv) == last);
    if (random() % 3 == 0) kv.freeze();
    if (random() % 3 == 0) kv.flush();
  }
}

}  // namespace

TEST_CASE("what was committed is there after a crash at any point, and nothing of what was not") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    MemoryMachine machine;
    std::minstd_rand random(seed);
    Contents last;
    for (int lives = 0; lives < 6; ++lives) {
      Contents next = last;
      CrashPoint point{static_cast<int>(random() % 25)};
      point.random.seed(static_cast<unsigned>(random()));
      try {
        CrashingDisk disk(machine.disk(), point);
        live(disk, random, last, next);
      } catch (const Crash&) {
        if (random() % 2 == 0) machine.cut_power();
        // What was being written may be there as a whole.
        const auto disk = machine.disk();
        JournaledKv kv(*disk, "env", options);
        const auto left = contents(kv);
        REQUIRE((left == last || left == next));
        last = left;
      }
    }
  }
}

TEMPLATE_TEST_CASE("a commit costs one write of the journal, and none of the environment", "", RealMachine,
                   MemoryMachine) {
  TestType machine;
  CrashPoint point{1'000'000};
  {
    CrashingDisk disk(machine.disk(), point);
    JournaledKv kv(disk, "env", options);
    const int before = point.passed;
    for (int i = 0; i < 100; ++i) put(kv, "key " + std::to_string(i), "value");
    CHECK(point.passed - before == 100);
    CHECK(kv.freeze());
    CHECK_FALSE(kv.freeze());  // until the first is flushed
    kv.flush();
    CHECK(point.passed - before == 101);
    CHECK_FALSE(kv.freeze());  // nothing new
    put(kv, "key 7", "new");
  }
  const auto disk = machine.disk();
  JournaledKv kv(*disk, "env", options);
  CHECK(kv.read()->entries(0) == 100);
  CHECK(kv.read()->get(0, "key 7") == "new");
}

TEMPLATE_TEST_CASE("a torn end of the journal is forgotten, and damage before its end is told", "", RealMachine,
                   MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  {
    JournaledKv kv(*disk, "env", options);
    put(kv, "a", std::string(2 * page, 'a'));
    put(kv, "b", "b");
    put(kv, "c", std::string(3 * page, 'c'));
  }
  const auto overwrite = [&](std::size_t at) { disk->open_journal("env", 0, false)->write(at * page, "damage"); };
  SECTION("nothing is damaged") {
    JournaledKv kv(*disk, "env", options);
    CHECK(kv.read()->entries(0) == 3);
  }
  SECTION("the last record was torn, at its beginning or later") {
    overwrite(GENERATE(4, 5, 6, 7));
    {
      JournaledKv kv(*disk, "env", options);
      CHECK(kv.read()->entries(0) == 2);
      put(kv, "d", "d");
    }
    JournaledKv kv(*disk, "env", options);
    CHECK(kv.read()->entries(0) == 3);
    CHECK(kv.read()->get(0, "d") == "d");
  }
  SECTION("a record that others follow is damaged") {
    overwrite(GENERATE(0, 1, 2, 3));
    CHECK_THROWS_WITH(JournaledKv(*disk, "env", options),
                      Catch::Contains("journal") && Catch::Contains("damaged") && Catch::Contains("Check its disk"));
  }
}

TEST_CASE("a journal that is missing is told") {
  RealMachine machine;
  auto disk = machine.disk();
  {
    JournaledKv kv(*disk, "env", options);
    put(kv, "a", "a");
  }
  std::filesystem::remove(machine.path() + "/env/journal-0");
  CHECK_THROWS_WITH(JournaledKv(*disk, "env", options),
                    Catch::Contains("journal-0 is missing") && Catch::Contains("Put it back"));
}

TEST_CASE("an environment that had no journal gets one") {
  RealMachine machine;
  auto disk = machine.disk();
  {
    auto plain = options;
    plain.tables.emplace_back("journal");
    put(*disk->open("env", plain), "a", "a");
  }
  JournaledKv kv(*disk, "env", options);
  put(kv, "b", "b");
  CHECK(kv.read()->entries(0) == 2);
}

TEST_CASE("what a client writes cannot pass for a record of the journal") {
  // A forged successor, with every salt but the right one: the last record is torn, and holds it in a page of its own.
  MemoryMachine machine, elsewhere;
  auto other = elsewhere.disk();
  std::string forged;
  {
    JournaledKv kv(*other, "env", options);
    for (int i = 0; i < 9; ++i) put(kv, "a", "a");
    forged = std::string(other->open_journal("env", 0, false)->content().substr(8 * page, page));
  }
  auto disk = machine.disk();
  {
    JournaledKv kv(*disk, "env", options);
    put(kv, "a", "a");
    put(kv, "b", std::string(page - 24 - 8 - 1, ' ') + forged);  // record header, change header, key
  }
  REQUIRE(disk->open_journal("env", 0, false)->content().substr(2 * page, page) == forged);
  disk->open_journal("env", 0, false)->write(page, "torn");
  JournaledKv kv(*disk, "env", options);
  CHECK(kv.read()->entries(0) == 1);
}

TEST_CASE("readers on other threads see whole commits while the journal is flushed") {
  RealMachine machine;
  const auto disk = machine.disk();
  JournaledKv kv(*disk, "env", options);
  std::atomic<bool> done = false;
  std::thread flusher([&] {
    while (!done) kv.flush();
  });
  std::thread reader([&] {
    std::uint64_t before = 0;
    while (!done) {
      const auto view = kv.read();
      const auto one = view->get(0, "n"), two = view->get(1, "n");
      if (!one) continue;
      if (one != two || std::stoull(std::string(*one)) < before) std::abort();
      before = std::stoull(std::string(*one));
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const auto writer = kv.write();
    writer->put(0, "n", std::to_string(i));
    writer->put(1, "n", std::to_string(i));
    writer->commit();
    if (i % 7 == 0) kv.freeze();
  }
  done = true;
  flusher.join();
  reader.join();
  CHECK(kv.read()->get(0, "n") == "1999");
}

}  // namespace troupe::store::testing
