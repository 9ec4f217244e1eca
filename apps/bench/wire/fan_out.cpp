// watch, watch-persistent: one session changes a znode that many watch; an operation is one change, and
// its latency is the time until the last of them is told. The next change waits until all watches are
// set again.
#include "apps/bench/wire/workload.hpp"

namespace troupe::bench {
namespace {

class FanOut final : public Listener {
 public:
  explicit FanOut(const Task& task)
      : task_(task),
        path_(task.tree.keys().front()),
        value_(task.load.value_size, 'w'),
        persistent_(task.load.workload == Workload::watch_persistent),
        course_(task, events_),
        watchers_(task.rig, task.load.watchers, *this),
        writer_(task.rig, 1, *this),
        told_in_(task.load.watchers, 0) {
    writer_[0].number = writer_number;
  }

  Measured run() {
    for (auto& session : watchers_) watch(*session);
    if (!wait_for_answers()) return finish();
    if (!rounds_until(Clock::now() + std::chrono::duration_cast<Clock::duration>(task_.load.warm_up))) return finish();
    measured_ = {};
    each_ = {};
    task_.observer.measuring();
    const auto begun = Clock::now();
    const std::uint64_t events_before = events_;
    rounds_until(begun + std::chrono::duration_cast<Clock::duration>(task_.load.duration), 1);
    measured_.elapsed = Clock::now() - begun;
    task_.observer.measured();
    measured_.figures = {{"watchers", static_cast<double>(watchers_.size())},
                         {"events", static_cast<double>(events_ - events_before)},
                         {"each_p50_ms", in_ms(each_.percentile(50))},
                         {"each_p99_ms", in_ms(each_.percentile(99))}};
    return finish();
  }

 private:
  static constexpr std::size_t writer_number = static_cast<std::size_t>(-1);
  static constexpr std::chrono::seconds patience{30};

  void watch(Session& session) {
    ++unanswered_;
    if (persistent_)
      session.send({.op = Op::add_watch, .path = path_}, 0);
    else
      session.send({.op = Op::get, .path = path_, .watch = true}, 0);
  }

  /// At least `least` rounds; false if one did not come to its end.
  bool rounds_until(Clock::time_point end, unsigned least = 0) {
    for (unsigned i = 0; (i < least || Clock::now() < end) && !course_.enough(); ++i)
      if (!round()) return false;
    return !course_.enough();
  }

  bool round() {
    ++round_;
    told_ = 0;
    ++unanswered_;
    begun_ = Clock::now();
    writer_[0].send({.op = Op::set, .path = path_, .data = value_}, 0);
    course_.run_until([this] { return told_ >= watchers_.size() || failed_; }, Clock::now() + patience);
    if (told_ < watchers_.size()) {
      measured_.errors += watchers_.size() - told_;
      return false;
    }
    measured_.latency.record(last_told_ - begun_);
    if (!persistent_)
      for (auto& session : watchers_) watch(*session);
    return wait_for_answers();
  }

  bool wait_for_answers() {
    return course_.run_until([this] { return unanswered_ == 0 || failed_; }, Clock::now() + patience) && !failed_;
  }

  Measured finish() {
    measured_.operations = measured_.latency.count();
    measured_.order_errors = order_errors_ + watchers_.order_errors() + writer_.order_errors();
    return std::move(measured_);
  }

  void happened(Session& session, const WatchEvent& event) override {
    ++events_;
    // One event of each change for each watch, and none that was not caused.
    if (session.number == writer_number || event.type != WatchEvent::Type::data_changed || event.path != path_ ||
        told_in_[session.number] == round_) {
      ++order_errors_;
      return;
    }
    told_in_[session.number] = round_;
    ++told_;
    last_told_ = task_.rig.loop.now();
    each_.record(last_told_ - begun_);
  }

  void answered(Session&, const Answer& answer) override {
    --unanswered_;
    if (answer.error == error::ok) return;
    ++measured_.errors;
    failed_ = true;
  }

  void disconnected(Session& session) override {
    session.abandon();
    ++measured_.lost_connections;
    failed_ = true;
  }

  const Task& task_;
  const std::string& path_;
  const std::string value_;
  const bool persistent_;
  Measured measured_;
  Histogram each_;
  std::uint64_t events_ = 0, round_ = 0, order_errors_ = 0;
  std::size_t told_ = 0, unanswered_ = 0;
  bool failed_ = false;
  Clock::time_point begun_, last_told_;
  Course course_;
  Fleet watchers_, writer_;
  std::vector<std::uint64_t> told_in_;  // by watcher: the round of its last event
};

}  // namespace

Measured run_fan_out(const Task& task) { return FanOut(task).run(); }

}  // namespace troupe::bench
