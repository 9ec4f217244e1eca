// `troupe shell`: commands typed at a terminal, read from a stream, or one from the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace troupe {

/// Adds the subcommand; when it is chosen, `exit_code` gets its result: failed if a command failed.
void add_shell_command(CLI::App& app, int& exit_code);

}  // namespace troupe
