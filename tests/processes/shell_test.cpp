// `troupe shell` as a process: one command, a stream of commands. tests/apps/shell_test.cpp has the commands.
#include "apps/exit_codes.hpp"
#include "tests/catch.hpp"
#include "tests/processes/ensemble.hpp"

using namespace troupe;
using test::Ensemble;
using test::Finished;

namespace {

/// One ensemble of one node for all cases: each works below a path of its own.
Ensemble& ensemble() {
  static Ensemble instance(1);
  return instance;
}

}  // namespace

TEST_CASE("one command prints its result alone and tells by its status whether it was done") {
  Finished created = ensemble().shell({"create", "/once", "x y"});
  CHECK(created.status == exit_code::ok);
  CHECK(created.output == "Created /once\n");
  CHECK(created.errors.empty());
  CHECK(ensemble().shell({"get", "-s", "/once"}).output.starts_with("x y\ncZxid"));
  Finished missing = ensemble().shell({"get", "/missing"});
  CHECK(missing.status == exit_code::failed);
  CHECK(missing.output.empty());
  CHECK(missing.errors == "Node does not exist: /missing\n");
}

TEST_CASE("a stream of commands fails if one of them failed") {
  CHECK(ensemble().shell_lines("ls /\n").status == exit_code::ok);
  CHECK(ensemble().shell_lines("get /missing\nls /\n").status == exit_code::failed);
}
