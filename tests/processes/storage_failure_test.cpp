// A real node whose disk fails while it runs.
#include <sys/wait.h>

#include <fstream>
#include <iterator>
#include <string>

#include "apps/exit_codes.hpp"
#include "apps/local_ensemble.hpp"
#include "client/client.hpp"
#include "tests/catch.hpp"
#include "tests/node/damage.hpp"
#include "tests/temp_dir.hpp"
#include "tests/wait.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("A node that finds a damaged record ends with the status of a failed disk, and says what to do") {
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
    // So much that it does not stay in memory and in the journal.
    for (int i = 0; i < 12; ++i) client.set("/b", std::string(1 << 20, 'x'));
  }
  for (int node = 1; node <= 2; ++node) {
    testing::damage(directory.path() + "/node-" + std::to_string(node) + "/log/data.mdb", mark);
  }

  ensemble.start(2);  // whoever leads the two reads the record for it
  std::optional<int> status;
  std::size_t failed = 0;
  REQUIRE(comes_true([&] {
    failed = 1 - failed;
    status = ensemble.poll_exit(failed);
    return status.has_value();
  }));
  REQUIRE(WIFEXITED(*status));
  CHECK(WEXITSTATUS(*status) == exit_code::storage);
  std::ifstream log(ensemble.log_file(failed));
  const std::string said{std::istreambuf_iterator<char>(log), {}};
  CHECK_THAT(said, Catch::Contains("the node stops: the transaction log") && Catch::Contains("Check its disk"));
}
