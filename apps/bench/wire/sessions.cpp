// sessions: many are opened, held together for the servers' memory to be read, and closed. So many at once as
// there are connections, the next when one is open; or at a fixed rate, each latency counted from when it should
// have begun.
//
// ephemerals: each connection opens a session, creates an ephemeral, and ends the session, over and over;
// an operation is one such life. In the end no ephemeral may be left.
#include "apps/bench/server_cpu.hpp"
#include "apps/bench/wire/bulk.hpp"
#include "apps/bench/wire/pacer.hpp"
#include "apps/bench/wire/workload.hpp"

namespace troupe::bench {
namespace {

constexpr std::chrono::seconds patience{60}, tick_interval{1};

class Storm final : public Listener {
 public:
  explicit Storm(const Task& task) : task_(task), course_(task, answers_), ticker_(task.rig.loop, [this] { tick(); }) {}

  Measured run() {
    const std::size_t count = task_.load.sessions;
    task_.observer.measuring();
    const std::uint64_t memory_before = memory_of(task_.servers).anonymous;
    const auto begun = Clock::now();
    std::optional<Pacer> pacer;
    if (task_.load.rate > 0) pacer.emplace(task_.load.rate, begun);
    Timer pace(task_.rig.loop, [&] {
      while (begun_.size() < count) {
        if (!pacer && begun_.size() - told_ >= task_.load.connections) return;
        const auto due = pacer ? pacer->take(task_.rig.loop.now()) : std::optional(task_.rig.loop.now());
        if (!due) return pace.set(pacer->next());
        open(*due);
      }
    });
    if (!pacer) on_told_ = [&] { pace.set(task_.rig.loop.now()); };
    pace.set(begun);
    tick();
    course_.run_until([&] { return told_ == count; }, begun + patience);
    on_told_ = nullptr;
    measured_.elapsed = Clock::now() - begun;
    measured_.operations = measured_.latency.count();
    measured_.errors += begun_.size() - answers_;
    const std::uint64_t memory = memory_of(task_.servers).anonymous;
    task_.observer.measured();
    measured_.figures = {{"sessions", static_cast<double>(answers_)}};
    if (pacer) measured_.figures.emplace_back("asked_per_second", task_.load.rate);
    if (!task_.servers.empty() && answers_ > 0)
      measured_.figures.emplace_back(
          "server_bytes_per_session",
          (static_cast<double>(memory) - static_cast<double>(memory_before)) / static_cast<double>(answers_));
    close_all();
    return std::move(measured_);
  }

 private:
  void open(Clock::time_point due) {
    begun_.push_back(due);
    is_told_.push_back(false);
    sessions_.push_back(
        task_.rig.driver.open(task_.rig.loop, task_.rig.nodes, sessions_.size(), SessionOptions{}, *this));
    sessions_.back()->number = sessions_.size() - 1;
  }

  void close_all() {
    const auto begun = Clock::now();
    std::size_t closing = 0;
    for (auto& session : sessions_)
      if (session->connected()) {
        session->close();
        ++closing;
      } else {
        session->abandon();
      }
    course_.run_until([&] { return ended() >= closing + refused_; }, Clock::now() + patience);
    measured_.figures.emplace_back("closed", static_cast<double>(closed_));
    measured_.figures.emplace_back(
        "closed_per_second",
        static_cast<double>(closed_) / std::chrono::duration<double>(Clock::now() - begun).count());
    measured_.errors += closing - std::min(closing, closed_);
  }

  std::size_t ended() const { return refused_ + closed_; }
  /// Whether it is open is known.
  void tell(const Session& session) {
    if (is_told_[session.number]) return;
    is_told_[session.number] = true;
    ++told_;
    if (on_told_) on_told_();
  }
  void tick() {
    for (auto& session : sessions_) session->tick();
    ticker_.set(task_.rig.loop.now() + tick_interval);
  }

  void connected(Session& session, bool) override {
    measured_.latency.record(task_.rig.loop.now() - begun_[session.number]);
    ++answers_;
    tell(session);
  }
  void answered(Session&, const Answer&) override {}
  void disconnected(Session& session) override {
    session.abandon();
    ++refused_;
    tell(session);
  }
  void closed(Session&) override { ++closed_; }

  const Task& task_;
  Measured measured_;
  std::uint64_t answers_ = 0;
  std::size_t refused_ = 0, closed_ = 0, told_ = 0;
  std::vector<Clock::time_point> begun_;
  std::vector<bool> is_told_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::function<void()> on_told_;
  Course course_;
  Timer ticker_;
};

class Churn final : public Listener {
 public:
  explicit Churn(const Task& task) : task_(task), course_(task, lives_) {}

  Measured run() {
    for (unsigned i = 0; i < task_.load.connections; ++i) to_begin_.push_back(i);
    sessions_.resize(task_.load.connections);
    live_for(task_.load.warm_up);
    measuring_ = true;
    task_.observer.measuring();
    const auto begun = Clock::now();
    live_for(task_.load.duration);
    ending_ = true;
    course_.run_until([this] { return to_begin_.size() == sessions_.size(); }, Clock::now() + patience);
    measured_.elapsed = Clock::now() - begun;
    task_.observer.measured();
    measured_.operations = measured_.latency.count();
    measured_.order_errors = order_errors_;
    for (auto& life : sessions_) life.session.reset();
    std::int32_t left = 0;
    one(task_.rig, {.op = Op::exists, .path = task_.tree.created()},
        [&](const Answer& answer) { left = answer.children_count; });
    measured_.figures = {{"ephemerals_left", left}};
    // Those of a lost session stay until it expires.
    if (measured_.lost_connections == 0) measured_.errors += static_cast<std::uint64_t>(left);
    return std::move(measured_);
  }

 private:
  struct Life {
    std::unique_ptr<Session> session;
    Clock::time_point begun;
  };

  void live_for(std::chrono::duration<double> time) {
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
    // Sessions cannot be replaced while the loop runs: it pauses for that.
    do {
      for (std::size_t place : std::exchange(to_begin_, {})) begin(place);
    } while (course_.run_until([this] { return !to_begin_.empty(); }, end));
  }

  void begin(std::size_t place) {
    Life& life = sessions_[place];
    if (life.session) order_errors_ += life.session->order_errors();
    life.begun = Clock::now();
    life.session = task_.rig.driver.open(task_.rig.loop, task_.rig.nodes, place, SessionOptions{}, *this);
    life.session->number = place;
  }

  void connected(Session& session, bool) override {
    path_ = task_.tree.created() + "/e" + std::to_string(created_++);
    session.send({.op = Op::create, .path = path_, .kind = ZnodeKind::ephemeral}, 0);
  }
  void answered(Session& session, const Answer& answer) override {
    if (answer.error != error::ok) ++measured_.errors;
    if (session.connected()) session.close();
  }
  void closed(Session& session) override {
    ++lives_;
    if (measuring_) measured_.latency.record(task_.rig.loop.now() - sessions_[session.number].begun);
    to_begin_.push_back(session.number);
  }
  void disconnected(Session& session) override {
    session.abandon();
    ++measured_.lost_connections;
    if (!ending_) to_begin_.push_back(session.number);
  }

  const Task& task_;
  Measured measured_;
  std::uint64_t lives_ = 0, created_ = 0, order_errors_ = 0;
  bool measuring_ = false, ending_ = false;
  std::string path_;
  std::vector<Life> sessions_;
  std::vector<std::size_t> to_begin_;
  Course course_;
};

}  // namespace

Measured run_session_storm(const Task& task) {
  raise_open_files();
  return Storm(task).run();
}

Measured run_ephemeral_churn(const Task& task) { return Churn(task).run(); }

}  // namespace troupe::bench
