// get, set, create, mixed, multi, list: in a closed loop, where each session keeps its number of requests under
// way, or at a fixed rate, spread over the sessions in turn.
//
// With several threads each has its share of the sessions, an event loop of its own, and nothing in common
// with the others while it runs.
//
// As in load.hpp: after the warm-up every answer counts, until the last request is answered.
#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "apps/bench/wire/bulk.hpp"
#include "apps/bench/wire/pacer.hpp"
#include "apps/bench/wire/request_source.hpp"
#include "apps/bench/wire/workload.hpp"

namespace troupe::bench {
namespace {

class Requests final : public Listener {
 public:
  /// `first` is the number of its first session among those of all threads.
  Requests(const Task& task, std::size_t first)
      : task_(task),
        load_(task.load),
        source_(task.tree, task.load, first),
        course_(task, answers_),
        pace_(task.rig.loop, [this] { issue_due(); }),
        fleet_(task.rig, load_.connections, *this) {
    for (auto& session : fleet_) session->number += first;
  }

  Measured run() {
    if (load_.rate > 0) {
      pacer_.emplace(load_.rate, Clock::now());
      issue_due();
    } else {
      for (auto& session : fleet_)
        for (unsigned i = 0; i < load_.outstanding; ++i) issue(*session);
    }
    if (load_.count == 0) course_.run_for(load_.warm_up, [this] { return all_lost(); });
    measuring_ = true;
    task_.observer.measuring();
    const auto begun = Clock::now();
    const auto spent = [this] { return all_lost() || all_issued(); };
    load_.count > 0 ? course_.run_until(spent, Clock::time_point::max()) : course_.run_for(load_.duration, spent);
    ending_ = true;
    pace_.cancel();
    task_.rig.loop.run_until([this] { return fleet_.under_way() == 0; });
    measured_.elapsed = Clock::now() - begun;
    task_.observer.measured();
    measured_.order_errors += fleet_.order_errors();
    measured_.operations = measured_.latency.count();
    return std::move(measured_);
  }

  std::uint64_t acknowledged() const { return acknowledged_; }
  bool interrupted() const { return course_.enough(); }

 private:
  void issue(Session& session) { issue(session, Clock::now()); }
  void issue(Session& session, Clock::time_point begun) {
    if (all_issued()) return;
    ++issued_;
    session.send(source_.next(session.number), static_cast<std::uint64_t>(begun.time_since_epoch().count()));
  }

  void issue_due() {
    while (const auto due = pacer_->take(task_.rig.loop.now())) {
      for (std::size_t tried = 0; tried < fleet_.size(); ++tried) {
        Session& session = *fleet_.begin()[next_session_++ % fleet_.size()];
        if (!session.connected()) continue;
        issue(session, *due);
        break;
      }
      if (all_issued() || all_lost()) return;
    }
    pace_.set(pacer_->next());
  }

  void answered(Session& session, const Answer& answer) override {
    ++answers_;
    const auto now = task_.rig.loop.now();
    if (answer.error == error::ok) {
      ++acknowledged_;
      if (load_.workload == Workload::list && answer.names.size() != load_.children) ++measured_.order_errors;
    }
    if (measuring_) {
      const Clock::time_point begun{Clock::duration(static_cast<Clock::rep>(answer.token))};
      answer.error == error::ok ? measured_.latency.record(now - begun) : void(++measured_.errors);
    }
    if (!ending_ && !pacer_ && session.connected()) issue(session, now);
  }

  void disconnected(Session& session) override {
    session.abandon();
    ++measured_.lost_connections;
  }

  bool all_lost() const { return measured_.lost_connections >= load_.connections; }
  bool all_issued() const { return load_.count > 0 && issued_ >= load_.count; }

  const Task& task_;
  const Load& load_;
  RequestSource source_;
  Measured measured_;
  std::uint64_t answers_ = 0, issued_ = 0, acknowledged_ = 0;
  Course course_;
  std::optional<Pacer> pacer_;
  Timer pace_;
  std::size_t next_session_ = 0;
  bool measuring_ = false, ending_ = false;
  Fleet fleet_;
};

/// The share of one thread.
struct Share {
  std::optional<EventLoop> loop;  // the first has the caller's
  Load load;
  Observer observer;
  std::optional<Task> task;
  std::unique_ptr<Requests> requests;
  Measured measured;
  std::exception_ptr failed;
};

template <class Number>
Number part_of(Number whole, unsigned parts, unsigned part) {
  if constexpr (std::is_floating_point_v<Number>)
    return whole / parts;
  else
    return whole / parts + (part < whole % parts ? 1 : 0);
}

/// The first share runs on the caller's thread, and it alone tells the observer.
std::vector<std::unique_ptr<Share>> make_shares(const Task& task, unsigned threads, const std::atomic<bool>& enough) {
  std::vector<std::unique_ptr<Share>> shares;
  std::size_t first = 0;
  for (unsigned i = 0; i < threads; ++i) {
    Share& share = *shares.emplace_back(std::make_unique<Share>());
    EventLoop& loop = i == 0 ? task.rig.loop : share.loop.emplace();
    share.load = task.load;
    share.load.connections = part_of(task.load.connections, threads, i);
    share.load.rate = part_of(task.load.rate, threads, i);
    share.load.count = part_of(task.load.count, threads, i);
    share.observer = i == 0 ? task.observer
                            : Observer{.measuring = [] {},
                                       .measured = [] {},
                                       .progress = [&enough](auto, std::uint64_t) { return !enough.load(); }};
    share.task.emplace(Task{.rig = {loop, task.rig.driver, task.rig.nodes},
                            .tree = task.tree,
                            .load = share.load,
                            .observer = share.observer,
                            .servers = task.servers});
    share.requests = std::make_unique<Requests>(*share.task, first);
    first += share.load.connections;
  }
  return shares;
}

void run_share(Share& share) {
  try {
    share.measured = share.requests->run();
  } catch (...) {
    share.failed = std::current_exception();
  }
}

void add(Measured& sum, const Measured& part) {
  sum.operations += part.operations;
  sum.errors += part.errors;
  sum.order_errors += part.order_errors;
  sum.lost_connections += part.lost_connections;
  sum.elapsed = std::max(sum.elapsed, part.elapsed);
  sum.latency.merge(part.latency);
}

/// What create has made is there: all that was acknowledged, counted by the server.
void count_created(const Task& task, std::uint64_t acknowledged, Measured& measured) {
  std::int32_t found = 0;
  one(task.rig, {.op = Op::exists, .path = task.tree.created()},
      [&](const Answer& answer) { found = answer.children_count; });
  measured.figures.emplace_back("acknowledged", static_cast<double>(acknowledged));
  measured.figures.emplace_back("found", found);
}

}  // namespace

Measured run_requests(const Task& task) {
  const unsigned threads = std::min(task.load.threads, task.load.connections);
  if (task.load.workload == Workload::create_spread) task.tree.make_created("", RequestSource::parents_of_spread);
  if (task.load.workload == Workload::list) task.tree.make_created("", task.load.children);
  Measured measured;
  std::uint64_t acknowledged = 0;
  {
    std::atomic<bool> enough = false;
    const auto shares = make_shares(task, threads, enough);
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads; ++i) others.emplace_back([&share = *shares[i]] { run_share(share); });
    run_share(*shares.front());
    enough = shares.front()->failed || shares.front()->requests->interrupted();
    for (std::thread& other : others) other.join();
    for (const auto& share : shares) {
      if (share->failed) std::rethrow_exception(share->failed);
      add(measured, share->measured);
      acknowledged += share->requests->acknowledged();
    }
  }
  if (task.load.workload == Workload::multi)
    measured.figures.emplace_back("operations_per_request", RequestSource::operations_of_multi);
  if (task.load.workload == Workload::create) count_created(task, acknowledged, measured);
  return measured;
}

}  // namespace troupe::bench
