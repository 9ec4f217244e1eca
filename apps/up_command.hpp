// `troupe up`: an ensemble on this machine, each node a process of its own.
#pragma once

#include <CLI/CLI.hpp>

namespace troupe {

/// Adds the subcommand; when it is chosen, `exit_code` gets its result.
void add_up_command(CLI::App& app, int& exit_code);

}  // namespace troupe
