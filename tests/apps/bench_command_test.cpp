// The command line of the benchmark, its report, and where it finds the nodes' processes.
// tests/processes/bench_test.cpp runs it.
#include "apps/bench_command.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/bench/report.hpp"
#include "apps/bench/server_cpu.hpp"
#include "tests/catch.hpp"

using namespace troupe;
using Catch::Matchers::Contains;

namespace {

/// Why the arguments are refused. None of the cases below gets as far as measuring.
std::string refusal(const std::vector<std::string>& words) {
  CLI::App app;
  int exit_code = 0;
  add_bench_command(app, exit_code);
  std::string line = "bench";
  for (const std::string& word : words) line += " " + word;
  try {
    app.parse(line);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return "";
}

bench::Row row() {
  bench::Row row{.load = {.workload = bench::Workload::set, .connections = 16, .outstanding = 256}};
  for (int i = 1; i <= 100; ++i) row.measured.latency.record(std::chrono::microseconds(10 * i));
  row.measured.operations = 100;
  row.measured.errors = 2;
  row.measured.elapsed = std::chrono::milliseconds(500);
  row.client_cpu = std::chrono::milliseconds(1);
  return row;
}

}  // namespace

TEST_CASE("what the benchmark cannot run is refused with the option's name") {
  CHECK_THAT(refusal({"--connections", "0"}), Contains("--connections"));
  CHECK_THAT(refusal({"--connections", "1,x"}), Contains("--connections"));
  CHECK_THAT(refusal({"--outstanding", "0"}), Contains("--outstanding"));
  CHECK_THAT(refusal({"--seconds", "0"}), Contains("--seconds"));
  CHECK_THAT(refusal({"--warmup", "-1"}), Contains("--warmup"));
  CHECK_THAT(refusal({"--value-size", "1048577"}), Contains("--value-size"));
  CHECK_THAT(refusal({"--znodes", "0"}), Contains("--znodes"));
  CHECK_THAT(refusal({"--workloads", "set,drop"}), Contains("--workloads") && Contains("drop"));
  CHECK_THAT(refusal({"--protocol", "http"}), Contains("--protocol"));
  CHECK_THAT(refusal({"--shapes", "16"}), Contains("--shapes") && Contains("64x16"));
  CHECK_THAT(refusal({"--shapes", "16x0"}), Contains("--shapes"));
  CHECK_THAT(refusal({"--fault", "flood"}), Contains("--fault"));
  CHECK_THAT(refusal({"startup", "--znodes", "-1"}), Contains("--znodes"));
  CHECK_THAT(refusal({"startup", "--starts", "0"}), Contains("--starts"));
}

TEST_CASE("a result is a row of the table or a line of JSON") {
  bench::Row result = row();
  CHECK_THAT(bench::table_row(result), Contains("set") && Contains("16") && Contains("256") && Contains("200") &&
                                           Contains("0.5") && Contains("1.000") && Contains("10.0"));
  CHECK_THAT(bench::json_row(result),
             Contains("\"workload\": \"set\", \"connections\": 16, \"outstanding_per_connection\": 256") &&
                 Contains("\"operations\": 100, \"errors\": 2") && Contains("\"ops_per_second\": 200.0") &&
                 Contains("\"max\": 1000.0") && Contains("\"server_cpu_us_per_op\": null") &&
                 Contains("\"client_cpu_us_per_op\": 10.00"));
  result.server_cpu = std::chrono::milliseconds(3);
  CHECK_THAT(bench::json_row(result), Contains("\"server_cpu_us_per_op\": 30.00"));
}

TEST_CASE("what is special to a workload is told below its row and within its JSON") {
  bench::Row result = row();
  CHECK_THAT(bench::json_row(result), Contains("\"figures\": {}"));
  result.measured.figures = {{"longest_gap_ms", 812.5}, {"verified", 29000}};
  result.measured.order_errors = 3;
  result.server_memory = {.anonymous = 4096, .of_files = 8192};
  CHECK_THAT(bench::table_row(result), Contains("longest_gap_ms 812.500 verified 29000 order_errors 3\n"));
  CHECK_THAT(bench::json_row(result), Contains("\"figures\": {\"longest_gap_ms\": 812.500, \"verified\": 29000}") &&
                                          Contains("\"order_errors\": 3") &&
                                          Contains("{\"anonymous\": 4096, \"files\": 8192}"));
}

TEST_CASE("a process is found by the port that it listens on") {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(bind(socket, generic, size) == 0);
  REQUIRE(listen(socket, 1) == 0);
  REQUIRE(getsockname(socket, generic, &size) == 0);
  const std::string port = std::to_string(ntohs(address.sin_port));

  CHECK(bench::listeners({"127.0.0.1:" + port}) == std::vector<pid_t>{getpid()});
  CHECK(bench::listeners({"192.0.2.1:" + port}).empty());  // another machine
  CHECK(bench::listeners({"127.0.0.1:" + port, "127.0.0.1:1"}).empty());
  CHECK(bench::usage_of({getpid()}).page_faults > 0);
  CHECK(bench::memory_of({getpid()}).anonymous > 0);
  close(socket);
}
