// `troupe status`: how each node of an ensemble is, as a table for people or as JSON.
#pragma once

#include <CLI/CLI.hpp>

namespace troupe {

/// Adds the subcommand; when it is chosen, `exit_code` gets its result: failed where there is no quorum.
void add_status_command(CLI::App& app, int& exit_code);

}  // namespace troupe
