// What is committed is read from memory and disk alike, whenever it is flushed.
#include "store/layered_kv.hpp"

#include <map>
#include <random>
#include <thread>

#include "tests/catch.hpp"
#include "tests/store/machines.hpp"

namespace troupe::store::testing {
namespace {

const KvOptions base_options{.tables = {"one", "two"}, .durable = false, .map_size = test_map_size};

constexpr int keys = 60;
/// Each third begins like another one and is longer by a byte that is zero; each third differs far behind its
/// beginning.
std::string name(unsigned number) {
  const auto digits = std::to_string(number / 3);
  if (number % 3 == 2) return "key" + std::string(20, 'x') + digits;
  return "key" + digits + std::string(number % 3, '\0');
}

using Contents = std::map<std::string, std::string>;
using Tables = std::array<Contents, 2>;

std::unique_ptr<LayeredKv> open_layered(Disk& disk) {
  return std::make_unique<LayeredKv>(disk.open("env", base_options), base_options.tables.size());
}

Contents forwards(const KvReader& reader, Table table) {
  Contents all;
  auto cursor = reader.cursor(table);
  for (auto entry = cursor->seek(""); entry; entry = cursor->next()) {
    REQUIRE((all.empty() || all.rbegin()->first < entry->key));
    all.emplace(entry->key, entry->value);
  }
  return all;
}

Contents backwards(const KvReader& reader, Table table) {
  Contents all;
  auto cursor = reader.cursor(table);
  for (auto entry = cursor->last(); entry; entry = cursor->previous()) {
    REQUIRE((all.empty() || all.begin()->first > entry->key));
    all.emplace(entry->key, entry->value);
  }
  return all;
}

void check_same(const KvReader& reader, const Tables& expected) {
  for (Table table = 0; table < 2; ++table) {
    REQUIRE(forwards(reader, table) == expected[table]);
    REQUIRE(backwards(reader, table) == expected[table]);
    REQUIRE(reader.entries(table) == expected[table].size());
    for (int i = 0; i < keys; ++i) {
      const auto key = name(i);
      const auto there = expected[table].find(key);
      REQUIRE(reader.get(table, key) ==
              (there == expected[table].end() ? std::nullopt : std::optional<std::string_view>(there->second)));
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("a writer's cursor goes both ways from what was erased under it", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  auto kv = open_layered(*disk);
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    const auto cleared = kv->write();
    cleared->clear(0);
    cleared->commit();
    kv->sync();
    Contents model;
    for (int layer = 0; layer < 3; ++layer) {  // the base, the frozen one, the active one
      const auto writer = kv->write();
      for (int i = 0; i < 8; ++i) {
        const auto key = name(random() % keys);
        writer->put(0, key, model[key] = std::to_string(random()));
      }
      writer->commit();
      if (layer < 2) kv->freeze();
      if (layer == 0) kv->flush();
    }
    const auto writer = kv->write();  // ends without effect
    auto cursor = writer->cursor(0);
    auto entry = cursor->seek(name(random() % keys));
    while (entry) {
      const std::string at(entry->key);
      REQUIRE(model.at(at) == entry->value);
      if (random() % 2 == 0) {
        writer->erase(0, at);
        model.erase(at);
      }
      if (random() % 2 == 0) {
        entry = cursor->next();
        const auto expected = model.upper_bound(at);
        REQUIRE(entry.has_value() == (expected != model.end()));
        if (entry) REQUIRE(entry->key == expected->first);
      } else {
        entry = cursor->previous();
        const auto expected = model.lower_bound(at);
        REQUIRE(entry.has_value() == (expected != model.begin()));
        if (entry) REQUIRE(entry->key == std::prev(expected)->first);
      }
    }
  }
}

TEMPLATE_TEST_CASE("a layered store reads like a map, before, between and after its flushes", "", RealMachine,
                   MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  auto kv = open_layered(*disk);
  std::mt19937 random(7);
  Tables model;
  const auto key = [&] { return name(random() % keys); };
  std::vector<std::pair<std::unique_ptr<KvReader>, Tables>> views;  // each must stay as it was

  for (int round = 0; round < 600; ++round) {
    Tables next = model;
    auto writer = kv->write();
    for (auto changes = random() % 6; changes > 0; --changes) {
      const Table table = random() % 2;
      const auto name = key();
      REQUIRE(writer->get(table, name).has_value() == next[table].contains(name));
      if (random() % 3 == 0) {
        REQUIRE(writer->erase(table, name) == (next[table].erase(name) == 1));
      } else {
        const bool known = random() % 2 == 0, there = next[table].contains(name);
        next[table][name] = std::to_string(random());
        if (!known) {
          writer->put(table, name, next[table][name]);
        } else if (there) {
          writer->replace(table, name, next[table][name]);
        } else {
          writer->insert(table, name, next[table][name]);
        }
      }
    }
    check_same(*writer, next);
    if (random() % 5 != 0) {
      writer->commit();
      model = std::move(next);
    }
    writer.reset();

    switch (random() % 6) {
      case 0:
        kv->freeze();
        break;
      case 1:
        kv->flush();
        break;
      case 2:
        views.emplace_back(kv->read(), model);
        if (views.size() > 5) views.erase(views.begin() + static_cast<std::ptrdiff_t>(random() % views.size()));
        break;
      case 3: {  // to and fro
        const auto reader = kv->read();
        auto cursor = reader->cursor(0);
        const auto from = key();
        auto entry = cursor->seek(from);
        auto expected = model[0].lower_bound(from);
        for (int step = 0; step < 10 && entry; ++step) {
          REQUIRE(expected != model[0].end());
          REQUIRE(entry->key == expected->first);
          REQUIRE(entry->value == expected->second);
          if (random() % 2 == 0) {
            entry = cursor->next();
            ++expected;
          } else if (expected != model[0].begin()) {
            entry = cursor->previous();
            --expected;
          }
        }
        break;
      }
    }
    for (const auto& [reader, then] : views) check_same(*reader, then);
  }
}

TEMPLATE_TEST_CASE("the base holds what was committed up to the last freeze", "", RealMachine, MemoryMachine) {
  TestType machine;
  auto disk = machine.disk();
  auto kv = open_layered(*disk);
  const auto put = [&](const std::string& key) {
    auto writer = kv->write();
    writer->put(0, key, "1");
    writer->commit();
  };
  CHECK(kv->waiting_bytes() == 0);
  CHECK_FALSE(kv->freeze());
  put("a");
  CHECK(kv->waiting_bytes() > 0);
  CHECK(kv->freeze());
  put("b");
  CHECK_FALSE(kv->freeze());
  CHECK(kv->base().read()->entries(0) == 0);
  kv->flush();
  CHECK(forwards(*kv->base().read(), 0) == Contents{{"a", "1"}});
  CHECK(forwards(*kv->read(), 0) == Contents{{"a", "1"}, {"b", "1"}});

  SECTION("and what was not flushed is gone after a crash") {
    kv.reset();
    kv = open_layered(*disk);
    CHECK(forwards(*kv->read(), 0) == Contents{{"a", "1"}});
  }
  SECTION("and everything after sync") {
    kv->sync();
    kv.reset();
    kv = open_layered(*disk);
    CHECK(forwards(*kv->read(), 0) == Contents{{"a", "1"}, {"b", "1"}});
  }
}

TEST_CASE("readers on other threads see whole commits while one writes and one flushes") {
  RealMachine machine;
  auto disk = machine.disk();
  auto kv = open_layered(*disk);
  constexpr int keys = 200, commits = 2000;
  const auto commit = [&](int number) {
    auto writer = kv->write();
    for (int i = 0; i < keys; i += 1 + number % 7) {
      const auto key = std::to_string(i);
      writer->put(0, key, std::to_string(number));
    }
    writer->put(1, "sum", std::to_string(number));
    writer->commit();
  };
  commit(0);
  std::atomic<bool> done = false;
  std::atomic<bool> wrong = false;
  const auto read = [&] {
    while (!done) {
      const auto reader = kv->read();
      const int last = std::stoi(std::string(*reader->get(1, "sum")));
      auto cursor = reader->cursor(0);
      int seen = 0;
      for (auto entry = cursor->seek(""); entry; entry = cursor->next(), ++seen) {
        if (std::stoi(std::string(entry->value)) > last || reader->get(0, entry->key) != entry->value) wrong = true;
      }
      if (seen != keys || reader->get(0, "0") != std::to_string(last)) wrong = true;
    }
  };
  std::thread readers[] = {std::thread(read), std::thread(read)};
  std::thread flusher([&] {
    while (!done) kv->flush();
  });
  for (int number = 1; number < commits; ++number) {
    commit(number);
    if (number % 10 == 0) kv->freeze();
  }
  done = true;
  for (auto& reader : readers) reader.join();
  flusher.join();
  CHECK_FALSE(wrong);
}

}  // namespace troupe::store::testing
