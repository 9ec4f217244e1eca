// The simulation as a program of its own: what the mutants are built into.
#include <CLI/CLI.hpp>

#include "apps/sim/sim_command.hpp"

int main(int argc, char** argv) {
  CLI::App app{"Troupe's simulation"};
  app.require_subcommand(1);
  int result = 0;
  troupe::add_sim_command(app, result);
  CLI11_PARSE(app, argc, argv);
  return result;
}
