#include "apps/bench/load.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>

#include "client/client.hpp"

namespace troupe::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto connect_patience = 15s;
constexpr auto progress_interval = 200ms;

enum class Phase { warming_up, measuring, ending };

/// What the connections share. `phase` is read on every answer and written twice.
struct Control {
  const Workspace& workspace;
  const Load& load;
  std::atomic<Phase> phase{Phase::warming_up};

  std::mutex mutex;
  std::condition_variable ended;
  unsigned running;  ///< guarded by mutex: connections with requests under way
};

/// One connection and its loop of requests. But for the constructor, begin() and answers(), all of it
/// runs on the client's thread.
class Connection {
 public:
  Connection(const std::string& node, unsigned index, Control& control)
      : control_(control),
        value_(control.load.value_size, 'w'),
        prefix_(control.workspace.created() + "/" + std::to_string(index) + "-"),
        random_(index + 1),
        client_(node, {.patience = connect_patience}) {
    if (!client_.wait_connected(connect_patience))
      throw std::runtime_error(node + " gives no session; does the node run, and has it a quorum? (troupe status)");
  }

  /// The first requests are made where all others are: on the client's thread.
  void begin() {
    client_.sync([this](const client::Result<client::Nothing>& result) {
      if (!result.ok()) return give_up(), end();
      for (unsigned i = 0; i < control_.load.outstanding; ++i) issue();
    });
  }

  std::uint64_t answers() const { return answers_.load(std::memory_order_relaxed); }

  /// Once the connection has ended.
  void add_to(Measured& measured) const {
    measured.operations += latency_.count();
    measured.errors += errors_;
    measured.lost_connections += lost_;
    measured.latency.merge(latency_);
  }

 private:
  void issue() {
    ++under_way_;
    const auto started = Clock::now();
    // Small enough to be kept within the std::function.
    const auto done = [this, started](const auto& result) { answered(started, result.error()); };
    switch (control_.load.workload) {
      case Workload::get:
        return client_.get(some_key(), {}, done);
      case Workload::set:
        return client_.set(some_key(), value_, -1, done);
      default:
        return client_.create(prefix_ + std::to_string(created_++), value_, {}, done);
    }
  }

  const std::string& some_key() {
    const auto& keys = control_.workspace.keys();
    return keys[random_() % keys.size()];
  }

  void answered(Clock::time_point started, Error error) {
    const Phase phase = control_.phase.load(std::memory_order_relaxed);
    if (phase != Phase::warming_up) error == Error::ok ? latency_.record(Clock::now() - started) : void(++errors_);
    answers_.store(answers_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    --under_way_;
    if (error == Error::session_expired || error == Error::connection_loss) give_up();
    if (phase != Phase::ending && !lost_) return issue();
    if (under_way_ == 0) end();
  }

  void give_up() { lost_ = true; }

  void end() {
    std::lock_guard lock(control_.mutex);
    --control_.running;
    control_.ended.notify_one();
  }

  Control& control_;
  const std::string value_, prefix_;
  std::minstd_rand random_;
  Histogram latency_;
  std::uint64_t errors_ = 0, created_ = 0;
  unsigned under_way_ = 0;
  bool lost_ = false;
  std::atomic<std::uint64_t> answers_{0};
  Client client_;  // its thread ends first
};

class Run {
 public:
  Run(const std::vector<std::string>& nodes, const Workspace& workspace, const Load& load, const Observer& observer)
      : control_{.workspace = workspace, .load = load, .running = load.connections}, observer_(observer) {
    for (unsigned i = 0; i < load.connections; ++i)
      connections_.push_back(std::make_unique<Connection>(nodes[i % nodes.size()], i, control_));
  }

  Measured run() {
    start_ = Clock::now();
    for (auto& connection : connections_) connection->begin();
    wait_until(start_ + std::chrono::duration_cast<Clock::duration>(control_.load.warm_up));
    observer_.measuring();
    const auto measuring = Clock::now();
    control_.phase = Phase::measuring;
    wait_until(measuring + std::chrono::duration_cast<Clock::duration>(control_.load.duration));
    control_.phase = Phase::ending;
    wait_until(Clock::time_point::max());
    Measured measured;
    measured.elapsed = Clock::now() - measuring;
    observer_.measured();
    for (const auto& connection : connections_) connection->add_to(measured);
    return measured;
  }

 private:
  /// Until then, until all connections have ended, or until the observer has enough.
  void wait_until(Clock::time_point end) {
    std::unique_lock lock(control_.mutex);
    while (control_.running > 0 && Clock::now() < end && !(enough_ && end != Clock::time_point::max())) {
      control_.ended.wait_until(lock, std::min(end, Clock::now() + progress_interval));
      lock.unlock();
      enough_ = enough_ || !report();
      lock.lock();
    }
  }

  bool report() const {
    std::uint64_t answers = 0;
    for (const auto& connection : connections_) answers += connection->answers();
    return observer_.progress(Clock::now() - start_, answers);
  }

  Control control_;
  const Observer& observer_;
  std::vector<std::unique_ptr<Connection>> connections_;
  Clock::time_point start_;
  bool enough_ = false;
};

}  // namespace

const char* name_of(Workload workload) {
  constexpr const char* names[] = {"get",        "set",      "create",  "create-spread",    "mixed",
                                   "multi",      "children", "watch",   "watch-persistent", "sessions",
                                   "ephemerals", "lock",     "failover"};
  return names[static_cast<int>(workload)];
}

const std::vector<Workload>& all_workloads() {
  static const std::vector<Workload> all = [] {
    std::vector<Workload> workloads;
    for (int i = 0; i <= static_cast<int>(Workload::failover); ++i) workloads.push_back(static_cast<Workload>(i));
    return workloads;
  }();
  return all;
}

Measured run(const std::vector<std::string>& nodes, const Workspace& workspace, const Load& load,
             const Observer& observer) {
  return Run(nodes, workspace, load, observer).run();
}

}  // namespace troupe::bench
