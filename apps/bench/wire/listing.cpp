// children: what one session that lists a large parent over and over, or at a fixed rate, does to the gets of the
// others.
#include "apps/bench/wire/pacer.hpp"
#include "apps/bench/wire/workload.hpp"

namespace troupe::bench {
namespace {

class Listing final : public Listener {
 public:
  explicit Listing(const Task& task)
      : task_(task),
        course_(task, answers_),
        readers_(task.rig, task.load.connections, *this),
        lister_(task.rig, 1, *this),
        pace_(task.rig.loop, [this] { list_next(); }) {
    lister_[0].number = lister_number;
  }

  Measured run() {
    for (auto& session : readers_)
      for (unsigned i = 0; i < task_.load.outstanding; ++i) get(*session);
    course_.run_for(task_.load.warm_up);
    // Half of the time without the lister, to have something to compare with.
    into_ = &quiet_;
    course_.run_for(task_.load.duration / 2);
    into_ = &measured_.latency;
    task_.observer.measuring();
    const auto begun = Clock::now();
    listing_ = true;
    if (task_.load.rate > 0) pacer_.emplace(task_.load.rate, begun);
    list_next();
    course_.run_for(task_.load.duration / 2, [this] { return measured_.lost_connections > 0; });
    // At least one listing, however long it takes.
    course_.run_until([this] { return listings_.count() > 0 || measured_.lost_connections > 0; },
                      Clock::now() + std::chrono::seconds(60));
    listing_ = false;
    pace_.cancel();
    task_.rig.loop.run_until([this] { return readers_.under_way() + lister_.under_way() == 0; });
    measured_.elapsed = Clock::now() - begun;
    task_.observer.measured();
    measured_.operations = measured_.latency.count();
    measured_.order_errors = readers_.order_errors() + lister_.order_errors();
    measured_.figures = {{"children", static_cast<double>(listed_)},
                         {"listings", static_cast<double>(listings_.count())},
                         {"listing_p50_ms", in_ms(listings_.percentile(50))},
                         {"listing_max_ms", in_ms(listings_.max())},
                         {"without_listing_p50_ms", in_ms(quiet_.percentile(50))},
                         {"without_listing_p99_ms", in_ms(quiet_.percentile(99))}};
    return std::move(measured_);
  }

 private:
  static constexpr std::size_t lister_number = static_cast<std::size_t>(-1);

  static std::uint64_t token(Clock::time_point begun) {
    return static_cast<std::uint64_t>(begun.time_since_epoch().count());
  }
  void get(Session& session) {
    const auto& keys = task_.tree.keys();
    session.send({.op = Op::get, .path = keys[next_key_++ % keys.size()]}, token(Clock::now()));
  }
  /// Once the one before is answered, and it is time.
  void list_next() {
    if (!listing_ || !lister_[0].connected() || lister_.under_way() > 0) return;
    const auto due = pacer_ ? pacer_->take(task_.rig.loop.now()) : task_.rig.loop.now();
    if (!due) return pace_.set(pacer_->next());
    lister_[0].send({.op = Op::children, .path = task_.tree.created()}, token(*due));
  }

  void answered(Session& session, const Answer& answer) override {
    const auto took = task_.rig.loop.now() - Clock::time_point(Clock::duration(static_cast<Clock::rep>(answer.token)));
    ++answers_;
    if (answer.error != error::ok) {
      ++measured_.errors;
    } else if (session.number == lister_number) {
      listings_.record(took);
      listed_ = answer.names.size();
      if (listed_ != task_.load.children) ++measured_.order_errors;
    } else if (into_) {
      into_->record(took);
    }
    if (!session.connected() || course_.enough()) return;
    if (session.number == lister_number) {
      list_next();
    } else if (listing_ || into_ != &measured_.latency) {
      get(session);
    }
  }

  void disconnected(Session& session) override {
    session.abandon();
    ++measured_.lost_connections;
  }

  const Task& task_;
  Measured measured_;
  Histogram quiet_, listings_;
  Histogram* into_ = nullptr;  // none during the warm-up
  std::uint64_t answers_ = 0;
  std::size_t next_key_ = 0, listed_ = 0;
  bool listing_ = false;
  Course course_;
  std::optional<Pacer> pacer_;
  Fleet readers_, lister_;
  Timer pace_;
};

}  // namespace

Measured run_listing(const Task& task) {
  task.tree.make_created("", task.load.children);
  return Listing(task).run();
}

}  // namespace troupe::bench
