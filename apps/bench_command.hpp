// `troupe bench`: how fast an ensemble is, and `troupe bench startup`: how fast a node starts.
#pragma once

#include <CLI/CLI.hpp>

namespace troupe {

/// Adds the subcommand; when it is chosen, `exit_code` gets its result: failed where requests failed.
void add_bench_command(CLI::App& app, int& exit_code);

}  // namespace troupe
