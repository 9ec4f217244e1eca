// The scenarios that a coordination service is judged by, with real processes: who leads, what survives, how
// nodes catch up, and who is disturbed by whom. tests/sim has them again, many times, with everything under control.
#include <memory>

#include "client/client.hpp"
#include "tests/catch.hpp"
#include "tests/node/stalled_client.hpp"
#include "tests/processes/busy_writer.hpp"
#include "tests/processes/nodes.hpp"
#include "tests/processes/program.hpp"
#include "tests/wait.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

constexpr auto longer_than_an_election = 1s;

void create(const std::string& connect, const std::string& path, const std::string& data = "") {
  Client client(connect, {.patience = patience});
  client.create(path, data);
}

/// The leader has a proposal on its disk that no follower has heard of. Returns the leader; all followers are frozen.
std::uint32_t propose_alone(Nodes& nodes, const std::string& path, const std::string& data) {
  const std::uint32_t leader = nodes.settle();
  Client client(nodes.address(leader), {.session_timeout = 10s});
  client.exists("/");  // it has its session, which needs a quorum
  for (const std::uint32_t id : nodes.others(leader)) nodes.freeze(id);
  client.create(path, data, {}, [](const auto&) {});
  nodes.wait_until("the proposal is on the leader's disk", [&] { return nodes.logged(leader, data); });
  client.abandon();
  return leader;
}

/// How the leader brought the node up to date since it had said so much: "DIFF", "TRUNC", "SNAP".
std::string brought_up(const Nodes& nodes, std::uint32_t leader, std::size_t since, std::uint32_t id) {
  const std::string said = nodes.said(leader, since),
                    before = "node " + std::to_string(id) + " is brought up to date: ";
  const std::size_t at = said.rfind(before);
  if (at == std::string::npos) return "";
  return said.substr(at + before.size(), said.find(' ', at + before.size()) - at - before.size());
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}

/// Starts a node and returns how the leader brought it up to date.
std::string rejoin(Nodes& nodes, std::uint32_t leader, std::uint32_t id) {
  const std::size_t since = nodes.said_so_far(leader);
  nodes.start(id);
  nodes.wait_until_serves(id, leader);
  return brought_up(nodes, leader, since, id);
}

/// Ends the writes; what was acknowledged is what every node has.
void check_written(Nodes& nodes, BusyWriter& writer) {
  const auto acknowledged = writer.finish();
  CHECK(writer.failures() == "");
  for (std::uint32_t id = 1; id <= nodes.size(); ++id) {
    INFO("node " << id);
    CHECK((nodes.children(id, writer.parent()) == acknowledged));
  }
}

}  // namespace

TEST_CASE("of five nodes started one after the other the third leads, and the others follow") {
  Nodes nodes({.voters = 5});
  nodes.start(1);
  nodes.wait_until("node 1 looks for a leader", [&] { return nodes.looking(1); });
  nodes.start(2);
  nodes.wait_until("node 2 does, too", [&] { return nodes.looking(2); });
  CHECK(stays_true([&] { return nodes.looking(1) && nodes.looking(2); }, longer_than_an_election));

  nodes.start(3);
  nodes.wait_until("node 3 leads", [&] { return nodes.leads(3) && nodes.follows(1, 3) && nodes.follows(2, 3); });
  const Epoch epoch = nodes.epoch(3);
  for (const std::uint32_t id : {4, 5}) {
    nodes.start(id);
    nodes.wait_until("the next follows", [&] { return nodes.follows(id, 3); });
  }
  CHECK(nodes.leads(3));
  CHECK(nodes.epoch(3) == epoch);
}

TEST_CASE("two of four nodes are no majority, the third decides") {
  Nodes nodes({.voters = 4});
  nodes.start(1);
  nodes.start(2);
  nodes.wait_until("both look for a leader", [&] { return nodes.looking(1) && nodes.looking(2); });
  CHECK(stays_true([&] { return nodes.looking(1) && nodes.looking(2); }, longer_than_an_election));
  nodes.start(3);
  nodes.wait_until("node 3 leads", [&] { return nodes.leads(3) && nodes.follows(1, 3) && nodes.follows(2, 3); });
  nodes.kill(1);
  nodes.wait_until("nobody leads", [&] { return nodes.looking(2) && nodes.looking(3); });
  CHECK(stays_true([&] { return nodes.looking(2) && nodes.looking(3); }, longer_than_an_election));
}

TEST_CASE("a leader is killed between its proposal and its commit: the write is gone or committed, everywhere") {
  Nodes nodes({});
  nodes.start_all();
  for (const std::string round : {"first", "second", "third"}) {
    const std::string path = "/" + round, data = "the proposal of the " + round + " round";
    const std::uint32_t leader = propose_alone(nodes, path, data);
    nodes.kill(leader);
    // It may be on its way to them.
    for (const std::uint32_t id : nodes.others(leader)) nodes.thaw(id);
    CHECK(nodes.settle() != leader);
    const auto without = nodes.value(path);
    CHECK((!without || *without == data));
    nodes.start(leader);
    nodes.settle();
    CHECK(nodes.value(path) == without);
  }
}

TEST_CASE("a former leader comes back: it follows, and its uncommitted tail is truncated") {
  Nodes nodes({});
  nodes.start_all();
  const std::uint32_t old = propose_alone(nodes, "/lost", "what nobody else has heard of");
  for (std::uint32_t id = 1; id <= nodes.size(); ++id) nodes.kill(id);  // with what was on its way to them

  for (const std::uint32_t id : nodes.others(old)) nodes.start(id);
  const std::uint32_t leader = nodes.settle();
  create(nodes.address(leader), "/after", "2");
  CHECK(rejoin(nodes, leader, old) == "TRUNC");
  CHECK_THAT(nodes.said(old), Contains("dropping what comes after "));
  CHECK(nodes.leads(leader));
  CHECK(nodes.value("/lost") == std::nullopt);
  CHECK(nodes.value("/after") == "2");
}

TEST_CASE("a leader is killed once it has answered: the write is committed everywhere") {
  Nodes nodes({});
  nodes.start_all();
  for (std::size_t round = 0; round < 3; ++round) {
    const std::uint32_t leader = nodes.settle();
    const auto followers = nodes.others(leader);
    const std::string path = "/answered-" + std::to_string(round);
    const std::uint32_t unaware = followers[round % 2], other = followers[1 - round % 2];
    nodes.freeze(unaware);  // the quorum is the other and the leader
    create(nodes.address(leader), path, "answered");
    nodes.kill(leader);
    nodes.kill(unaware);  // with what was on its way to it
    nodes.start(unaware);
    CHECK(nodes.settle() == other);
    CHECK(nodes.value(path) == "answered");
    nodes.start(leader);
    nodes.settle();
    CHECK(nodes.value(path) == "answered");
  }
}

TEST_CASE("a node that missed a deletion does not lead those that have it, and gets it") {
  Nodes nodes({});
  nodes.start(1);
  nodes.start(2);
  nodes.wait_until("node 2 leads", [&] { return nodes.leads(2) && nodes.follows(1, 2); });
  nodes.start(3);
  nodes.settle();
  REQUIRE(nodes.leads(2));
  create(nodes.address(1), "/a", "1");
  CHECK(nodes.value("/a") == "1");

  nodes.kill(2);
  nodes.settle();
  Client(nodes.address(1), {.patience = patience}).remove("/a");
  nodes.kill(1);
  nodes.kill(3);

  nodes.start_all();
  CHECK(nodes.settle() != 2);
  CHECK(nodes.value(2, "/a") == std::nullopt);
  CHECK(nodes.value("/a") == std::nullopt);
}

TEST_CASE("nodes that join while writes go on get everything") {
  Nodes nodes({});
  nodes.start_all();
  const std::uint32_t leader = nodes.settle();
  BusyWriter writer(nodes.connect(), "/w");
  // Each is away for a while, and comes back to a leader that does not wait for it.
  for (int round = 0; round < 2; ++round) {
    for (const std::uint32_t id : nodes.others(leader)) {
      nodes.kill(id);
      REQUIRE(writer.wait_for_more(100));
      nodes.start(id);
      nodes.wait_until_serves(id, leader);
      REQUIRE(writer.wait_for_more(100));
    }
  }
  CHECK(nodes.leads(leader));
  check_written(nodes, writer);
}

TEST_CASE("while writes go on, a follower far behind gets SNAP") {
  Nodes nodes({.configure = [](NodeConfig& config) { config.checkpoint_txns = 20; }});
  nodes.start_all();
  const std::uint32_t leader = nodes.settle(), far = nodes.others(leader)[0];
  BusyWriter writer(nodes.connect(), "/w");
  REQUIRE(writer.wait_for_more(1));
  nodes.kill(far);
  // A log is pruned behind the checkpoint before the last, soon after that.
  const std::size_t since = nodes.said_so_far(leader);
  nodes.wait_until("its leader has pruned its log",
                   [&] { return count(nodes.said(leader, since), "checkpoint at") >= 4; });
  CHECK(rejoin(nodes, leader, far) == "SNAP");
  CHECK_THAT(nodes.said(far), Contains("taking a snapshot at "));
  REQUIRE(writer.wait_for_more(100));
  check_written(nodes, writer);
}

TEST_CASE("while writes go on, a follower a little behind gets DIFF, one that is ahead TRUNC") {
  Nodes nodes({});
  nodes.start_all();
  std::uint32_t leader = nodes.settle();
  const std::uint32_t near = nodes.others(leader)[0];
  BusyWriter writer(nodes.connect(), "/w");
  nodes.kill(near);
  REQUIRE(writer.wait_for_more(50));
  CHECK(rejoin(nodes, leader, near) == "DIFF");

  const std::uint32_t ahead = propose_alone(nodes, "/lost", "what nobody else has heard of");
  for (std::uint32_t id = 1; id <= nodes.size(); ++id) nodes.kill(id);
  for (const std::uint32_t id : nodes.others(ahead)) nodes.start(id);
  leader = nodes.settle();
  REQUIRE(writer.wait_for_more(50));
  CHECK(rejoin(nodes, leader, ahead) == "TRUNC");
  REQUIRE(writer.wait_for_more(50));
  check_written(nodes, writer);
  CHECK(nodes.value("/lost") == std::nullopt);
}

TEST_CASE("an observer serves reads and forwards writes, its lag and its death change no quorum") {
  Nodes nodes({.voters = 3, .observers = 1});
  nodes.start_all();
  const std::uint32_t leader = nodes.settle(), observer = 4;
  CHECK(nodes.follows(observer, leader));
  const Epoch epoch = nodes.epoch(leader);
  Client there(nodes.address(observer), {.session_timeout = 10s, .patience = patience});
  there.create("/a", "1");
  CHECK(there.set("/a", "2").version == 1);
  CHECK(there.get("/a").data == "2");

  Client client(nodes.address(leader), {.patience = patience});
  const auto write = [&](const std::string& data) {
    for (int i = 0; i < 50; ++i) client.set("/a", data);
  };
  nodes.freeze(observer);
  write("while it stands still");
  nodes.thaw(observer);
  nodes.wait_until_serves(observer, leader);
  CHECK(nodes.value(observer, "/a") == "while it stands still");

  nodes.kill(observer);
  write("without it");
  CHECK(nodes.leads(leader));
  CHECK(nodes.epoch(leader) == epoch);
  there.abandon();

  // And it makes none: with one voter alone nobody leads.
  nodes.start(observer);
  nodes.wait_until_serves(observer, leader);
  CHECK(nodes.value("/a") == "without it");
  for (const std::uint32_t id : nodes.others(leader))
    if (id != observer) nodes.kill(id);
  nodes.wait_until("nobody leads", [&] { return nodes.looking(leader) && nodes.looking(observer); });
  CHECK(stays_true([&] { return nodes.looking(leader) && nodes.looking(observer); }, longer_than_an_election));
}

TEST_CASE("clients that stand still delay nobody else, and cost each node a bounded amount of memory") {
  constexpr std::size_t most_bytes = 64 << 20, clients_each = 2;
  Nodes nodes({});
  nodes.start_all();
  const std::uint32_t leader = nodes.settle();
  Client client(nodes.address(leader), {.patience = patience});
  const std::string large(1'000'000, 'x');
  client.create("/large", large);
  const auto work = [&] {
    for (std::uint32_t id = 1; id <= nodes.size(); ++id) {
      Client here(nodes.address(id), {.patience = patience});
      for (int i = 0; i < 10; ++i) {
        here.set("/large", large);
        CHECK(here.get("/large").data == large);
      }
    }
  };
  work();  // what a node keeps of the last writes is in memory before and after
  std::vector<std::size_t> before;
  for (std::uint32_t id = 1; id <= nodes.size(); ++id) before.push_back(memory_of(nodes.process(id)));

  std::vector<std::unique_ptr<testing::StalledClient>> stalled;  // which ask each node for 16 GB
  for (std::uint32_t id = 1; id <= nodes.size(); ++id) {
    const std::string address = nodes.address(id);
    const auto port = static_cast<unsigned>(std::stoi(address.substr(address.rfind(':') + 1)));
    for (std::size_t i = 0; i < clients_each; ++i)
      stalled.push_back(std::make_unique<testing::StalledClient>(port, "/large"));
  }
  for (auto& one : stalled) one->wait();
  work();
  for (std::uint32_t id = 1; id <= nodes.size(); ++id) {
    INFO("node " << id << ", which had " << before[id - 1] << " bytes");
    CHECK(memory_of(nodes.process(id)) < before[id - 1] + most_bytes);
  }
  CHECK(nodes.leads(leader));
}
