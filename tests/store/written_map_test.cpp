// Environments whose changes are made in the mapped file: what is left when their process is killed, how long the
// file is, and what happens where it cannot be as long as the map.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "store/error.hpp"
#include "tests/catch.hpp"
#include "tests/store/machines.hpp"

namespace troupe::store::testing {
namespace {

constexpr Table table = 0;

KvOptions options(bool write_in_map) {
  return {.tables = {"one"}, .durable = false, .map_size = test_map_size, .write_in_map = write_in_map};
}

std::uint64_t data_file_size(const RealMachine& machine) {
  return std::filesystem::file_size(machine.path() + "/env/data.mdb");
}

/// Runs `what` in a process of its own.
template <typename What>
pid_t start(What what) {
  const pid_t child = fork();
  if (child != 0) return child;
  try {
    what();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::_Exit(1);
  }
  std::_Exit(0);
}

int status_of(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

/// Commits for ever: the same number under many keys, and values of all lengths, so that pages come and go. Says how
/// many times it did.
void commit_for_ever(const RealMachine& machine, bool write_in_map, int committed) {
  const auto disk = machine.disk();
  const auto kv = disk->open("env", options(write_in_map));
  std::mt19937 random(getpid());
  for (;;) {
    const auto writer = kv->write();
    const int number = std::stoi(std::string(writer->get(table, "number").value_or("0"))) + 1;
    writer->put(table, "number", std::to_string(number));
    for (int key = 0; key < 100; ++key)
      writer->put(table, "key" + std::to_string(key),
                  std::to_string(number) + ":" + std::string(random() % 6'000, 'x'));
    writer->commit();
    if (write(committed, &number, sizeof number) != sizeof number) throw std::runtime_error("nobody listens");
  }
}

}  // namespace

TEST_CASE("a killed process leaves whole commits, and all that it said were done") {
  const bool write_in_map = GENERATE(true, false);
  INFO("written in its map: " << write_in_map);
  RealMachine machine;
  std::mt19937 random(2);
  for (int round = 0; round < 30; ++round) {
    int pipe_ends[2];
    REQUIRE(pipe(pipe_ends) == 0);
    const pid_t child = start([&] { commit_for_ever(machine, write_in_map, pipe_ends[1]); });
    close(pipe_ends[1]);
    int said = 0, awaited = 1 + static_cast<int>(random() % 20);
    while (awaited-- > 0 && read(pipe_ends[0], &said, sizeof said) == sizeof said) {
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 2'000));  // anywhere within a commit
    kill(child, SIGKILL);
    status_of(child);
    while (read(pipe_ends[0], &said, sizeof said) == sizeof said) {
    }
    close(pipe_ends[0]);
    REQUIRE(said > 0);

    const auto disk = machine.disk();
    const auto kv = disk->open("env", options(write_in_map));
    const auto reader = kv->read();
    const std::string number(reader->get(table, "number").value());
    CHECK(std::stoi(number) >= said);
    CHECK(std::stoi(number) <= said + 1);
    for (int key = 0; key < 100; ++key) {
      const auto value = reader->get(table, "key" + std::to_string(key));
      REQUIRE(value);
      CHECK(value->substr(0, number.size() + 1) == number + ":");
      CHECK(value->find_first_not_of('x', number.size() + 1) == std::string_view::npos);
    }
    CHECK(reader->entries(table) == 101);
  }
}

TEST_CASE("a file that is written in its map ends where what it holds does") {
  RealMachine machine;
  const auto disk = machine.disk();
  const auto kv = disk->open("env", options(true));
  CHECK(data_file_size(machine) < 100'000);
  const std::string value(1'000'000, 'v');
  const auto put = [&](const std::string& key, bool commit) {
    const auto writer = kv->write();
    writer->put(table, key, value);
    if (commit) writer->commit();
  };
  put("key", true);
  CHECK(data_file_size(machine) > value.size());
  CHECK(data_file_size(machine) < value.size() + 200'000);
  put("given up", false);
  CHECK(data_file_size(machine) < value.size() + 200'000);
  CHECK(kv->read()->get(table, "key") == value);
}

TEST_CASE("a file that is written in its map has room for whatever a transaction changes") {
  RealMachine machine;
  const auto disk = machine.disk();
  const auto kv = disk->open("env", options(true));
  std::mt19937 random(3);
  std::map<std::string, std::string> expected;
  // What takes the most: long keys in no order, values that leave half of each page, and lists of pages that are free.
  for (int round = 0; round < 6; ++round) {
    const auto writer = kv->write();
    for (int i = 0; i < 4'000; ++i) {
      std::string key = std::to_string(random() % 8'000);
      key.resize(round % 2 == 0 ? max_key_size : 20 + random() % 400, 'k');
      if (round > 2 && random() % 2 == 0) {
        CHECK(writer->erase(table, key) == (expected.erase(key) == 1));
        continue;
      }
      const std::size_t sizes[] = {0, 1, 1'500, 2'030, 5'000, random() % 20'000};
      const std::string value(sizes[random() % std::size(sizes)], static_cast<char>('a' + round));
      writer->put(table, key, value);
      expected[key] = value;
    }
    writer->commit();
  }
  const auto reader = kv->read();
  CHECK(reader->entries(table) == expected.size());
  const auto cursor = reader->cursor(table);
  auto entry = cursor->seek("");
  for (const auto& [key, value] : expected) {
    REQUIRE(entry);
    CHECK((entry->key == key && entry->value == value));
    entry = cursor->next();
  }
}

TEST_CASE("behind the end of a file that is written in its map the system reads nothing ahead, however it grows") {
  RealMachine machine;
  const auto disk = machine.disk();
  const auto kv = disk->open("env", options(true));
  for (int i = 0; i < 40; ++i) {
    const auto writer = kv->write();
    writer->put(table, std::to_string(i), std::string(100'000, 'v'));
    writer->commit();
  }
  const std::string file = std::filesystem::canonical(machine.path() + "/env/data.mdb");
  // Of each mapping: begin-end permissions offset …, the file; then facts, of which the flags are the last: rr where
  // pages are read one by one.
  std::uint64_t begin = 0, end = 0, offset = 0, part_end = 0, ahead = 0;
  unsigned parts = 0;
  bool ours = false;
  std::ifstream facts("/proc/self/smaps");
  for (std::string line; std::getline(facts, line);) {
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &begin, &end, &offset) == 3) {
      ours = line.find(file) != std::string::npos;
      part_end = offset + (end - begin);
    } else if (ours && line.rfind("VmFlags:", 0) == 0) {
      ++parts;
      if (line.find(" rr") == std::string::npos) ahead = std::max(ahead, part_end);
    }
  }
  CHECK(parts == 2);
  CHECK(ahead > 1'000'000);
  CHECK(ahead <= data_file_size(machine));
}

TEST_CASE("where no file may be as long as the map, it is not written in its map") {
  RealMachine machine;
  const int status = status_of(start([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{test_map_size / 4, test_map_size / 4};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) throw std::runtime_error("no limits can be set");
    const auto disk = machine.disk();
    const auto kv = disk->open("env", options(true));
    const auto writer = kv->write();
    writer->put(table, "key", "value");
    writer->commit();
    if (data_file_size(machine) > limit.rlim_cur) throw std::runtime_error("the file is as long as the map");
  }));
  CHECK(status == 0);
  CHECK(machine.disk()->open("env", options(true))->read()->get(table, "key") == "value");
}

}  // namespace troupe::store::testing
