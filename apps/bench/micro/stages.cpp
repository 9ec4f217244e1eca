// What each stage of a read and of a write costs, per request, without threads, sockets and other nodes.
//
//   troupe_microbench [--benchmark_filter=REGEX] [--benchmark_repetitions=N] …
//
// The argument of a benchmark is the number of requests that go through the stage together; the time is that
// of one of them (the column "per_request"; "Time" is that of the batch).
#include <benchmark/benchmark.h>

#include <chrono>

#include "actors/watches.hpp"
#include "apps/bench/micro/pipeline.hpp"

namespace troupe::bench {
namespace {

constexpr std::size_t znodes = 10'000;
// Among the writes, so that the memory in front of the state stays as small as a node keeps it.
constexpr std::size_t writes_between_flushes = 10'000;

Pipeline& pipeline() {
  static Pipeline instance(znodes);
  return instance;
}

std::size_t batch(const benchmark::State& state) { return static_cast<std::size_t>(state.range(0)); }

/// Reports the time per request.
void count(benchmark::State& state) {
  state.counters["per_request"] = benchmark::Counter(static_cast<double>(state.iterations()) * state.range(0),
                                                     benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// --- a read ---

void decode_get(benchmark::State& state) {
  const std::string bytes = get_frames(1, znodes).substr(4);
  troupe::zk::Requests requests;
  for (auto _ : state) benchmark::DoNotOptimize(requests.read(bytes));
}
BENCHMARK(decode_get);

void look_up_path(benchmark::State& state) {
  const auto& view = pipeline().view();
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < znodes; ++i) paths.push_back(Pipeline::path(i * 7919 % znodes));
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(view.get(paths[i++ % znodes]));
}
BENCHMARK(look_up_path);

/// From the bytes of the requests to the bytes of the replies.
void read_whole(benchmark::State& state) {
  auto& node = pipeline();
  const std::string frames = get_frames(batch(state), znodes);
  for (auto _ : state) {
    node.receive(frames);
    benchmark::DoNotOptimize(node.send());
  }
  count(state);
}
BENCHMARK(read_whole)->Arg(1)->Arg(16)->Arg(256);

// --- a write: one stage is timed, with the others around it ---

enum class Stage { receive, prepare, append, apply, deliver };

class Stopwatch {
 public:
  Stopwatch(Stage wanted, benchmark::State& state) : wanted_(wanted), state_(state) {}
  template <class Work>
  auto run(Stage stage, Work work) {
    if (stage != wanted_) return work();
    const auto begin = std::chrono::steady_clock::now();
    auto result = work();
    state_.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    return result;
  }

 private:
  const Stage wanted_;
  benchmark::State& state_;
};

void write_stage(benchmark::State& state, Stage stage) {
  auto& node = pipeline();
  const std::string frames = set_frames(batch(state), znodes);
  Stopwatch watch(stage, state);
  std::size_t writes = 0;
  for (auto _ : state) {
    const auto requests = watch.run(Stage::receive, [&] {
      node.receive(frames);
      return node.requests();
    });
    const auto proposals = watch.run(Stage::prepare, [&] { return node.prepare(requests); });
    // Only for its own sake: the disk would take nearly all of the time, and the tree does not need it.
    if (stage == Stage::append) {
      watch.run(Stage::append, [&] {
        node.append(proposals);
        return 0;
      });
    }
    auto applied = watch.run(Stage::apply, [&] { return node.apply(proposals); });
    watch.run(Stage::deliver, [&] {
      node.deliver(std::move(applied));
      return node.send();
    });
    writes += batch(state);
    if (writes > writes_between_flushes) {
      node.flush_state();
      writes = 0;
    }
  }
  count(state);
}
#define WRITE_STAGE(stage) \
  BENCHMARK_CAPTURE(write_stage, stage, Stage::stage)->Arg(1)->Arg(16)->Arg(256)->UseManualTime()
WRITE_STAGE(receive);
WRITE_STAGE(prepare);
WRITE_STAGE(append);
WRITE_STAGE(apply);
WRITE_STAGE(deliver);

// --- watches ---

/// A change of a znode with so many persistent watches.
void fire(benchmark::State& state) {
  Watches watches;
  for (std::uint64_t watcher = 1; watcher <= batch(state); ++watcher) {
    watches.add(watcher, "/keys/0000001", WatchKind::persistent);
  }
  const store::NodeEvent event{store::NodeEvent::Type::data_changed, Zxid{1}, "/keys/0000001", "", ""};
  std::size_t told = 0;
  for (auto _ : state) watches.fire(event, [&](WatcherId, EventType, std::string_view) { ++told; });
  benchmark::DoNotOptimize(told);
  count(state);
}
BENCHMARK(fire)->Arg(1)->Arg(1000);

}  // namespace
}  // namespace troupe::bench

BENCHMARK_MAIN();
