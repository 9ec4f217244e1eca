// A whole node's port for ZooKeeper's wire protocol, over real sockets.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "tests/node/one_node.hpp"
#include "tests/node/raw_client.hpp"

using namespace troupe;
using namespace troupe::testing;
using namespace std::chrono_literals;
using zk::Op;

namespace {

std::string word(const OneNode& one, std::string_view name) {
  RawClient client(one.config.zk_port);
  client.send(name);
  return client.rest();
}

/// How many files each epoll set of this process waits for, the largest first, as the system tells it.
std::vector<std::size_t> epoll_sets() {
  std::vector<std::size_t> sizes;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) != "anon_inode:[eventpoll]") continue;
    std::ifstream info("/proc/self/fdinfo/" + entry.path().filename().string());
    auto& size = sizes.emplace_back(0);
    for (std::string line; std::getline(info, line);) size += line.starts_with("tfd:");
  }
  std::sort(sizes.begin(), sizes.end(), std::greater());
  return sizes;
}

}  // namespace

TEST_CASE("a client of ZooKeeper's protocol is served over a socket, a large burst in order") {
  OneNode one;
  RawClient client(one.node->zk_port());
  REQUIRE(client.connect());
  const std::string data(100'000, 'x');
  CHECK(client.call(Op::create, Record().create("/a", data)).error == 0);

  // More than the sockets and the node take before they are read: writes, and reads of 20 MB.
  constexpr int rounds = 200;
  std::thread sender([&] {
    for (int i = 0; i < rounds; ++i) {
      client.send(request_frame(2 * i, Op::get_data, Record().buffer("/a").boolean(false)) +
                  request_frame(2 * i + 1, Op::set_data, Record().buffer("/a").buffer(data).i32(-1)));
    }
  });
  bool in_order = true;
  for (int i = 0; i < 2 * rounds; ++i) {
    const auto frame = client.frame();
    if (!frame) break;
    const auto answer = read_answer(*frame);
    in_order = in_order && answer->xid == i && answer->error == 0;
  }
  sender.join();
  CHECK(in_order);
  CHECK(client.call(Op::close_session).error == 0);
  CHECK(!client.frame().has_value());
}

TEST_CASE("what is too much from one address, or in all, is not let in") {
  const bool by_address = GENERATE(true, false);
  OneNode one([&](NodeConfig& config) { (by_address ? config.max_client_cnxns : config.max_cnxns) = 2; });
  RawClient first(one.config.zk_port);
  REQUIRE(first.connect());
  {
    RawClient second(one.config.zk_port), third(one.config.zk_port);
    REQUIRE(second.connect());
    CHECK(third.rest().empty());
  }
  // A place comes free when its client has gone, as soon as the node knows.
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  bool let_in = false;
  while (!let_in && std::chrono::steady_clock::now() < deadline) {
    RawClient next(one.config.zk_port);
    next.send(connect_frame());
    let_in = next.frame().has_value();
  }
  CHECK(let_in);
}

TEST_CASE("clients that come together are shared evenly by the node's loops") {
  constexpr std::size_t loops = 3, each = 20;
  OneNode one([](NodeConfig& config) {
    config.gateways = loops;
    config.max_client_cnxns = 0;
  });
  // A door waits for the clients' port, too.
  const auto shared = [](std::size_t clients) {
    const auto sets = epoll_sets();
    return std::count(sets.begin(), sets.end(), clients + 1) == loops;
  };
  for (int time = 0; time < 2; ++time) {
    std::vector<std::unique_ptr<RawClient>> clients;
    for (std::size_t i = 0; i < loops * each; ++i) clients.push_back(std::make_unique<RawClient>(one.config.zk_port));
    for (auto& client : clients) REQUIRE(client->connect());
    CHECK(shared(each));
    clients.clear();
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!shared(0) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    REQUIRE(shared(0));
  }
}

TEST_CASE("a frame above the limit of jute.maxbuffer ends its connection") {
  OneNode one([](NodeConfig& config) { config.jute_maxbuffer = 2000; });
  RawClient client(one.config.zk_port);
  REQUIRE(client.connect());
  CHECK(client.call(Op::create, Record().create("/a", std::string(1900, 'x'))).error == 0);
  client.send(request_frame(2, Op::create, Record().create("/b", std::string(2000, 'x'))));
  CHECK(!client.frame().has_value());
}

TEST_CASE("four-letter words are answered behind their list") {
  {
    OneNode by_default;
    CHECK(word(by_default, "srvr").starts_with("Zookeeper version: "));
    CHECK(word(by_default, "ruok") == "ruok is not executed because it is not in the whitelist.\n");
  }
  OneNode one([](NodeConfig& config) { config.four_letter_words = {"*"}; });
  RawClient client(one.config.zk_port);
  REQUIRE(client.connect());
  client.call(Op::create, Record().create("/e", "", 1));
  client.call(Op::get_data, Record().buffer("/e").boolean(true));

  CHECK(word(one, "ruok") == "imok");
  CHECK(word(one, "ruok\n") == "imok");
  CHECK(word(one, "isro") == "rw");
  CHECK(word(one, "gtmk") == "306");
  CHECK(word(one, "wchs") == "1 connections watching 1 paths\nTotal watches:1\n");
  CHECK_THAT(word(one, "wchp"), Catch::StartsWith("/e\n\t0x1"));
  CHECK_THAT(word(one, "wchc"), Catch::Contains("\n\t/e\n"));
  CHECK_THAT(word(one, "dump"), Catch::Contains("Sessions with Ephemerals (1):\n0x1") && Catch::Contains("\t/e\n"));
  CHECK_THAT(word(one, "cons"),
             Catch::Contains("lop=GETD") && Catch::Contains("to=10000") && Catch::Contains("recved=3,sent=3"));
  CHECK_THAT(word(one, "stat"), Catch::Contains("\nClients:\n /127.0.0.1:") && Catch::Contains("Mode: standalone\n"));
  CHECK_THAT(word(one, "srvr"), Catch::Contains("\nNode count: 5\n") && Catch::Contains("Outstanding: 0\n"));
  CHECK_THAT(word(one, "mntr"),
             Catch::Contains("zk_server_state\tstandalone\n") && Catch::Contains("zk_ephemerals_count\t1\n") &&
                 Catch::Contains("zk_znode_count\t5\n") && Catch::Contains("zk_global_sessions\t1\n"));
  CHECK_THAT(word(one, "conf"), Catch::Contains("clientPort=" + std::to_string(one.config.zk_port) + "\n"));
  CHECK_THAT(word(one, "envi"), Catch::StartsWith("Environment:\nzookeeper.version="));
  CHECK_THAT(word(one, "dirs"), Catch::StartsWith("datadir_size: "));
  CHECK(word(one, "srst") == "Server stats reset.\n");
  CHECK(word(one, "crst") == "Connection stats reset.\n");
  CHECK(word(one, "hash").empty());
  CHECK(word(one, "quit").empty());
}

TEST_CASE("a client that half-closes its connection still gets the answer to a word") {
  OneNode one;
  RawClient client(one.config.zk_port);
  client.send("srvr");
  client.end_sending();
  CHECK(client.rest().starts_with("Zookeeper version: "));
}

TEST_CASE("a session outlives its connection, and its timeout is what the last connection asked for") {
  OneNode one([](NodeConfig& config) {
    config.tick_ms = 100;  // timeouts from 200 ms to 2 s
  });
  std::string connected;
  {
    RawClient first(one.config.zk_port);
    first.send(connect_frame(2000));
    connected = first.frame().value();
    CHECK(first.call(Op::create, Record().create("/e", "", 1)).error == 0);
  }
  const std::int64_t session = zk::Reader(std::string_view(connected).substr(8)).i64();
  const std::string password = connected.substr(20, 16);
  {
    RawClient again(one.config.zk_port);
    again.send(connect_frame(200, session, password));
    CHECK(zk::Reader(std::string_view(again.frame().value()).substr(4)).i32() == 200);
    CHECK(again.call(Op::exists, Record().buffer("/e").boolean(false)).error == 0);
  }
  // Nobody is heard any more: the session ends, and its ephemeral with it.
  RawClient watcher(one.config.zk_port);
  watcher.send(connect_frame(2000));
  watcher.frame();
  const Answer there = watcher.call(Op::exists, Record().buffer("/e").boolean(true));
  if (there.error == 0) {
    for (;;) {
      const auto answer = read_answer(watcher.frame().value());
      if (answer->xid == -1) break;
    }
  }
  CHECK(watcher.call(Op::exists, Record().buffer("/e").boolean(false)).error == -101);
}
