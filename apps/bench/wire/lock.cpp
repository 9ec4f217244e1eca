// lock: the classic recipe. Each session creates an ephemeral sequential znode; the lowest holds the lock,
// each other watches the one before it. A holder looks once whether its znode is there, lets go and queues
// again; an operation is one handover, and its latency is the time from the letting go to the next one's
// knowing.
//
// Checked: never two holders, and they hold in the order of their znodes.
#include <algorithm>

#include "apps/bench/wire/workload.hpp"

namespace troupe::bench {
namespace {

constexpr std::chrono::seconds patience{30};

class Lock final : public Listener {
 public:
  explicit Lock(const Task& task)
      : task_(task),
        parent_(task.tree.created()),
        course_(task, handovers_),
        contenders_(task.load.connections),
        fleet_(task.rig, task.load.connections, *this) {}

  Measured run() {
    for (auto& session : fleet_) queue(*session);
    const auto failed = [this] { return measured_.lost_connections > 0; };
    course_.run_for(task_.load.warm_up, failed);
    measuring_ = true;
    task_.observer.measuring();
    const auto begun = Clock::now();
    course_.run_for(task_.load.duration, failed);
    // At least one, however long it takes.
    course_.run_until([&] { return measured_.latency.count() > 0 || failed(); }, Clock::now() + patience);
    ending_ = true;
    measuring_ = false;
    measured_.elapsed = Clock::now() - begun;
    task_.observer.measured();
    // Whoever is in the queue still gets the lock and lets it go: nothing is left behind.
    if (!task_.rig.loop.run_until([this] { return queued_ == 0 || measured_.lost_connections > 0; },
                                  Clock::now() + patience))
      ++measured_.errors;
    measured_.operations = measured_.latency.count();
    measured_.order_errors = order_errors_ + fleet_.order_errors();
    return std::move(measured_);
  }

 private:
  enum Token : std::uint64_t { created, listed, watched, held, removed };
  struct Contender {
    std::string name;  // of its znode, without the parent
  };

  void queue(Session& session) {
    ++queued_;
    session.send({.op = Op::create, .path = parent_ + "/lock-", .kind = ZnodeKind::ephemeral_sequential}, created);
  }
  void list(Session& session) { session.send({.op = Op::children, .path = parent_}, listed); }

  void answered(Session& session, const Answer& answer) override {
    const bool gone = answer.token == watched && answer.error == error::no_node;
    if (answer.error != error::ok && !gone) {
      ++measured_.errors;
      return;
    }
    Contender& contender = contenders_[session.number];
    switch (answer.token) {
      case created:
        contender.name = answer.data.substr(answer.data.rfind('/') + 1);
        return list(session);
      case listed:
        return look_at(session, contender, answer.names);
      case watched:
        if (gone) list(session);  // between the listing and the watch
        return;
      case held:
        return let_go(session, contender);
      case removed:
        --queued_;
        if (!ending_) queue(session);
    }
  }

  void look_at(Session& session, Contender& contender, std::span<const std::string_view> names) {
    // Names are of one length: the order of the numbers is that of the text.
    std::string_view before;
    for (std::string_view name : names)
      if (name < contender.name && name > before) before = name;
    if (before.empty()) return hold(session, contender);
    session.send({.op = Op::exists, .path = parent_ + "/" + std::string(before), .watch = true}, watched);
  }

  void hold(Session& session, const Contender& contender) {
    ++handovers_;
    if (held_) ++order_errors_;
    if (contender.name <= last_holder_) ++order_errors_;
    last_holder_ = contender.name;
    held_ = true;
    // Of the first there is nobody to take over from.
    if (measuring_ && let_go_ != Clock::time_point()) measured_.latency.record(task_.rig.loop.now() - let_go_);
    session.send({.op = Op::exists, .path = parent_ + "/" + contender.name}, held);
  }

  void let_go(Session& session, const Contender& contender) {
    held_ = false;
    let_go_ = task_.rig.loop.now();
    session.send({.op = Op::remove, .path = parent_ + "/" + contender.name}, removed);
  }

  void happened(Session& session, const WatchEvent& event) override {
    if (event.type == WatchEvent::Type::deleted) list(session);
  }
  void disconnected(Session& session) override {
    session.abandon();
    ++measured_.lost_connections;
  }

  const Task& task_;
  const std::string parent_;
  Measured measured_;
  std::uint64_t handovers_ = 0, order_errors_ = 0;
  std::size_t queued_ = 0;
  bool measuring_ = false, ending_ = false, held_ = false;
  std::string last_holder_;
  Clock::time_point let_go_;
  Course course_;
  std::vector<Contender> contenders_;
  Fleet fleet_;
};

}  // namespace

Measured run_lock(const Task& task) { return Lock(task).run(); }

}  // namespace troupe::bench
