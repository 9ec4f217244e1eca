#include "apps/bench/wire/workload.hpp"

namespace troupe::bench {

Measured run(const Task& task) {
  switch (task.load.workload) {
    case Workload::get:
    case Workload::set:
    case Workload::create:
    case Workload::create_spread:
    case Workload::mixed:
    case Workload::multi:
    case Workload::list:
      return run_requests(task);
    case Workload::children:
      return run_listing(task);
    case Workload::watch:
    case Workload::watch_persistent:
      return run_fan_out(task);
    case Workload::sessions:
      return run_session_storm(task);
    case Workload::ephemerals:
      return run_ephemeral_churn(task);
    case Workload::lock:
      return run_lock(task);
    case Workload::failover:
      break;
  }
  return run_failover(task);
}

Course::Course(const Task& task, const std::uint64_t& answers) : task_(task), answers_(answers) {}

bool Course::run_until(const std::function<bool()>& done, Clock::time_point limit) {
  constexpr std::chrono::milliseconds report_interval{200};
  bool finished = false;
  const auto pause = [&] {
    finished = done();
    return finished || task_.rig.loop.now() >= next_report_;
  };
  while (!finished && !enough_) {
    if (!task_.rig.loop.run_until(pause, limit)) return false;
    if (finished) break;
    next_report_ = task_.rig.loop.now() + report_interval;
    enough_ = !task_.observer.progress(task_.rig.loop.now() - start_, answers_);
  }
  return finished;
}

bool Course::run_for(std::chrono::duration<double> time, const std::function<bool()>& done) {
  return run_until(done, Clock::now() + std::chrono::duration_cast<Clock::duration>(time));
}

}  // namespace troupe::bench
