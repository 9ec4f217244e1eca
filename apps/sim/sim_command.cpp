#include "apps/sim/sim_command.hpp"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <random>

#include "apps/sim/simulation.hpp"

namespace troupe {
namespace {

struct Options {
  std::uint64_t seed = 0;
  bool seed_given = false;
  std::uint64_t seeds = 1;
  double minutes = 0;
  bool trace = false;
  bool first = false;
};

// A broken invariant inside a node ends the process, this one too: say at least which seed it was.
char last_words[128];

void on_abort(int) {
  [[maybe_unused]] const auto written = write(STDOUT_FILENO, last_words, std::strlen(last_words));
  signal(SIGABRT, SIG_DFL);
  raise(SIGABRT);
}

std::string replay(std::uint64_t seed) { return "troupe sim --seed " + std::to_string(seed) + " --trace"; }

void prepare_last_words(std::uint64_t seed) {
  const auto number = std::to_string(seed);
  std::snprintf(last_words, sizeof last_words, "seed %s: a node's broken invariant\n  replay: %s\n", number.c_str(),
                replay(seed).c_str());
}

int run(const Options& options) {
  spdlog::set_level(options.trace ? spdlog::level::info : spdlog::level::off);
  spdlog::set_pattern("%v");
  signal(SIGABRT, on_abort);

  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  const auto end = began + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double, std::ratio<60>>(options.minutes));
  std::uint64_t first = options.seed;
  if (!options.seed_given) first = options.minutes > 0 ? std::random_device{}() : 1;

  std::uint64_t count = 0, broken = 0, transactions = 0, acknowledged = 0, leaders = 0, faults = 0;
  const auto more = [&] { return options.minutes > 0 ? Clock::now() < end : count < options.seeds; };
  for (; more() && !(options.first && broken != 0); ++count) {
    sim::SimulationOptions simulation;
    simulation.seed = first + count;
    if (options.trace) simulation.trace = [](const std::string& line) { std::cout << line << '\n'; };
    prepare_last_words(simulation.seed);
    const auto result = sim::simulate(simulation);
    transactions += result.transactions;
    acknowledged += result.acknowledged;
    leaders += result.leaders;
    faults += result.faults;
    if (result.ok()) continue;
    ++broken;
    std::cout << "seed " << simulation.seed << ": " << result.violation << "\n  with " << result.setup
              << "\n  replay: " << replay(simulation.seed) << std::endl;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  std::cout << count << " seeds from " << first << ": " << broken << " broke a promise; " << transactions
            << " transactions, " << acknowledged << " acknowledged writes, " << leaders << " reigns, " << faults
            << " faults, " << seconds << " s" << std::endl;
  return broken == 0 ? 0 : 1;
}

}  // namespace

void add_sim_command(CLI::App& app, int& result) {
  auto* command = app.add_subcommand("sim", "Simulate ensembles with faults, each from one seed");
  const auto options = std::make_shared<Options>();
  auto* seed = command->add_option("--seed", options->seed, "The first seed; default 1, with --minutes a fresh one");
  auto* seeds = command->add_option("--seeds", options->seeds, "How many seeds, one after the other; default 1");
  command->add_option("--minutes", options->minutes, "Go on for so long")->excludes(seeds);
  command->add_flag("--trace", options->trace, "Tell all that happens");
  command->add_flag("--first", options->first, "Stop at the first seed that breaks a promise");
  command->callback([options, seed, &result] {
    options->seed_given = seed->count() != 0;
    result = run(*options);
  });
}

}  // namespace troupe
