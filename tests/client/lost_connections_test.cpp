// Connections that break at any moment, over real sockets: nothing happens twice, nothing is lost.
#include <condition_variable>
#include <mutex>
#include <set>

#include "client/client.hpp"
#include "tests/catch.hpp"
#include "tests/client/test_server.hpp"

using namespace troupe;
using namespace troupe::testing;
using WatchEvent = client::Event;
using client::Kind;
using client::promised;
using client::Result;
using client::WatchMode;
using EventKind = client::EventType;

TEST_CASE("Writes under way when connections break take effect once each, in order, with their first answers") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    TestServer server(2, {}, seed);
    std::mt19937_64 random(seed);
    Client client(server.nodes());
    client.create("/list");
    std::vector<std::string> names;  // in the order of the answers
    constexpr int count = 2'000;
    for (int i = 0; i < count;) {
      std::vector<std::future<Result<client::Created>>> pending;
      for (int burst = 1 + static_cast<int>(random() % 100); burst > 0 && i < count; --burst, ++i) {
        auto [done, future] = promised<client::Created>();
        client.create("/list/n-", std::to_string(i), {.kind = Kind::persistent_sequential}, std::move(done));
        pending.push_back(std::move(future));
      }
      server.run([&] { server.drop_all(); });
      for (auto& one : pending) {
        auto result = one.get();
        REQUIRE(result.ok());
        names.push_back(result->path);
      }
    }
    const auto children = client.children("/list").names;
    REQUIRE(children.size() == count);
    for (int i = 0; i < count; ++i) {
      REQUIRE(names[i] == "/list/" + children[i]);
      REQUIRE(client.get(names[i]).data == std::to_string(i));
    }
  }
}

TEST_CASE("A client whose connections break hears of every change once, in order") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    TestServer server(2, {}, seed);
    std::mt19937_64 random(seed);
    Client watcher(server.nodes()), writer(server.nodes());
    watcher.create("/r");
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> heard;
    watcher.add_watch("/r", WatchMode::recursive, [&](const WatchEvent& event) {
      std::lock_guard lock(mutex);
      heard.push_back((event.type == EventKind::created   ? "+"
                       : event.type == EventKind::deleted ? "-"
                       : event.type == EventKind::dropped ? "?"
                                                          : "=") +
                      event.path);
      changed.notify_all();
    });
    std::vector<std::string> expected;
    for (int i = 0; i < 300; ++i) {
      const auto path = "/r/" + std::to_string(i);
      writer.create(path);
      writer.set(path, "x");
      if (i % 2 == 0) writer.remove(path);
      expected.push_back("+" + path);
      expected.push_back("=" + path);
      if (i % 2 == 0) expected.push_back("-" + path);
      if (random() % 5 == 0) server.run([&] { server.drop_all(); });
    }
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return heard.size() >= expected.size(); });
    REQUIRE(heard == expected);
  }
}

TEST_CASE("Credentials are proved again on a new connection, before the calls that need them") {
  TestServer server;
  Client client(server.nodes());
  client.add_auth("digest", "ann:secret");
  client.create("/private", "x", {.acl = {{client::perm::all, "auth", ""}}});
  for (int i = 0; i < 10; ++i) {
    server.run([&] { server.drop_all(); });
    CHECK(client.get("/private").data == "x");
  }
}

TEST_CASE("A client that does not take its events is disconnected, slows nobody, and misses nothing later") {
  TestServer server(1, {.max_backlog = 20'000});
  Client slow(server.nodes()), writer(server.nodes());
  slow.create("/r");
  std::promise<void> let_go;
  auto wait = let_go.get_future().share();
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> heard;
  slow.add_watch("/r", WatchMode::recursive, [&](const WatchEvent& event) {
    wait.wait();
    std::lock_guard lock(mutex);
    heard.push_back(event.path);
    changed.notify_all();
  });
  constexpr int count = 2'000;
  for (int i = 0; i < count; ++i) {
    auto [done, future] = promised<client::Created>();
    writer.create("/r/" + std::string(100, 'x') + std::to_string(i), {}, {}, std::move(done));
    if (i + 1 == count) CHECK(future.get().ok());
  }
  CHECK(server.run([&] { return server.node().gateway(0).connections(); }) == 1);

  let_go.set_value();
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return heard.size() >= count; });
  CHECK(heard.size() == count);
  CHECK(std::set<std::string>(heard.begin(), heard.end()).size() == count);
}

TEST_CASE("Answers in many parts, while connections break") {
  TestServer server(2);
  Client client(server.nodes());
  const std::string large(500'000, 'x');
  client.create("/a", large);
  client.create("/list");
  std::vector<std::future<Result<client::Value>>> reads;
  std::vector<std::future<Result<client::Created>>> writes;
  for (int i = 0; i < 200; ++i) {
    auto [got, read] = promised<client::Value>();
    client.get("/a", {}, std::move(got));
    reads.push_back(std::move(read));
    auto [done, write] = promised<client::Created>();
    if (i % 10 == 0) {
      client.create("/list/n-", {}, {.kind = Kind::persistent_sequential}, std::move(done));
      writes.push_back(std::move(write));
    }
  }
  for (std::size_t i = 0; i < reads.size(); ++i) {
    if (i % 40 == 20) server.run([&] { server.drop_all(); });
    CHECK(reads[i].get()->data == large);
  }
  const auto names = client.children("/list").names;
  REQUIRE(names.size() == writes.size());
  for (std::size_t i = 0; i < names.size(); ++i) CHECK(writes[i].get()->path == "/list/" + names[i]);
}

TEST_CASE("Reads and writes of several clients while connections break") {
  TestServer server(3);
  std::mt19937_64 random(3);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<Client>(server.nodes()));
  for (std::size_t i = 0; i < clients.size(); ++i) clients[i]->create("/own-" + std::to_string(i), "0");
  for (int round = 1; round <= 100; ++round) {
    std::vector<std::future<Result<client::Value>>> reads;
    std::vector<std::future<Result<client::Stat>>> writes;
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const auto path = "/own-" + std::to_string(i);
      auto [wrote, write] = promised<client::Stat>();
      auto [got, read] = promised<client::Value>();
      clients[i]->set(path, std::to_string(round), round - 1, std::move(wrote));
      clients[i]->get(path, {}, std::move(got));
      writes.push_back(std::move(write));
      reads.push_back(std::move(read));
    }
    if (random() % 3 == 0) server.run([&] { server.drop_all(); });
    for (auto& write : writes) {
      auto result = write.get();
      REQUIRE(result.ok());
      REQUIRE(result->version == round);
    }
    for (auto& read : reads) REQUIRE(read.get()->data == std::to_string(round));
  }
}
