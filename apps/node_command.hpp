// `troupe node`: one node of an ensemble, in the foreground.
//
// The main thread loads the configuration, starts the node and then only waits for a signal: SIGTERM,
// SIGINT or SIGHUP stop it gracefully, a second one at once. Exit status: see exit_codes.hpp.
#pragma once

#include <CLI/CLI.hpp>

namespace troupe {

/// Adds the subcommand; when it is chosen, `exit_code` gets its result.
void add_node_command(CLI::App& app, int& exit_code);

}  // namespace troupe
