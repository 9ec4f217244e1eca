// `troupe up` and `troupe node` as processes: how they start, report, and end.
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "apps/exit_codes.hpp"
#include "apps/local_ensemble.hpp"
#include "tests/catch.hpp"
#include "tests/processes/ensemble.hpp"
#include "tests/processes/nodes.hpp"
#include "tests/wait.hpp"

using namespace troupe;
using Catch::Matchers::Contains;
using test::Ensemble;
using test::Finished;

namespace {

std::vector<pid_t> children_of(pid_t parent) {
  std::ifstream in("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children");
  std::vector<pid_t> children;
  for (pid_t child; in >> child;) children.push_back(child);
  return children;
}

/// The process that runs node `id` of the launcher. One that was just started may not be what it
/// will be yet.
pid_t node_process(Ensemble& ensemble, int id) {
  pid_t found = 0;
  INFO("node " << id << " has no process");
  REQUIRE(test::comes_true([&] {
    for (pid_t child : children_of(ensemble.launcher().id())) {
      std::ostringstream line;
      line << std::ifstream("/proc/" + std::to_string(child) + "/cmdline").rdbuf();
      if (line.str().find("node-" + std::to_string(id) + ".toml") != std::string::npos) found = child;
    }
    return found != 0;
  }));
  return found;
}

}  // namespace

TEST_CASE("an ensemble gets ready, answers, stops when told to, and has its data when started again") {
  Ensemble ensemble(3);
  CHECK_THAT(ensemble.ready_line(), Contains("ready: 3 nodes, leader ") && Contains(", clients connect to 127.0.0.1:"));
  CHECK_THAT(ensemble.launcher().output(), Contains("node 1: clients 127.0.0.1:"));

  CHECK(ensemble.shell({"create", "/kept", "value"}).output == "Created /kept\n");
  Finished status = test::run(test::troupe({"status", "--connect", ensemble.connect()}));
  CHECK(status.status == exit_code::ok);
  CHECK_THAT(status.output, Contains("leading") && Contains("following"));
  Finished json = test::run(test::troupe({"status", "--json", "--connect", ensemble.connect()}));
  CHECK_THAT(json.output, Contains("\"quorum\": true"));

  ensemble.restart();
  CHECK(ensemble.shell({"get", "/kept"}).output == "value\n");
}

TEST_CASE("observers are part of the ensemble") {
  Ensemble ensemble(1, {"--observers", "1"});
  CHECK_THAT(ensemble.ready_line(), Contains("ready: 2 nodes, leader 1,"));
  Finished status = test::run(test::troupe({"status", "--connect", ensemble.connect()}));
  CHECK_THAT(status.output, Contains("observing"));
}

TEST_CASE("the end of the launcher's input stops the ensemble") {
  Ensemble ensemble(1);
  CHECK(ensemble.launcher().finish() == exit_code::ok);
  CHECK_THAT(ensemble.launcher().output(), Contains("stopped\n"));
}

TEST_CASE("without a terminal it runs until it is told to stop, and has its data when started again") {
  // What ./run does where nobody types: no end of the input comes that would stop it.
  test::TempDir directory;
  const std::string base = std::to_string(free_base_port(3));
  const std::vector<std::string> command{
      "/bin/sh",        "-c", "exec \"$0\" up --dir \"$1\" --base-port \"$2\" </dev/null", TROUPE_PROGRAM,
      directory.path(), base};
  const auto run_until_ready = [&](const std::function<void(const std::string& connect)>& work) {
    test::Program up(command, true);
    const auto ready = up.wait_for_line("ready: ");
    REQUIRE(ready);
    CHECK_THAT(*ready, Catch::StartsWith("ready: 3 nodes, leader "));
    work(ready->substr(ready->rfind(' ') + 1));
    up.signal(SIGTERM);
    CHECK(up.finish() == exit_code::ok);
    CHECK_THAT(up.output(), Catch::EndsWith("stopped\n"));
  };
  run_until_ready([](const std::string& connect) {
    CHECK(test::run(test::troupe({"shell", "--connect", connect, "create", "/kept", "value"})).status == exit_code::ok);
  });
  run_until_ready([](const std::string& connect) {
    CHECK(test::run(test::troupe({"shell", "--connect", connect, "get", "/kept"})).output == "value\n");
  });
}

TEST_CASE("a node that dies is reported, and the others go on") {
  Ensemble ensemble(3);
  kill(node_process(ensemble, 2), SIGKILL);
  auto line = ensemble.launcher().wait_for_line("node 2 was ended by signal 9 (Killed); the end of ");
  CHECK(line);
  CHECK(ensemble.shell({"create", "/a"}).output == "Created /a\n");
  Finished status = test::run(test::troupe({"status", "--connect", ensemble.connect()}));
  CHECK(status.status == exit_code::ok);
  CHECK_THAT(status.output, Contains("refused"));
}

TEST_CASE("a node that dies is started again where that is asked for") {
  Ensemble ensemble(3, {"--restart"});
  kill(node_process(ensemble, 2), SIGKILL);
  CHECK(ensemble.launcher().wait_for_line("node 2 is started again"));
  auto all_answer = [&] {
    Finished status = test::run(test::troupe({"status", "--connect", ensemble.connect()}));
    return status.output.find("refused") == std::string::npos && status.output.find("looking") == std::string::npos;
  };
  CHECK(test::comes_true(all_answer));
}

TEST_CASE("the nodes do not outlive a launcher that is killed") {
  Ensemble ensemble(3);
  std::vector<int> nodes;
  for (pid_t child : children_of(ensemble.launcher().id()))
    nodes.push_back(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  REQUIRE(nodes.size() == 3);
  ensemble.launcher().signal(SIGKILL);
  for (int node : nodes) {
    pollfd ended{node, POLLIN, 0};
    CHECK(poll(&ended, 1, 60'000) == 1);
    close(node);
  }
}

TEST_CASE("two launchers cannot run one directory") {
  Ensemble ensemble(1);
  Finished second = test::run(test::troupe({"up", "--dir", ensemble.directory().path()}));
  CHECK(second.status == exit_code::usage);
  CHECK_THAT(second.errors, Contains("another troupe up runs this ensemble"));
}

TEST_CASE("a port that is taken is named with what to change") {
  Ensemble ensemble(1);
  test::TempDir other;
  std::string taken = ensemble.connect().substr(ensemble.connect().rfind(':') + 1);
  std::string base = std::to_string(std::stoi(taken) - 2);
  Finished second = test::run(test::troupe({"up", "--nodes", "1", "--dir", other.path(), "--base-port", base}));
  CHECK(second.status == exit_code::network);
  CHECK_THAT(second.errors, Contains("node 1 cannot listen on 127.0.0.1 port " + taken + ": Address already in use") &&
                                Contains("--base-port"));
  Finished node = test::run(test::troupe({"node", "--config", other / "node-1.toml"}));
  CHECK(node.status == exit_code::network);
  CHECK_THAT(node.errors, Contains("clients on 127.0.0.1 port " + taken) && Contains("Address already in use"));
}

TEST_CASE("a node with a wrong configuration says what is wrong") {
  test::TempDir dir;
  dir.write("node.toml", "id = 1\n");
  Finished node = test::run(test::troupe({"node", "--config", dir / "node.toml"}));
  CHECK(node.status == exit_code::usage);
  CHECK(node.errors == "troupe node: " + dir / "node.toml" + ": data_dir is missing; add the line data_dir = ...\n");
  CHECK(test::run(test::troupe({"node"})).status == exit_code::usage);
  CHECK(test::run(test::troupe({"nonsense"})).status == exit_code::usage);
}

TEST_CASE("status of an ensemble without a quorum fails") {
  Finished status = test::run(test::troupe({"status", "--connect", "127.0.0.1:1"}));
  CHECK(status.status == exit_code::failed);
  CHECK_THAT(status.errors, Contains("no quorum"));
}

TEST_CASE("all threads of a node leave the processor to who uses it if the configuration says so") {
  const bool batch = GENERATE(true, false);
  test::Nodes nodes({.voters = 1, .configure = [&](NodeConfig& config) { config.batch_scheduling = batch; }});
  nodes.start_all();
  nodes.settle();
  std::size_t threads = 0;
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(nodes.process(1)) + "/task")) {
    CHECK(sched_getscheduler(std::stoi(thread.path().filename())) == (batch ? SCHED_BATCH : SCHED_OTHER));
    ++threads;
  }
  CHECK(threads > 3);
}
