// A real node whose disk fails while it runs.
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "apps/exit_codes.hpp"
#include "apps/local_ensemble.hpp"
#include "client/client.hpp"
#include "tests/apps/temp_dir.hpp"
#include "tests/catch.hpp"
#include "tests/node/damage.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

TEST_CASE("A node that finds a damaged record ends with the status of a failed disk, and says what to do") {
  constexpr auto patience = 90s;
  TempDir directory;
  LocalEnsemble ensemble(TROUPE_PROGRAM,
                         {.directory = directory.path(), .participants = 3, .base_port = free_base_port(3)});
  ensemble.start(0);
  ensemble.start(1);
  REQUIRE(ensemble.wait_ready(patience));
  const std::string mark = "a mark that is nowhere else";
  {
    Client client(ensemble.address(0));
    client.create("/a", mark);
    client.create("/b");
  }
  for (int node = 1; node <= 2; ++node) {
    testing::damage(directory.path() + "/node-" + std::to_string(node) + "/log/data.mdb", mark);
  }

  ensemble.start(2);  // whoever leads the two reads the record for it
  std::optional<int> status;
  std::size_t failed = 0;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!status && std::chrono::steady_clock::now() < deadline) {
    failed = 1 - failed;
    status = ensemble.poll_exit(failed);
    std::this_thread::sleep_for(5ms);
  }
  REQUIRE(status);
  REQUIRE(WIFEXITED(*status));
  CHECK(WEXITSTATUS(*status) == exit_code::storage);
  std::ifstream log(ensemble.log_file(failed));
  const std::string said{std::istreambuf_iterator<char>(log), {}};
  CHECK_THAT(said, Catch::Contains("the node stops: the transaction log") && Catch::Contains("Check its disk"));
}
