// Whole simulations, each from one seed: they keep every promise, and they replay.
#include <spdlog/spdlog.h>

#include "apps/sim/simulation.hpp"
#include "tests/catch.hpp"

namespace troupe::sim {
namespace {

TEST_CASE("ensembles with faults keep every promise") {
  spdlog::set_level(spdlog::level::off);
  const auto seed = GENERATE(as<std::uint64_t>{}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  INFO("troupe sim --seed " << seed << " --trace");
  const auto result = simulate({.seed = seed});
  CHECK(result.violation == "");
  CHECK(result.transactions > 0);
}

TEST_CASE("a seed replays to the last line of its story") {
  spdlog::set_level(spdlog::level::off);
  const auto run = [](std::uint64_t seed, std::string& story) {
    SimulationOptions options;
    options.seed = seed;
    options.trace = [&story](const std::string& line) { story += line + "\n"; };
    return simulate(options);
  };
  for (const std::uint64_t seed : {11, 12, 13}) {
    std::string first, second;
    const auto one = run(seed, first);
    const auto two = run(seed, second);
    CHECK(one.fingerprint == two.fingerprint);
    CHECK(one.steps == two.steps);
    CHECK(first == second);
    CHECK_FALSE(first.empty());
  }
}

TEST_CASE("different seeds are different stories") {
  spdlog::set_level(spdlog::level::off);
  CHECK(simulate({.seed = 21}).fingerprint != simulate({.seed = 22}).fingerprint);
}

}  // namespace
}  // namespace troupe::sim
