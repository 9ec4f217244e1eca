// `troupe sim`: runs the simulation for given or for fresh seeds, and says which of them broke a
// promise and how to replay them.
#pragma once

namespace CLI {
class App;
}

namespace troupe {

/// Adds the subcommand; when it has run, `result` is 0, or 1 if a seed broke a promise.
void add_sim_command(CLI::App& app, int& result);

}  // namespace troupe
