// Programs written for ZooKeeper, with client libraries that others wrote, run against an ensemble of real
// nodes and do not notice: nor when the leader is killed under them.
#include <filesystem>

#include "tests/catch.hpp"
#include "tests/processes/foreign_client.hpp"

using namespace troupe;

namespace {

constexpr const char* python = "/usr/bin/python3";
const std::string clients = TROUPE_SOURCES "/tests/processes/clients/";

}  // namespace

TEST_CASE("ZooKeeper's client for C keeps its session, its ephemerals and its watches when the leader is killed") {
  if (!std::filesystem::exists(TROUPE_C_CLIENT))
    return test::skip_test("libzookeeper_mt", "apt-get install libzookeeper-mt-dev, and build anew");
  test::check_foreign_client({TROUPE_C_CLIENT});
}

TEST_CASE("cli_mt, the shell of the client for C, keeps its session when the leader is killed") {
  if (!std::filesystem::exists("/usr/lib/zookeeper/bin/cli_mt"))
    return test::skip_test("cli_mt", "apt-get install zookeeper-bin");
  test::check_foreign_client({python, clients + "cli_mt_client.py"});
}

TEST_CASE("kazoo reads, writes, watches, locks, and keeps its session when the leader is killed") {
  test::check_foreign_client({python, clients + "kazoo_client.py"});
}

TEST_CASE("zkCli shows what it shows at ZooKeeper, also when the leader is killed") {
  if (!std::filesystem::exists("/usr/share/java/zookeeper.jar"))
    return test::skip_test("zkCli", "apt-get install zookeeper");
  test::check_foreign_client({python, clients + "zkcli_client.py"});
}

TEST_CASE("tooz's groups, leaders and locks outlive a leader that is killed") {
  if (!std::filesystem::exists("/usr/lib/python3/dist-packages/tooz"))
    return test::skip_test("tooz", "apt-get install python3-tooz");
  test::check_foreign_client({python, clients + "tooz_client.py"});
}

TEST_CASE("node-zookeeper-client keeps its session, its ephemerals and its watches when the leader is killed") {
  if (!std::filesystem::exists(TROUPE_NODE_MODULES "/node-zookeeper-client"))
    return test::skip_test("node-zookeeper-client", "./run test does that, with npm");
  test::check_foreign_client({"/usr/bin/env", "NODE_PATH=" TROUPE_NODE_MODULES, "node", clients + "node_client.js"});
}
