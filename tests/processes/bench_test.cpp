// `troupe bench` as a process: that it counts, cleans up and tells what failed. No times.
#include <csignal>
#include <regex>

#include "apps/exit_codes.hpp"
#include "tests/catch.hpp"
#include "tests/processes/ensemble.hpp"

using namespace troupe;
using Catch::Matchers::Contains;
using test::Ensemble;
using test::Finished;

namespace {

/// The numbers behind `"name": ` in lines of JSON, one for each line.
std::vector<long> numbers(const std::string& json, const std::string& name) {
  std::vector<long> found;
  const std::regex field("\"" + name + "\": (-?[0-9]+)");
  for (std::sregex_iterator match(json.begin(), json.end(), field), end; match != end; ++match)
    found.push_back(std::stol((*match)[1]));
  return found;
}

const std::vector<std::string> tiny{"--seconds", "0.05", "--warmup", "0.01", "--znodes", "10"};

Finished bench(std::vector<std::string> words) {
  words.insert(words.begin(), "bench");
  words.insert(words.end(), tiny.begin(), tiny.end());
  return test::run(test::troupe(std::move(words)));
}

}  // namespace

TEST_CASE("the benchmark runs every combination and leaves nothing behind") {
  Ensemble ensemble(3);
  Finished finished = bench({"--connect", ensemble.connect(), "--json", "--workloads", "set,get,create",
                             "--connections", "1,3", "--outstanding", "1,8"});
  CHECK(finished.status == exit_code::ok);
  CHECK(finished.errors.empty());
  CHECK(numbers(finished.output, "connections") == std::vector<long>{1, 1, 3, 3, 1, 1, 3, 3, 1, 1, 3, 3});
  CHECK(numbers(finished.output, "outstanding_per_connection") ==
        std::vector<long>{1, 8, 1, 8, 1, 8, 1, 8, 1, 8, 1, 8});
  for (long operations : numbers(finished.output, "operations")) CHECK(operations > 0);
  CHECK(numbers(finished.output, "errors") == std::vector<long>(12, 0));
  CHECK(numbers(finished.output, "server_cpu_us_per_op").size() == 12);  // known: the nodes run here
  CHECK(ensemble.shell({"ls", "/"}).output == "[zookeeper]\n");
}

TEST_CASE("the benchmark has locks, watches and the like over the RPC, too") {
  Ensemble ensemble(3);
  Finished finished = bench({"--connect", ensemble.connect(), "--json", "--workloads",
                             "mixed,multi,create-spread,list,children,watch,watch-persistent,lock", "--shapes", "4x2",
                             "--watchers", "5", "--children", "100"});
  CHECK(finished.status == exit_code::ok);
  CHECK(finished.errors.empty());
  CHECK(numbers(finished.output, "errors") == std::vector<long>(8, 0));
  CHECK(numbers(finished.output, "order_errors") == std::vector<long>(8, 0));
  for (long operations : numbers(finished.output, "operations")) CHECK(operations > 0);
  CHECK(ensemble.shell({"ls", "/"}).output == "[zookeeper]\n");
}

TEST_CASE("the benchmark starts an ensemble of its own where that is asked for") {
  const std::string protocol = GENERATE("rpc", "zk");
  CAPTURE(protocol);
  Finished finished =
      bench({"--local", "--protocol", protocol, "--nodes", "1", "--connections", "2", "--outstanding", "2"});
  CHECK(finished.status == exit_code::ok);
  CHECK(finished.errors.empty());
  CHECK_THAT(finished.output, Contains("nodes: 127.0.0.1") && Contains("set") && Contains("get"));
}

TEST_CASE("the benchmark starts no ensemble of another program") {
  Finished finished = bench({"--local", "--protocol", "etcd"});
  CHECK(finished.status == exit_code::usage);
  CHECK_THAT(finished.errors, Contains("--connect"));
}

TEST_CASE("the benchmark of the start measures every size after a stop and after a kill") {
  Finished finished = test::run(test::troupe({"bench", "startup", "--znodes", "10,100", "--starts", "1", "--json"}));
  CHECK(finished.status == exit_code::ok);
  CHECK(numbers(finished.output, "znodes") == std::vector<long>{10, 10, 100, 100});
  CHECK(numbers(finished.output, "starts") == std::vector<long>{1, 1, 1, 1});
}

TEST_CASE("the benchmark loads servers of ZooKeeper's protocol") {
  test::Program server(test::troupe({"bench", "null"}));
  const std::optional<std::string> ready = server.wait_for_line("ready: ");
  REQUIRE(ready);
  const std::string address = ready->substr(ready->find(' ') + 1);
  Finished finished =
      bench({"--protocol", "zk", "--connect", address, "--json", "--workloads",
             "get,set,create,create-spread,mixed,multi,ephemerals,sessions", "--shapes", "2x8", "--sessions", "20"});
  CHECK(finished.status == exit_code::ok);
  CHECK(finished.errors.empty());
  CHECK(numbers(finished.output, "errors") == std::vector<long>(8, 0));
  CHECK(numbers(finished.output, "order_errors") == std::vector<long>(8, 0));
  for (long operations : numbers(finished.output, "operations")) CHECK(operations > 0);
  server.signal(SIGTERM);
  CHECK(server.finish() == exit_code::ok);
}

TEST_CASE("a benchmark refuses what a protocol does not have") {
  Finished finished = bench({"--protocol", "rpc", "--workloads", "failover"});
  CHECK(finished.status == exit_code::failed);
  CHECK_THAT(finished.errors, Contains("failover") && Contains("--protocol zk"));
}

TEST_CASE("a benchmark without an ensemble says so") {
  Finished finished = bench({"--connect", "nowhere:x"});
  CHECK(finished.status == exit_code::usage);
  CHECK_THAT(finished.errors, Contains("--connect"));
}
