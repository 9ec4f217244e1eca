// Real nodes under load: two are added, the leader and another are removed and switched off, and what is left
// is started again. No acknowledged write is lost on the way. And real nodes that ZooKeeper's client changes.
#include <atomic>
#include <csignal>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "actors/client_identity.hpp"
#include "apps/child_process.hpp"
#include "apps/config.hpp"
#include "apps/local_ensemble.hpp"
#include "apps/node_status.hpp"
#include "client/client.hpp"
#include "tests/catch.hpp"
#include "tests/processes/program.hpp"
#include "tests/temp_dir.hpp"

using namespace troupe;
using test::TempDir;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto patience = 90s;  // of whatever must happen in the end
constexpr auto super = "super:secret";

/// Nodes that are configured one by one, each with the members that it is told of.
class Nodes {
 public:
  explicit Nodes(std::uint32_t ports_of = 5) : base_(free_base_port(ports_of)) {}

  Member member(std::uint32_t id) const {
    return {.host = "127.0.0.1", .peer_port = port(id, 8), .rpc_port = port(id, 2), .client_port = port(id, 1)};
  }
  /// "server.4=…,rpc.4=…"
  std::string server(std::uint32_t id) const {
    return "server." + std::to_string(id) + "=" + to_text(member(id)) + ",rpc." + std::to_string(id) + "=" +
           std::to_string(member(id).rpc_port);
  }
  std::string address(std::uint32_t id) const { return "127.0.0.1:" + std::to_string(member(id).rpc_port); }
  std::string zk_address(std::uint32_t id) const { return "127.0.0.1:" + std::to_string(member(id).client_port); }

  void configure(std::uint32_t id, const std::set<std::uint32_t>& members, bool reconfig_enabled = true) {
    NodeConfig config;
    config.id = {id};
    for (const auto each : members) config.members[{each}] = member(each);
    config.data_dir = "data-" + std::to_string(id);
    config.peer_address = config.client_address = "127.0.0.1";
    config.rpc_port = member(id).rpc_port;
    config.zk_port = member(id).client_port;
    config.reconfig_enabled = reconfig_enabled;
    config.super_digest = digest_id(super);
    config.log_map_size = config.state_map_size = 1 << 28;
    std::ofstream(file(id, ".toml")) << to_toml(config);
  }
  void start(std::uint32_t id, const std::vector<std::string>& more = {}) {
    std::vector<std::string> command{TROUPE_PROGRAM, "node", "--config", file(id, ".toml")};
    command.insert(command.end(), more.begin(), more.end());
    processes_[id] = ChildProcess(command, {.output_file = file(id, ".log"), .detached = true});
  }
  /// SIGTERM; how it ended.
  int stop(std::uint32_t id) {
    processes_[id].signal(SIGTERM);
    return wait_for_end(id);
  }
  int wait_for_end(std::uint32_t id) {
    for (const auto deadline = Clock::now() + patience; Clock::now() < deadline; std::this_thread::sleep_for(5ms)) {
      if (const auto status = processes_[id].poll_exit()) return *status;
    }
    return -1;
  }
  /// From now on they are configured with other ports, behind those of so many nodes.
  void move_behind(std::uint32_t nodes) { base_ += 10 * nodes; }
  /// Waits until all of these follow one leader; returns it.
  std::uint32_t wait_for_leader(const std::set<std::uint32_t>& ids) const {
    std::vector<std::string> asked;
    for (const auto id : ids) asked.push_back(address(id));
    for (const auto deadline = Clock::now() + patience; Clock::now() < deadline; std::this_thread::sleep_for(20ms)) {
      const auto answers = query_status(asked, 500ms);
      const auto leader = leader_of(answers);
      const bool all = leader && std::all_of(answers.begin(), answers.end(), [&](const StatusAnswer& answer) {
                         return answer.status && answer.status->leader == *leader && answer.status->role != "looking";
                       });
      if (all) return leader->value;
    }
    FAIL("the nodes find no leader: " + story());
    return 0;
  }
  /// Waits until a node shows so many members of the ensemble.
  void wait_for_members(std::uint32_t id, std::size_t wanted) const {
    Client client(address(id));
    for (const auto deadline = Clock::now() + patience; Clock::now() < deadline; std::this_thread::sleep_for(20ms)) {
      if (parse_configuration(client.get("/zookeeper/config").data).members.size() == wanted) return;
    }
    FAIL("the ensemble does not get " + std::to_string(wanted) + " members: " + story());
  }
  std::string story() const {
    std::string text;
    for (const auto& [id, process] : processes_) {
      std::ifstream in(file(id, ".log"));
      text += "\nnode " + std::to_string(id) + ":\n" + std::string(std::istreambuf_iterator<char>(in), {});
    }
    return text;
  }

 private:
  std::uint16_t port(std::uint32_t id, std::uint32_t offset) const {
    return static_cast<std::uint16_t>(base_ + 10 * (id - 1) + offset);
  }
  std::string file(std::uint32_t id, const std::string& suffix) const {
    return directory_.path() + "/node-" + std::to_string(id) + suffix;
  }

  TempDir directory_;
  std::uint32_t base_;
  std::map<std::uint32_t, ChildProcess> processes_;
};

/// Creates one znode after the other until it is told to stop; knows which were acknowledged.
class Writer {
 public:
  explicit Writer(const std::string& connect) : client_(connect), thread_([this] { run(); }) {}
  ~Writer() { finish(); }

  const std::vector<std::string>& finish() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return acknowledged_;
  }
  /// Waits for so many more; false if they do not come.
  bool wait_for(std::size_t more) const {
    const auto wanted = count_ + more;
    for (const auto deadline = Clock::now() + patience; count_ < wanted; std::this_thread::sleep_for(2ms)) {
      if (Clock::now() > deadline) return false;
    }
    return true;
  }

 private:
  void run() {
    for (int i = 0; !stop_; ++i) {
      try {
        acknowledged_.push_back(client_.create("/w-" + std::to_string(i), "x").path);
        ++count_;
      } catch (const ClientError&) {
        if (client_.state() != client::State::connected) std::this_thread::sleep_for(10ms);
      }
    }
  }

  Client client_;
  std::vector<std::string> acknowledged_;
  std::atomic<std::size_t> count_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST_CASE("an ensemble under load grows, loses its leader for good, and starts again without what was removed") {
  Nodes nodes;
  for (std::uint32_t id : {1, 2, 3}) nodes.configure(id, {1, 2, 3});
  for (std::uint32_t id : {1, 2, 3}) nodes.start(id);
  nodes.wait_for_leader({1, 2, 3});
  std::string everywhere;
  for (std::uint32_t id = 1; id <= 5; ++id) everywhere += (id == 1 ? "" : ",") + nodes.address(id);
  Writer writer(everywhere);
  Client admin(everywhere);
  REQUIRE(writer.wait_for(50));

  // Who joins knows some of the others and itself, and nothing else.
  CHECK_THROWS_AS(admin.reconfig({.joining = nodes.server(4)}), ClientError);  // nobody who may
  admin.add_auth("digest", super);
  nodes.configure(4, {1, 2, 4});
  nodes.configure(5, {3, 5});
  nodes.start(4);
  nodes.start(5);
  nodes.wait_for_leader({1, 2, 3, 4, 5});
  INFO(nodes.story());
  const auto grown = admin.reconfig({.joining = nodes.server(4) + "," + nodes.server(5)});
  CHECK(admin.get("/zookeeper/config").data == grown.configuration);
  CHECK(grown.stat.mzxid == parse_configuration(grown.configuration).version);
  CHECK(parse_configuration(grown.configuration).members.size() == 5);
  REQUIRE(writer.wait_for(50));

  const auto leader = nodes.wait_for_leader({1, 2, 3, 4, 5});
  const std::uint32_t other = leader == 1 ? 2 : 1;
  std::set<std::uint32_t> left{1, 2, 3, 4, 5};
  left.erase(leader);
  left.erase(other);
  const auto version = static_cast<std::int64_t>(parse_configuration(grown.configuration).version.value);
  CHECK_THROWS_AS(admin.reconfig({.leaving = std::to_string(leader), .version = version - 1}), ClientError);
  admin.reconfig({.leaving = std::to_string(leader) + "," + std::to_string(other), .version = version});
  CHECK(nodes.stop(leader) == 0);
  CHECK(nodes.stop(other) == 0);
  REQUIRE(writer.wait_for(50));
  CHECK(left.contains(nodes.wait_for_leader(left)));

  // Their files still name the members of the beginning; their logs know better.
  const auto acknowledged = writer.finish();
  for (const auto id : left) CHECK(nodes.stop(id) == 0);
  for (const auto id : left) nodes.start(id);
  nodes.wait_for_leader(left);
  for (const auto id : left) {
    Client client(nodes.address(id));
    client.sync();
    const auto config = parse_configuration(client.get("/zookeeper/config").data);
    CHECK(config.members.size() == 3);
    for (const auto each : left) CHECK(config.members.contains({each}));
    const auto names = client.children("/").names;
    const std::set<std::string> there(names.begin(), names.end());
    std::size_t lost = 0;
    for (const auto& path : acknowledged) lost += !there.contains(path.substr(1));
    CHECK(lost == 0);
    client.create("/alive-" + std::to_string(id));
  }
}

TEST_CASE(
    "where reconfiguration is off, nodes started one by one with other members in their files change the ensemble") {
  Nodes nodes;
  for (std::uint32_t id : {1, 2, 3}) nodes.configure(id, {1, 2, 3}, false);
  for (std::uint32_t id : {1, 2, 3}) nodes.start(id);
  Client(nodes.address(nodes.wait_for_leader({1, 2, 3}))).create("/a", "1");
  INFO(nodes.story());
  const std::set<std::uint32_t> five{1, 2, 3, 4, 5};
  for (std::uint32_t id : {1, 2, 3}) {
    CHECK(nodes.stop(id) == 0);
    nodes.configure(id, five, false);
    nodes.start(id);
    nodes.wait_for_leader({1, 2, 3});
  }
  for (std::uint32_t id : {4, 5}) {
    nodes.configure(id, five, false);
    nodes.start(id);
  }
  nodes.wait_for_leader(five);
  nodes.wait_for_members(5, 5);
  for (std::uint32_t id : {1, 2}) CHECK(nodes.stop(id) == 0);
  nodes.wait_for_leader({3, 4, 5});
  Client other(nodes.address(5));
  other.sync();
  CHECK(other.get("/a").data == "1");
  other.create("/b");
}

TEST_CASE("a file that names other members than clients have made is refused where they may do so no more") {
  Nodes nodes(3);
  for (std::uint32_t id : {1, 2}) nodes.configure(id, {1, 2});
  for (std::uint32_t id : {1, 2}) nodes.start(id);
  nodes.wait_for_leader({1, 2});
  Client admin(nodes.address(1) + "," + nodes.address(2));
  admin.add_auth("digest", super);
  auto observer = nodes.member(2);
  observer.observer = true;
  CHECK_THROWS_AS(admin.reconfig({.joining = "server.2=" + to_text(observer)}), ClientError);  // two voters stay
  nodes.configure(3, {1, 2, 3});
  nodes.start(3);
  nodes.wait_for_leader({1, 2, 3});
  admin.reconfig({.joining = nodes.server(3)});
  for (std::uint32_t id : {1, 2, 3}) CHECK(nodes.stop(id) == 0);

  nodes.configure(1, {1, 2}, false);
  nodes.start(1);
  CHECK(nodes.wait_for_end(1) != 0);
  CHECK(nodes.story().find("/zookeeper/config") != std::string::npos);
  for (std::uint32_t id : {1, 2, 3}) {
    nodes.configure(id, {1, 2, 3}, false);
    nodes.start(id);
  }
  nodes.wait_for_leader({1, 2, 3});
}

TEST_CASE("after the majority is lost, what one node holds becomes a new ensemble, which the old nodes cannot join") {
  const bool reconfig_enabled = GENERATE(true, false);
  const bool alone = GENERATE(true, false);
  Nodes nodes(5);
  for (std::uint32_t id : {1, 2, 3}) nodes.configure(id, {1, 2, 3}, reconfig_enabled);
  for (std::uint32_t id : {1, 2, 3}) nodes.start(id);
  nodes.wait_for_leader({1, 2, 3});
  {
    Client client(nodes.address(1));
    client.create("/a", "1");
    client.sync();
  }
  for (std::uint32_t id : {1, 2, 3}) CHECK(nodes.stop(id) == 0);

  // Nobody makes an ensemble of nothing.
  nodes.configure(4, {1, 4, 5}, reconfig_enabled);
  nodes.start(4, {"--force-new-ensemble"});
  CHECK(nodes.wait_for_end(4) != 0);

  // Nodes without data are to be no majority before the one that has it leads.
  nodes.configure(1, alone ? std::set<std::uint32_t>{1} : std::set<std::uint32_t>{1, 4, 5}, reconfig_enabled);
  for (std::uint32_t id : {4, 5}) nodes.configure(id, {1, 4, 5}, reconfig_enabled);
  nodes.start(1, {"--force-new-ensemble"});
  if (alone) {
    nodes.wait_for_leader({1});
    CHECK(nodes.stop(1) == 0);
    nodes.configure(1, {1, 4, 5}, reconfig_enabled);
    nodes.start(1);
    nodes.wait_for_leader({1});
  }
  nodes.start(4);
  nodes.wait_for_leader({1, 4});
  nodes.start(5);
  nodes.wait_for_leader({1, 4, 5});
  nodes.wait_for_members(5, 3);
  INFO(nodes.story());
  {
    Client client(nodes.address(5));
    client.sync();
    CHECK(client.get("/a").data == "1");
    client.create("/b", "2");
  }
  // The old ones are still there, and go on for themselves.
  for (std::uint32_t id : {2, 3}) nodes.start(id);
  const auto old = nodes.wait_for_leader({2, 3});
  CHECK((old == 2 || old == 3));
  Client(nodes.address(2)).create("/c", "3");
  // The flag does its work once.
  CHECK(nodes.stop(1) == 0);
  nodes.start(1, {"--force-new-ensemble"});
  CHECK(nodes.wait_for_leader({1, 4, 5}) != old);
  Client client(nodes.address(1));
  client.sync();
  CHECK(client.get("/b").data == "2");
  CHECK_FALSE(client.exists("/c").has_value());
}

TEST_CASE("where reconfiguration is off, the files say where the members are") {
  Nodes nodes(6);
  const std::set<std::uint32_t> ids{1, 2, 3};
  for (const auto id : ids) nodes.configure(id, ids, false);
  for (const auto id : ids) nodes.start(id);
  Client(nodes.address(nodes.wait_for_leader(ids))).create("/a", "1");
  for (const auto id : ids) CHECK(nodes.stop(id) == 0);

  nodes.move_behind(3);
  for (const auto id : ids) nodes.configure(id, ids, false);
  for (const auto id : ids) nodes.start(id);
  Client client(nodes.address(nodes.wait_for_leader(ids)));
  CHECK(client.get("/a").data == "1");
  client.add_auth("digest", super);
  CHECK_THROWS_AS(client.reconfig({.leaving = "3"}), ClientError);
}

TEST_CASE("kazoo adds a node, removes it, and makes another one an observer") {
  Nodes nodes;
  for (std::uint32_t id : {1, 2, 3}) nodes.configure(id, {1, 2, 3});
  nodes.configure(4, {1, 2, 3, 4});
  for (std::uint32_t id : {1, 2, 3, 4}) nodes.start(id);
  const auto leader = nodes.wait_for_leader({1, 2, 3, 4});

  const auto server = [&](std::uint32_t id) {
    return "server." + std::to_string(id) + "=" + to_text(nodes.member(id));
  };
  test::Program client({"/usr/bin/python3", TROUPE_SOURCES "/tests/processes/kazoo_reconfig.py",
                        nodes.zk_address(1) + "," + nodes.zk_address(2) + "," + nodes.zk_address(3), server(4),
                        nodes.zk_address(4), server(5) + "," + server(6) + "," + server(7), leader == 1 ? "2" : "1"},
                       true);
  client.wait_for_line("all is well");
  const int status = client.finish();
  INFO(client.output());
  CHECK(status == 0);
}

}  // namespace
