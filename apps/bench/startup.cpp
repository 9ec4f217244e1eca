#include "apps/bench/startup.hpp"

#include <stdexcept>

#include "apps/bench/scratch_ensemble.hpp"
#include "apps/bench/server_cpu.hpp"
#include "apps/bench/workspace.hpp"

namespace troupe::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds patience(60);

/// Starts node 0 and reads `path` as soon as it answers.
void start_once(LocalEnsemble& node, const std::string& path, Startup& into) {
  const auto started = Clock::now();
  node.start(0);
  // A client tries again after pauses that grow; the status tells sooner that the node is there.
  if (!node.wait_ready(patience)) throw std::runtime_error("the node did not get ready; see " + node.log_file(0));
  Client client(node.connect());
  client.get(path);
  into.times.record(Clock::now() - started);
  into.page_faults += usage_of({node.process(0)}).page_faults;
}

void stop(LocalEnsemble& node) {
  const auto status = node.stop(0, patience);
  if (!status) throw std::runtime_error("the node did not stop in time");
  if (*status != 0) throw std::runtime_error("the node " + describe_exit(*status) + " when it was stopped");
}

void measure_size(std::size_t znodes, const StartupOptions& options,
                  const std::function<void(const std::string&)>& progress, std::vector<Startup>& results) {
  progress("making " + std::to_string(znodes) + " znodes");
  ScratchEnsemble ensemble(options.directory, 1);
  LocalEnsemble& node = ensemble.nodes();
  std::string path;
  {
    Workspace workspace(node.connect(), znodes, options.value_size);
    path = workspace.keys().back();
  }
  for (const bool killed : {false, true}) {
    Startup& result = results.emplace_back();
    result.znodes = znodes;
    result.killed = killed;
    for (unsigned i = 0; i < options.starts; ++i) {
      progress("start " + std::to_string(i + 1) + " with " + std::to_string(znodes) + " znodes");
      killed ? node.kill(0) : stop(node);
      start_once(node, path, result);
    }
    result.page_faults /= options.starts;
  }
}

}  // namespace

std::vector<Startup> measure_startup(const StartupOptions& options,
                                     const std::function<void(const std::string&)>& progress) {
  std::vector<Startup> results;
  for (std::size_t size : options.sizes) measure_size(size, options, progress, results);
  return results;
}

}  // namespace troupe::bench
