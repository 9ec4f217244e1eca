// A program written for ZooKeeper, with its own client library, runs against an ensemble of real nodes
// and does not notice.
#include <chrono>

#include "apps/local_ensemble.hpp"
#include "apps/node_status.hpp"
#include "tests/apps/temp_dir.hpp"
#include "tests/catch.hpp"
#include "tests/processes/program.hpp"

using namespace troupe;
using namespace std::chrono_literals;

TEST_CASE("kazoo reads, writes, watches, locks, and keeps its session when the leader is killed") {
  test::TempDir directory;
  LocalEnsemble ensemble(TROUPE_PROGRAM, {.directory = directory.path(), .base_port = free_base_port(3)});
  ensemble.start_all();
  REQUIRE(ensemble.wait_ready(60s));

  test::Program client({"/usr/bin/python3", TROUPE_SOURCES "/tests/processes/kazoo_client.py", ensemble.zk_connect()},
                       true);
  const bool asked = client.wait_for_line("kill the leader").has_value();
  INFO(client.output());
  REQUIRE(asked);
  const auto leader = leader_of(query_status(ensemble.addresses(), 10s));
  REQUIRE(leader.has_value());
  ensemble.kill(leader->value - 1);
  client.write("\n");
  client.wait_for_line("all is well");
  const int status = client.finish();
  INFO(client.output());
  CHECK(status == 0);
}
