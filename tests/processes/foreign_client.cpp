#include "tests/processes/foreign_client.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <future>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "apps/local_ensemble.hpp"
#include "apps/node_status.hpp"
#include "client/client.hpp"
#include "tests/catch.hpp"
#include "tests/processes/program.hpp"
#include "tests/temp_dir.hpp"

namespace troupe::test {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 60s;

/// Does what a program asks for.
class Disturber {
 public:
  Disturber(LocalEnsemble& ensemble, Program& program) : ensemble_(ensemble), program_(program) {}

  /// False if the line asks for nothing.
  bool obey(const std::string& line) {
    std::istringstream in(line);
    std::string verb, what;
    in >> verb >> what;
    if (line == "kill the leader")
      kill_leader();
    else if (verb == "kill")
      kill(what);
    else if (line == "start what was killed")
      start_killed();
    else if (line.starts_with("stop me until /") && line.ends_with(" is gone"))
      stop_until_gone(line.substr(14, line.size() - 14 - 8));
    else
      return false;
    program_.write("done\n");
    return true;
  }

 private:
  void kill_leader() {
    const auto leader = leader_of(query_status(ensemble_.addresses(), 10s));
    if (!leader) throw std::runtime_error("the ensemble has no leader to kill");
    ensemble_.kill(leader->value - 1);
  }

  void kill(const std::string& address) {
    std::istringstream all(ensemble_.zk_connect());
    std::string one;
    for (std::size_t node = 0; std::getline(all, one, ','); ++node)
      if (one == address) return ensemble_.kill(node);
    throw std::runtime_error("no node has the address " + address);
  }

  void start_killed() {
    for (std::size_t node = 0; node < ensemble_.size(); ++node)
      if (!ensemble_.running(node)) ensemble_.start(node);
    if (!ensemble_.wait_ready(patience)) throw std::runtime_error("the ensemble does not get ready again");
  }

  void stop_until_gone(const std::string& path) {
    Client client(ensemble_.connect());
    std::promise<void> gone;
    auto watch = [&](const client::Event&) { gone.set_value(); };
    if (!client.exists(path, watch)) throw std::runtime_error(path + " is gone before");
    program_.signal(SIGSTOP);
    const auto waited = gone.get_future().wait_for(patience);
    program_.signal(SIGCONT);
    client.close();
    if (waited != std::future_status::ready) throw std::runtime_error(path + " does not go");
  }

  LocalEnsemble& ensemble_;
  Program& program_;
};

}  // namespace

void check_foreign_client(std::vector<std::string> program) {
  TempDir directory;
  LocalEnsemble ensemble(TROUPE_PROGRAM,
                         {.directory = directory.path(), .base_port = free_base_port(3), .tick_ms = 500});
  ensemble.start_all();
  REQUIRE(ensemble.wait_ready(patience));

  program.push_back(ensemble.zk_connect());
  Program client(std::move(program), true);
  Disturber disturber(ensemble, client);
  bool well = false;
  try {
    while (const auto line = client.wait_for_line("")) {
      well = *line == "all is well";
      disturber.obey(*line);
    }
  } catch (const std::exception& problem) {
    FAIL(problem.what() << "; the client said:\n" << client.output());
  }
  const int status = client.finish();
  INFO(client.output());
  CHECK(status == 0);
  CHECK(well);
}

void skip_test(const std::string& what, const std::string& remedy) {
  WARN("this test is skipped: " << what << " is not installed; " << remedy);
}

}  // namespace troupe::test
