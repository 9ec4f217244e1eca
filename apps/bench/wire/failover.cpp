// failover: creates at a fixed rate over sessions at all nodes, while the leader is killed or frozen.
//
// Told: the longest time in which nobody's write was acknowledged, the latencies counted from when each
// write should have begun, and whether every acknowledged write is there in the end. A write whose
// connection was lost before its answer may or may not be there; it is not repeated.
#include <signal.h>

#include <algorithm>
#include <stdexcept>
#include <unordered_set>

#include "apps/bench/wire/bulk.hpp"
#include "apps/bench/wire/fifo.hpp"
#include "apps/bench/wire/pacer.hpp"
#include "apps/bench/wire/workload.hpp"

namespace troupe::bench {
namespace {

// What is measured is how soon the ensemble serves again, not how patient its clients are.
constexpr std::chrono::milliseconds session_timeout{6000}, handshake_patience{500};
constexpr std::chrono::seconds recovery_patience{60};
constexpr double default_rate = 1000;

/// The place of the node that says of itself that it leads; by ZooKeeper's command srvr.
std::size_t find_leader(const std::vector<Endpoint>& nodes) {
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    const std::string answer = ask(nodes[node], "srvr", 3);
    if (answer.find("Mode: leader") != std::string::npos || answer.find("Mode: standalone") != std::string::npos)
      return node;
  }
  throw std::runtime_error("no node says that it leads (srvr)");
}

class Failover final : public Listener {
 public:
  explicit Failover(const Task& task)
      : task_(task),
        value_(task.load.value_size, 'w'),
        writers_(task.load.connections),
        course_(task, answers_),
        pace_(task.rig.loop, [this] { write_due(); }),
        fleet_(task.rig, task.load.connections, *this,
               {.timeout = session_timeout, .reconnect = true, .handshake_patience = handshake_patience}) {}

  Measured run(pid_t leader) {
    pacer_.emplace(task_.load.rate > 0 ? task_.load.rate : default_rate, Clock::now());
    write_due();
    course_.run_for(task_.load.warm_up);
    task_.observer.measuring();
    const auto begun = Clock::now();
    measuring_ = true;
    // A third of the time undisturbed, to show that it is the fault that shows.
    course_.run_for(task_.load.duration / 3);
    const double gap_before = in_ms(std::exchange(longest_gap_, {}));
    disturb(leader);
    course_.run_for(task_.load.duration * 2 / 3);
    // The load goes on until every session has an answer again: some notice late that their node is frozen.
    course_.run_until([this] { return recovered(); }, Clock::now() + recovery_patience);
    pace_.cancel();
    longest_gap_ = std::max<Clock::duration>(longest_gap_, Clock::now() - last_acknowledged_);
    writing_ = false;
    course_.run_until([this] { return waiting_ == 0 && fleet_.under_way() == 0; }, Clock::now() + recovery_patience);
    measured_.elapsed = Clock::now() - begun;
    task_.observer.measured();
    if (task_.load.fault == Fault::stop) kill(leader, SIGCONT);
    measured_.operations = measured_.latency.count();
    measured_.errors += waiting_;
    measured_.order_errors = fleet_.order_errors();
    measured_.figures = {{"rate", task_.load.rate > 0 ? task_.load.rate : default_rate},
                         {"longest_gap_ms", in_ms(longest_gap_)},
                         {"longest_gap_before_ms", gap_before},
                         {"unanswered", static_cast<double>(unanswered_)},
                         {"reconnections", static_cast<double>(reconnections_)},
                         {"sessions_lost", static_cast<double>(sessions_lost_)}};
    return std::move(measured_);
  }

  /// By session, the numbers of its acknowledged writes.
  std::vector<std::vector<std::uint64_t>> acknowledged() {
    std::vector<std::vector<std::uint64_t>> all;
    for (Writer& writer : writers_) all.push_back(std::move(writer.acknowledged));
    return all;
  }

 private:
  struct Write {
    std::uint64_t number;
    Clock::time_point due;
  };
  struct Writer {
    Fifo<Write> waiting, under_way;  // answers come in the order of the requests
    std::vector<std::uint64_t> acknowledged;
    bool since_fault = false;  // whether one was acknowledged since
  };

  bool recovered() const {
    return std::ranges::all_of(writers_, [](const Writer& writer) { return writer.since_fault; });
  }

  void disturb(pid_t leader) {
    for (Writer& writer : writers_) writer.since_fault = false;
    if (task_.load.fault != Fault::none) kill(leader, task_.load.fault == Fault::kill ? SIGKILL : SIGSTOP);
  }

  void write_due() {
    while (const auto due = pacer_->take(task_.rig.loop.now())) {
      const std::uint64_t number = pacer_->taken() - 1;
      Session& session = fleet_[number % fleet_.size()];
      writers_[session.number].waiting.push({number, *due});
      ++waiting_;
      send_waiting(session);
    }
    pace_.set(pacer_->next());
  }

  void send_waiting(Session& session) {
    Writer& writer = writers_[session.number];
    while (session.connected() && !writer.waiting.empty()) {
      const Write write = writer.waiting.pop();
      --waiting_;
      path_ = task_.tree.created() + "/c" + std::to_string(session.number) + "/" + std::to_string(write.number);
      writer.under_way.push(write);
      session.send({.op = Op::create, .path = path_, .data = value_}, write.number);
    }
  }

  void connected(Session& session, bool renewed) override {
    ++reconnections_;
    sessions_lost_ += renewed;
    send_waiting(session);
  }

  void answered(Session& session, const Answer& answer) override {
    ++answers_;
    Writer& writer = writers_[session.number];
    const Write write = writer.under_way.pop();
    if (answer.error == error::connection_loss) {
      ++unanswered_;
      return;
    }
    if (answer.error != error::ok) {
      ++measured_.errors;
      return;
    }
    const auto now = task_.rig.loop.now();
    writer.acknowledged.push_back(answer.token);
    writer.since_fault = true;
    if (measuring_) {
      measured_.latency.record(now - write.due);
      if (writing_ && last_acknowledged_ != Clock::time_point())
        longest_gap_ = std::max(longest_gap_, now - last_acknowledged_);
    }
    last_acknowledged_ = now;
  }

  const Task& task_;
  const std::string value_;
  Measured measured_;
  std::uint64_t answers_ = 0, unanswered_ = 0, reconnections_ = 0, sessions_lost_ = 0;
  std::size_t waiting_ = 0;
  bool measuring_ = false, writing_ = true;
  std::string path_;
  Clock::time_point last_acknowledged_;
  Clock::duration longest_gap_{0};
  std::vector<Writer> writers_;
  std::optional<Pacer> pacer_;
  Course course_;
  Timer pace_;
  Fleet fleet_;
};

/// The nodes that give a session for certain: one that was frozen ends its sessions when it wakes and finds that it
/// leads no more.
std::vector<Endpoint> survivors(const Task& task, std::size_t leader) {
  std::vector<Endpoint> nodes = task.rig.nodes;
  if (task.load.fault != Fault::none && nodes.size() > 1)
    nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(leader));
  return nodes;
}

void verify(const Task& task, Rig rig, const std::vector<std::vector<std::uint64_t>>& acknowledged,
            Measured& measured) {
  std::uint64_t verified = 0, missing = 0;
  for (std::size_t i = 0; i < acknowledged.size(); ++i) {
    const std::string parent = task.tree.created() + "/c" + std::to_string(i);
    // A write of this session is ordered behind all that was acknowledged, so its reads show them all.
    std::unordered_set<std::string> found;
    std::size_t step = 0;
    const std::string barrier = parent + "/verified";
    bulk(
        rig,
        [&](Request& request) {
          if (step == 0) request = {.op = Op::create, .path = barrier};
          if (step == 1) request = {.op = Op::children, .path = parent};
          return step++ < 2;
        },
        {},
        [&](const Answer& answer) {
          for (std::string_view name : answer.names) found.emplace(name);
        });
    for (std::uint64_t number : acknowledged[i]) found.contains(std::to_string(number)) ? ++verified : ++missing;
  }
  measured.figures.emplace_back("verified", static_cast<double>(verified));
  measured.figures.emplace_back("missing", static_cast<double>(missing));
  measured.errors += missing;
}

}  // namespace

Measured run_failover(const Task& task) {
  std::size_t leader = 0;
  pid_t process = 0;
  if (task.load.fault != Fault::none) {
    if (task.servers.empty()) throw std::runtime_error("the nodes' processes are not on this machine");
    leader = find_leader(task.rig.nodes);
    process = task.servers[leader];
  }
  task.tree.make_created("c", task.load.connections);
  std::vector<std::vector<std::uint64_t>> acknowledged;
  Measured measured = [&] {
    Failover failover(task);
    Measured result = failover.run(process);
    acknowledged = failover.acknowledged();
    return result;
  }();
  const std::vector<Endpoint> nodes = survivors(task, leader);
  verify(task, {task.rig.loop, task.rig.driver, nodes}, acknowledged, measured);
  return measured;
}

}  // namespace troupe::bench
