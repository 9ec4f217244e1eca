#include "apps/up_command.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <system_error>

#include "apps/config.hpp"
#include "apps/ensemble_dir.hpp"
#include "apps/exit_codes.hpp"
#include "apps/launcher.hpp"

namespace troupe {
namespace {

struct UpOptions {
  EnsembleOptions ensemble{.directory = "troupe-data"};
  Launcher::Options launcher;
};

/// Held while the launcher runs: two launchers of one directory would fight over its nodes.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& directory) {
    std::string path = directory + "/lock";
    file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) throw std::system_error(errno, std::generic_category(), path);
    if (flock(file_, LOCK_EX | LOCK_NB) != 0)
      throw ConfigError(directory +
                        ": another troupe up runs this ensemble; use it, or choose another directory with --dir");
  }
  ~DirectoryLock() {
    if (file_ >= 0) close(file_);
  }
  DirectoryLock(const DirectoryLock&) = delete;

 private:
  int file_ = -1;
};

int run(const UpOptions& options) {
  try {
    std::vector<EnsembleNode> nodes = open_ensemble(options.ensemble);
    DirectoryLock lock(options.ensemble.directory);
    return Launcher(std::move(nodes), options.launcher).run();
  } catch (const ConfigError& error) {
    std::fprintf(stderr, "troupe up: %s\n", error.what());
    return exit_code::usage;
  } catch (const std::system_error& error) {
    std::fprintf(stderr, "troupe up: %s\n", error.what());
    return exit_code::failed;
  }
}

}  // namespace

void add_up_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("up", "Run an ensemble on this machine, until stopped");
  auto options = std::make_shared<UpOptions>();
  EnsembleOptions& ensemble = options->ensemble;
  command->add_option("--nodes", ensemble.participants, "Participants, which vote (3)");
  command->add_option("--observers", ensemble.observers, "Observers, which do not (0)");
  command->add_option("--dir", ensemble.directory, "Where configurations, data and logs are; kept for the next start")
      ->capture_default_str();
  command->add_option("--base-port", ensemble.base_port, "The nodes take ten ports each from here on (2180)");
  command->add_option("--tick-ms", ensemble.tick_ms, "The unit of time of the ensemble's limits, milliseconds (2000)")
      ->check(CLI::Range(1, 3'600'000));
  command->add_flag("--restart", options->launcher.restart, "Start a node again that has died");
  command->add_flag("--shell", options->launcher.shell, "Open a shell when ready, and stop when it is left");
  command->callback([&exit_code, options] { exit_code = run(*options); });
}

}  // namespace troupe
