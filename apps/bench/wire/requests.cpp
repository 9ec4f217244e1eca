// get, set, create, mixed, multi: in a closed loop, where each session keeps its number of requests under
// way, or at a fixed rate, spread over the sessions in turn.
//
// As in load.hpp: after the warm-up every answer counts, until the last request is answered.
#include "apps/bench/wire/bulk.hpp"
#include "apps/bench/wire/pacer.hpp"
#include "apps/bench/wire/request_source.hpp"
#include "apps/bench/wire/workload.hpp"

namespace troupe::bench {
namespace {

class Requests final : public Listener {
 public:
  explicit Requests(const Task& task)
      : task_(task),
        load_(task.load),
        source_(task.tree, task.load),
        course_(task, answers_),
        pace_(task.rig.loop, [this] { issue_due(); }),
        fleet_(task.rig, load_.connections, *this) {}

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
    measured_.order_errors = fleet_.order_errors();
    measured_.operations = measured_.latency.count();
    if (load_.workload == Workload::multi)
      measured_.figures.emplace_back("operations_per_request", RequestSource::operations_of_multi);
    return std::move(measured_);
  }

  std::uint64_t acknowledged() const { return acknowledged_; }

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
    acknowledged_ += answer.error == error::ok;
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
  std::uint64_t acknowledged = 0;
  Measured measured = [&] {
    Requests requests(task);
    Measured result = requests.run();
    acknowledged = requests.acknowledged();
    return result;
  }();
  if (task.load.workload == Workload::create) count_created(task, acknowledged, measured);
  return measured;
}

}  // namespace troupe::bench
