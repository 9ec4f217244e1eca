// What one durable transaction of LMDB costs, for a record as long as the proposal of a small write.
#include <benchmark/benchmark.h>

#include <chrono>

#include "apps/bench/histogram.hpp"
#include "apps/bench/scratch_ensemble.hpp"
#include "store/data_dir.hpp"
#include "store/encoding.hpp"

namespace troupe::bench {
namespace {

void durable_commit(benchmark::State& state) {
  const ScratchDir directory("");
  if (directory.in_memory()) {
    state.SkipWithError("the directory for temporary files is in memory, where a flush costs nothing");
    return;
  }
  const auto disk = store::open_lmdb_disk(directory.path());
  const auto kv = disk->open("log", {.tables = {"log"}});
  const std::string record(200, 'r');
  std::uint64_t number = 0;
  Histogram durations;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    const auto writer = kv->write();
    writer->append(0, store::big_endian(++number), record);
    writer->commit();
    durations.record(std::chrono::steady_clock::now() - begin);
  }
  state.counters["p50"] = std::chrono::duration<double>(durations.percentile(50)).count();
}
BENCHMARK(durable_commit)->UseRealTime();

}  // namespace
}  // namespace troupe::bench
