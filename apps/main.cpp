// The troupe command: one binary, a subcommand for each thing to do, a pair of files for each subcommand.
#include <CLI/CLI.hpp>

#include "apps/bench_command.hpp"
#include "apps/exit_codes.hpp"
#include "apps/node_command.hpp"
#include "apps/shell_command.hpp"
#include "apps/sim/sim_command.hpp"
#include "apps/status_command.hpp"
#include "apps/up_command.hpp"

int main(int argc, char** argv) {
  CLI::App app{"Troupe: a coordination service with ZooKeeper's model"};
  app.require_subcommand(1);
  app.set_version_flag("--version", TROUPE_VERSION);
  int result = troupe::exit_code::ok;
  troupe::add_up_command(app, result);
  troupe::add_node_command(app, result);
  troupe::add_shell_command(app, result);
  troupe::add_status_command(app, result);
  troupe::add_sim_command(app, result);
  troupe::add_bench_command(app, result);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? troupe::exit_code::ok : troupe::exit_code::usage;
  }
  return result;
}
