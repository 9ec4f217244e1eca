// Whole nodes in one process: real disks in temporary directories, real sockets on the loopback, real
// clients.
#include "actors/node.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <optional>

#include "actors/listen.hpp"
#include "client/client.hpp"
#include "store/data_dir.hpp"
#include "tests/catch.hpp"
#include "tests/node/damage.hpp"
#include "tests/node/places.hpp"
#include "tests/node/raw_client.hpp"
#include "tests/temp_dir.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using troupe::test::TempDir;
using troupe::testing::free_ports;

namespace {

constexpr auto patience = 60s;

[[noreturn]] void fail_hard(const std::string& message) {
  std::fprintf(stderr, "a node failed: %s\n", message.c_str());
  std::abort();
}

class Ensemble {
 public:
  explicit Ensemble(std::uint32_t voters, std::uint32_t observers = 0) {
    const auto ports = free_ports(2 * (voters + observers));
    std::map<PeerId, Member> members;
    for (std::uint32_t i = 0; i < voters + observers; ++i) {
      members[PeerId{i + 1}] =
          Member{.host = "127.0.0.1", .peer_port = ports[2 * i], .rpc_port = ports[2 * i + 1], .observer = i >= voters};
    }
    for (const auto& [id, member] : members) {
      NodeConfig config;
      config.id = id;
      config.members = members;
      config.data_dir = directory_ / to_string(id);
      config.peer_address = config.client_address = "127.0.0.1";
      config.rpc_port = member.rpc_port;
      config.zk_port = 0;
      config.log_map_size = config.state_map_size = 1ull << 30;
      configs_[id] = config;
    }
  }

  FatalHandler on_failure = fail_hard;  ///< of the nodes that are started from now on

  NodeConfig& config(std::uint32_t id) { return configs_.at(PeerId{id}); }
  /// So many threads of each node are for clients; 0: the peers' loop serves them. Before it starts.
  void gateways(std::uint32_t count) {
    for (auto& [id, config] : configs_) config.gateways = count;
  }
  Node& node(std::uint32_t id) { return *nodes_.at(PeerId{id}); }
  void start(std::uint32_t id) { nodes_[PeerId{id}] = std::make_unique<Node>(config(id), on_failure); }
  void stop(std::uint32_t id) { nodes_.erase(PeerId{id}); }
  void start() {
    for (const auto& [id, config] : configs_) start(id.value);
  }

  /// Waits until every running node serves, under one leader, and returns him.
  PeerId leader() {
    for (;;) {
      std::optional<NodeStatus> first;
      bool agreed = true;
      for (const auto& [id, node] : nodes_) {
        REQUIRE(node->wait([](const NodeStatus& status) { return status.serving; }, patience));
        const auto status = node->status();
        if (!first) first = status;
        agreed = agreed && status.serving && status.leader == first->leader && status.epoch == first->epoch;
      }
      if (agreed) return first->leader;
    }
  }

  /// The running nodes, for a client.
  std::string nodes() const {
    std::string list;
    for (const auto& [id, node] : nodes_) list += (list.empty() ? "" : ",") + address(id.value);
    return list;
  }
  std::string address(std::uint32_t id) const {
    return "127.0.0.1:" + std::to_string(nodes_.at(PeerId{id})->rpc_port());
  }

 private:
  TempDir directory_;
  std::map<PeerId, NodeConfig> configs_;
  std::map<PeerId, std::unique_ptr<Node>> nodes_;
};

/// What a client of this node alone reads there, after what was written anywhere before.
std::string read_at(const Ensemble& ensemble, std::uint32_t id, const std::string& path) {
  Client client(ensemble.address(id));
  client.sync();
  return client.get(path).data;
}

}  // namespace

TEST_CASE("a node alone serves, and keeps what was written through a restart") {
  Ensemble ensemble(1);
  ensemble.start();
  CHECK(ensemble.leader() == PeerId{1});
  {
    Client client(ensemble.nodes());
    client.create("/a", "one");
    CHECK(client.get("/a").data == "one");
    client.set("/a", "two");
  }
  const auto epoch = ensemble.node(1).status().epoch;
  ensemble.stop(1);
  ensemble.start(1);
  CHECK(ensemble.leader() == PeerId{1});
  CHECK(ensemble.node(1).status().epoch > epoch);
  CHECK(read_at(ensemble, 1, "/a") == "two");
}

TEST_CASE("three nodes elect a leader, and what is written at one is read at all") {
  Ensemble ensemble(3);
  ensemble.start();
  const auto leader = ensemble.leader();
  CHECK((leader.value >= 1 && leader.value <= 3));
  for (std::uint32_t id = 1; id <= 3; ++id) {
    const auto path = "/from-" + std::to_string(id);
    Client client(ensemble.address(id));
    client.create(path, "hello");
    for (std::uint32_t other = 1; other <= 3; ++other) CHECK(read_at(ensemble, other, path) == "hello");
  }
}

TEST_CASE("the ensemble goes on when its leader stops, and the node catches up when it is back") {
  Ensemble ensemble(3);
  ensemble.gateways(GENERATE(0u, 1u));
  ensemble.start();
  const auto first = ensemble.leader();
  Client client(ensemble.nodes());
  client.create("/a", "before");
  ensemble.stop(first.value);
  client.set("/a", "without");  // waits for the new leader
  const auto second = ensemble.leader();
  CHECK(second != first);
  for (int i = 0; i < 100; ++i) client.set("/a", std::to_string(i));
  ensemble.start(first.value);
  CHECK(ensemble.leader() == second);
  CHECK(read_at(ensemble, first.value, "/a") == "99");
}

TEST_CASE("a node that missed more than the log holds gets a snapshot") {
  Ensemble ensemble(3);
  ensemble.gateways(GENERATE(0u, 1u));
  for (std::uint32_t id = 1; id <= 3; ++id) ensemble.config(id).checkpoint_txns = 200;
  ensemble.start();
  const auto leader = ensemble.leader();
  const std::uint32_t away = leader == PeerId{3} ? 2 : 3;
  Client client(ensemble.nodes());
  client.create("/a", "before");
  ensemble.stop(away);
  const std::string data(2'000, 'x');
  for (int i = 0; i < 1'500; ++i) client.create("/n" + std::to_string(i), data);
  client.set("/a", "after");
  ensemble.start(away);
  CHECK(ensemble.leader() == leader);
  CHECK(read_at(ensemble, away, "/a") == "after");
  CHECK(read_at(ensemble, away, "/n1499") == data);

  // What it has now is on its disk: it comes back with it, alone with one other.
  const std::uint32_t other = 6 - leader.value - away;
  ensemble.stop(away);
  ensemble.stop(leader.value);
  ensemble.start(away);
  ensemble.leader();
  CHECK(read_at(ensemble, away, "/n0") == data);
  CHECK(read_at(ensemble, other, "/n0") == data);
}

TEST_CASE("a node that comes back serves when its tree has all that was decided before") {
  Ensemble ensemble(3);
  ensemble.gateways(GENERATE(0u, 1u));
  for (std::uint32_t id = 1; id <= 3; ++id) ensemble.config(id).zk_port = free_ports(1)[0];
  ensemble.start();
  const auto leader = ensemble.leader();
  const std::uint32_t away = leader == PeerId{3} ? 2 : 3;
  Client client(ensemble.nodes());
  for (int i = 0; i < 50; ++i) {
    client::Multi creates;
    for (int j = 0; j < 500; ++j) creates.create("/n" + std::to_string(i) + "-" + std::to_string(j));
    client.commit(std::move(creates));
  }
  client.sync();
  const auto decided = ensemble.node(leader.value).status().committed;
  ensemble.stop(away);
  std::filesystem::remove_all(ensemble.config(away).data_dir + "/state");  // as after a power cut
  ensemble.start(away);
  std::string answer;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (answer.find("Zxid: ") == std::string::npos) {  // it does not serve yet
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    troupe::testing::RawClient curious(ensemble.config(away).zk_port);
    curious.send("srvr");
    answer = curious.rest();
  }
  CHECK(std::stoull(answer.substr(answer.find("Zxid: ") + 6), nullptr, 16) >= decided.value);
}

TEST_CASE("an observer serves and takes writes, and its absence stops nobody") {
  Ensemble ensemble(3, 1);
  ensemble.start();
  ensemble.leader();
  CHECK(ensemble.node(4).status().role == zab::PeerState::observing);
  {
    Client client(ensemble.address(4));
    client.create("/a", "through the observer");
    CHECK(client.get("/a").data == "through the observer");
  }
  ensemble.stop(4);
  Client client(ensemble.nodes());
  client.set("/a", "without it");
  ensemble.start(4);
  ensemble.leader();
  CHECK(read_at(ensemble, 4, "/a") == "without it");
}

TEST_CASE("a minority does not serve") {
  Ensemble ensemble(3);
  ensemble.start();
  ensemble.leader();
  ensemble.stop(1);
  ensemble.stop(2);
  CHECK(ensemble.node(3).wait([](const NodeStatus& status) { return !status.serving; }, patience));
  ensemble.start(1);
  ensemble.leader();
}

TEST_CASE("sessions and their ephemerals outlive the stop of the node that they were attached to") {
  Ensemble ensemble(3);
  ensemble.gateways(GENERATE(0u, 1u));
  ensemble.start();
  const auto leader = ensemble.leader();
  Client client(ensemble.nodes());
  client.create("/e", "mine", {.kind = client::Kind::ephemeral});
  const auto session = client.session();
  ensemble.stop(leader.value);
  ensemble.leader();
  CHECK(client.get("/e").data == "mine");
  CHECK(client.session() == session);
}

TEST_CASE("clients are served on the peers' loop, or by several gateways that share their port") {
  Ensemble ensemble(3);
  ensemble.gateways(GENERATE(0u, 1u, 3u));
  ensemble.start();
  ensemble.leader();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(std::make_unique<Client>(ensemble.nodes()));
  for (int i = 0; i < 12; ++i) clients[i]->create("/c" + std::to_string(i), "x");
  clients.front()->sync();
  CHECK(clients.front()->children("/").names.size() >= 12);
}

TEST_CASE("weights decide who is a quorum") {
  Ensemble ensemble(2);
  for (std::uint32_t id = 1; id <= 2; ++id) ensemble.config(id).members[PeerId{1}].weight = 3;
  ensemble.start(1);  // outweighs the other
  CHECK(ensemble.leader() == PeerId{1});
  ensemble.start(2);
  CHECK(ensemble.leader() == PeerId{1});
  ensemble.stop(1);
  CHECK(ensemble.node(2).wait([](const NodeStatus& status) { return !status.serving; }, patience));
}

TEST_CASE("a full log stops the node, and says what is full") {
  const TempDir directory;
  NodeConfig config;
  config.id = PeerId{1};
  config.members[config.id] = Member{.host = "127.0.0.1"};
  config.data_dir = directory / "data";
  config.client_address = "127.0.0.1";
  config.rpc_port = config.zk_port = 0;
  config.log_map_size = 1 << 20;
  config.state_map_size = 1ull << 30;
  std::promise<std::string> failed;
  auto message = failed.get_future();
  Node node(config, [&](const std::string& why) { failed.set_value(why); });
  REQUIRE(node.wait([](const NodeStatus& status) { return status.serving; }, patience));

  Client client("127.0.0.1:" + std::to_string(node.rpc_port()));
  for (int i = 0; i < 100; ++i) client.create("/n" + std::to_string(i), std::string(100'000, 'x'), {}, [](auto) {});
  REQUIRE(message.wait_for(patience) == std::future_status::ready);
  CHECK_THAT(message.get(), Catch::Contains("map size"));
  client.abandon();
  node.stop();
}

TEST_CASE("a damaged record that a learner is to be sent stops the leader, and says what is damaged") {
  Ensemble ensemble(3);
  std::promise<std::string> failed;
  auto message = failed.get_future();
  std::atomic<bool> told = false;
  ensemble.on_failure = [&](const std::string& why) {
    if (!told.exchange(true)) failed.set_value(why);
  };
  ensemble.start(1);
  ensemble.start(2);
  ensemble.leader();
  const std::string mark = "a mark that is nowhere else";
  {
    Client client(ensemble.nodes());
    client.create("/a", mark);
    client.create("/b");
    // So much that it does not stay in memory and in the journal.
    for (int i = 0; i < 12; ++i) client.set("/b", std::string(1 << 20, 'x'));
  }
  for (std::uint32_t id = 1; id <= 2; ++id) testing::damage(ensemble.config(id).data_dir + "/log/data.mdb", mark);
  ensemble.start(3);
  REQUIRE(message.wait_for(patience) == std::future_status::ready);
  CHECK_THAT(message.get(), Catch::Contains("transaction log") && Catch::Contains("is damaged"));
}

TEST_CASE("what keeps a node from starting is said") {
  Ensemble ensemble(1);
  const auto taken = listen_on("127.0.0.1", 0, "the test");
  ensemble.config(1).rpc_port = taken.port;
  CHECK_THROWS_AS(ensemble.start(1), NetworkError);
  CHECK_THROWS_WITH(ensemble.start(1), Catch::Contains(std::to_string(taken.port)) && Catch::Contains("clients"));

  ensemble.config(1).rpc_port = 0;
  ensemble.start(1);
  CHECK(ensemble.leader() == PeerId{1});
  CHECK(ensemble.node(1).rpc_port() != 0);

  auto second = ensemble.config(1);
  CHECK_THROWS_AS(Node(second, fail_hard), store::StorageError);  // the directory is in use

  second.members.clear();
  CHECK_THROWS_AS(Node(second, fail_hard), std::invalid_argument);
}

TEST_CASE("a taken peer port keeps a node from starting") {
  Ensemble ensemble(3);
  const auto taken = listen_on("127.0.0.1", ensemble.config(1).members[PeerId{1}].peer_port, "the test");
  CHECK_THROWS_WITH(ensemble.start(1),
                    Catch::Contains(std::to_string(taken.port)) && Catch::Contains("the other nodes"));
}

TEST_CASE("a node can be stopped while it looks for its ensemble") {
  Ensemble ensemble(3);
  ensemble.gateways(GENERATE(0u, 1u));
  ensemble.start(1);
  ensemble.stop(1);
  ensemble.start(1);
  CHECK(ensemble.node(1).status().role == zab::PeerState::looking);
}
