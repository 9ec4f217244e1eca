#include "apps/sim/simulation.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "apps/sim/actor_system.hpp"
#include "apps/sim/history.hpp"
#include "apps/sim/invariants.hpp"
#include "apps/sim/message_rules.hpp"
#include "apps/sim/sim_client.hpp"
#include "apps/sim/sim_node.hpp"
#include "apps/sim/world.hpp"

namespace troupe::sim {
namespace {

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options), world_(options.seed), wire_(world_, 50, world_.between(100, 3'000)) {
    world_.on_trace = options.trace;
  }

  SimulationResult run() {
    SimulationResult result;
    try {
      set_up(result);
      play();
    } catch (const Violation& violation) {
      result.violation = violation.what();
    } catch (const store::StorageError& error) {
      result.violation = std::string("a node could not start: ") + error.what();
    }
    result.steps = world_.steps();
    result.transactions = history_.all().size();
    for (const auto& client : clients_) result.acknowledged += client->acknowledged();
    result.leaders = epochs_.size();
    result.faults = faults_;
    result.fingerprint = world_.fingerprint();
    return result;
  }

 private:
  void set_up(SimulationResult& result) {
    const auto voters = 3 + 2 * world_.between(0, 1) + (world_.chance(0.2) ? world_.between(0, 2) : 0);
    const auto observers = world_.chance(0.4) ? world_.between(1, 2) : 0;
    const bool changes = world_.chance(0.5);
    const auto spares = changes ? world_.between(1, 3) : 0;
    by_files_ = changes && world_.chance(0.3);
    const bool reconfig_enabled = changes ? !by_files_ : world_.chance(0.5);
    const auto members = voters + observers;
    EnsembleConfig founding;
    for (std::uint32_t id = 1; id <= members; ++id) founding.members[{id}] = sim_member({id}, id > voters);
    const bool weighed = world_.chance(0.2);
    if (weighed) weigh(founding);
    invariants_ = std::make_unique<Invariants>(history_, founding);
    rules_ = std::make_unique<MessageRules>(*invariants_);
    wire_.tap = [this](PeerId from, PeerId to, const zab::Message& message) {
      guarded([&] { rules_->check(from, to, message); });
      if (!calm_ && is_turning_point(message) && world_.chance(0.04)) aim_fault(from, to);
    };
    for (std::uint32_t id = 1; id <= members + spares; ++id) {
      SimNodeOptions node;
      node.id = {id};
      node.ensemble = founding;
      node.reconfig_enabled = reconfig_enabled;
      if (id > members) node.ensemble.members[{id}] = newcomer({id}, world_.chance(0.5), founding);
      node.disk_longest = world_.chance(0.2) ? 20'000 : world_.between(200, 5'000);
      node.clock_rate = 1.0 + 0.02 * (static_cast<double>(world_.between(-100, 100)) / 100.0);
      node.clock_offset_ms = any_clock_offset();
      node.checkpoint_txns = static_cast<std::uint64_t>(world_.between(20, 200));
      nodes_.push_back(std::make_unique<SimNode>(
          actor_system(), world_, wire_, node,
          [this](SimNode& at, const Applied& applied) { guarded([&] { invariants_->on_applied(at, applied); }); }));
    }
    // Now and then faults come so fast that elections overlap.
    longest_quiet_ = world_.chance(0.25) ? 150'000 : 1'200'000;
    const auto clients = world_.between(2, 6);
    for (int id = 1; id <= clients; ++id)
      clients_.push_back(std::make_unique<SimClient>(world_, nodes_, id, seen_by_any_));
    if (by_files_) plan_new_files();
    if (changes) {  // which are refused where the files do it
      for (auto& client : clients_) client->next_change = [this] { return next_change(); };
    }
    result.setup = std::to_string(voters) + " voters, " + std::to_string(observers) + " observers, " +
                   std::to_string(spares) + " spares, " + std::to_string(clients) + " clients" +
                   (weighed ? ", votes weighed" : "") +
                   (by_files_          ? ", changed by files"
                    : reconfig_enabled ? ""
                                       : ", reconfiguration off");
    world_.trace("world", result.setup);
    for (auto& node : nodes_) {
      world_.after(world_.between(0, 300'000), [this, &node] { start(*node); });
    }
    for (auto& client : clients_) {
      world_.after(world_.between(0, 1'000'000), [&client] { client->start(); });
    }
  }

  /// Gives the votes weights, some of them none, and perhaps puts the voters into groups.
  void weigh(EnsembleConfig& config) {
    const auto groups = world_.chance(0.5) ? world_.between(2, 3) : 0;
    for (auto& [id, member] : config.members) {
      if (member.observer) continue;
      member.weight = static_cast<std::uint32_t>(world_.chance(0.15) && id != PeerId{1} ? 0 : world_.between(1, 3));
      member.group = static_cast<std::uint32_t>(groups == 0 ? 0 : 1 + id.value % groups);
    }
  }

  /// A member that joins; where the others are in groups it gets into one of those.
  static Member newcomer(PeerId id, bool observer, const EnsembleConfig& config) {
    auto member = sim_member(id, observer);
    if (!observer)
      member.group = std::max_element(config.members.begin(), config.members.end(), [](const auto& a, const auto& b) {
                       return a.second.group < b.second.group;
                     })->second.group;
    return member;
  }

  /// Clocks are set by people. Some seconds only: what is cleaned up by the clock must be so before the end.
  std::int64_t any_clock_offset() { return world_.chance(0.3) ? 0 : world_.between(-15'000, 15'000); }

  void start(SimNode& node) {
    if (node.running()) return;
    if (node.disk_full()) {  // nobody starts it before there is room
      world_.after(100'000, [this, &node] { start(node); });
      return;
    }
    node.start();
    invariants_->on_started(node);
  }

  /// A violation inside an actor's handler must not be taken for the actor's own failure.
  template <class Check>
  void guarded(Check&& check) {
    try {
      check();
    } catch (const Violation& violation) {
      if (pending_violation_.empty()) pending_violation_ = violation.what();
    }
  }

  void step() {
    if (!world_.step()) throw Violation("nothing happens any more");
    if (!pending_violation_.empty()) throw Violation(pending_violation_);
    for (auto& node : nodes_) {
      if (!node->running()) {
        if (!node->failure().empty() && !node->out_of_space())
          throw Violation(node->name() + " stopped itself: " + node->failure());
        continue;
      }
      invariants_->check(*node);
      const auto& status = node->status();
      if (status.role == zab::PeerState::leading && status.serving) epochs_.insert(status.epoch);
    }
  }

  void play() {
    const Micros faults_end = options_.fault_seconds * 1'000'000;
    plan_fault();
    while (world_.now() < faults_end) step();
    calm_ = true;
    world_.trace("world", "the faults end");
    wire_.heal();
    for (auto& node : nodes_) {
      node->fill_disk(false);
      if (!node->running()) start(*node);
      node->slow_disk(100, 2'000);
      node->slow_applier(0, 500);
    }
    for (auto& client : clients_) client->wind_down();
    const Micros bound = world_.now() + options_.settle_seconds * 1'000'000;
    while (!settled()) {
      if (world_.now() > bound) throw Violation("no agreement long after the faults have ended: " + where());
      for (int i = 0; i < 50; ++i) step();
    }
    verify();
  }

  // --- changes of the ensemble ---

  /// Now and then all nodes get files with other members, one after the other, as each is started again.
  void plan_new_files() {
    world_.after(world_.between(500'000, 4'000'000), [this] {
      if (calm_) return;
      if (history_.configuration()) {
        auto wanted = history_.configuration()->current;
        for (auto steps = world_.between(1, 2); steps > 0; --steps) {
          const PeerId id = any_node().id();
          if (wanted.members.contains(id) && wanted.voters().size() > 2) {
            wanted.members.erase(id);
          } else {
            wanted.members[id] = newcomer(id, wanted.voters().size() > 2 && world_.chance(0.25), wanted);
          }
        }
        if (wanted.quorum()->contains_quorum(wanted.voters()))
          replace_files(wanted);  // else nobody's vote weighs anything
      }
      plan_new_files();
    });
  }

  void replace_files(const EnsembleConfig& wanted) {
    world_.trace("world", "the files name other members");
    for (auto& node : nodes_) {
      if (!wanted.members.contains(node->id())) continue;
      world_.after(world_.between(10'000, 2'000'000), [this, &node, wanted] {
        // Nodes without data that are a majority in their files make an ensemble of their own: nobody gives them any.
        if (calm_ || !node->running() || node->data().log().configuration().empty()) return;
        node->set_file(wanted);
        node->kill();
        world_.after(world_.between(1'000, 200'000), [this, &node] { start(*node); });
      });
    }
  }

  /// A node that is no member need not be let in: its file may be all that names it, or it has promised an epoch
  /// that is still to come.
  bool may_stay_out(const SimNode& node) const {
    const auto configuration = history_.configuration();
    if (!configuration || configuration->members().contains(node.id())) return false;
    return by_files_ || (!epochs_.empty() && invariants_->accepted_epoch(node.id()) > *epochs_.rbegin());
  }
  bool is_out(SimNode& node) const { return !node.status().serving && may_stay_out(node); }

  /// Something that might be asked for, sensible or not, given the last configuration that was delivered.
  std::optional<SimClient::Change> next_change() {
    if (calm_ || !history_.configuration()) return std::nullopt;
    auto wanted = history_.configuration()->current;
    SimClient::Change change;
    if (world_.chance(0.3)) change.version = static_cast<std::int64_t>(wanted.version.value);
    const bool all = world_.chance(0.2);
    for (auto steps = world_.between(1, all ? 4 : 2); steps > 0; --steps) {
      const PeerId id = any_node().id();
      const bool leads = nodes_[id.value - 1]->status().role == zab::PeerState::leading;
      if (wanted.members.contains(id) && (leads || world_.chance(0.6))) {
        wanted.members.erase(id);
        change.leaving += (change.leaving.empty() ? "" : ",") + to_string(id);
      } else {
        const auto member = newcomer(id, world_.chance(0.25), wanted);
        wanted.members[id] = member;
        change.joining += (change.joining.empty() ? "" : ",") + ("server." + to_string(id) + "=" + to_text(member));
      }
    }
    if (!all) return change;
    return SimClient::Change{.joining = {}, .leaving = {}, .members = to_text(wanted), .version = change.version};
  }

  // --- faults ---

  SimNode& any_node() {
    return *nodes_[static_cast<std::size_t>(world_.between(0, static_cast<std::int64_t>(nodes_.size()) - 1))];
  }

  SimClient& any_client() {
    return *clients_[static_cast<std::size_t>(world_.between(0, static_cast<std::int64_t>(clients_.size()) - 1))];
  }

  void plan_fault() {
    world_.after(world_.between(1'000, longest_quiet_), [this] {
      if (calm_) return;
      ++faults_;
      fault();
      plan_fault();
    });
  }

  void fault() {
    auto& node = any_node();
    const auto back = [this, &node] { world_.after(world_.between(1'000, 2'000'000), [this, &node] { start(node); }); };
    switch (world_.between(0, 11)) {
      case 0:
      case 1:
        if (!node.running()) return;
        node.kill();
        return back();
      case 2:
        if (!node.running()) return;
        world_.trace(node.name(), "loses its power");
        node.cut_power();
        return back();
      case 3:  // everything at once
        if (!world_.chance(0.3)) return;
        world_.trace("world", "the power fails");
        for (auto& each : nodes_) {
          if (each->running()) {
            each->cut_power();
          }
          world_.after(world_.between(1'000, 1'000'000), [this, &each] { start(*each); });
        }
        return;
      case 4: {  // one node cut off, in one direction or both
        world_.trace(node.name(), "is cut off");
        const auto way = world_.between(0, 2);
        for (auto& other : nodes_) {
          if (other->id() == node.id()) continue;
          if (way != 1) wire_.cut(node.id(), other->id());
          if (way != 2) wire_.cut(other->id(), node.id());
        }
        leave_in_the_past(node);
        return heal_later();
      }
      case 5: {  // a split
        world_.trace("world", "the network splits");
        std::set<PeerId> side;
        for (auto& each : nodes_) {
          if (world_.chance(0.5)) side.insert(each->id());
        }
        for (auto& a : nodes_) {
          for (auto& b : nodes_) {
            if (side.contains(a->id()) != side.contains(b->id())) wire_.cut(a->id(), b->id());
          }
        }
        return heal_later();
      }
      case 6: {
        auto& other = any_node();
        wire_.break_connections(node.id(), other.id());
        return;
      }
      case 7:
        if (!node.running()) return;
        world_.trace(node.name(), "lags");
        if (world_.chance(0.5)) {
          node.slow_disk(10'000, 200'000);
        } else {
          node.slow_applier(10'000, 200'000);
        }
        if (world_.chance(0.5)) any_client().move_to(node);  // what it has seen elsewhere is not here yet
        world_.after(world_.between(100'000, 2'000'000), [&node, incarnation = node.incarnation()] {
          if (!node.running() || node.incarnation() != incarnation) return;
          node.slow_disk(100, 3'000);
          node.slow_applier(0, 500);
        });
        return;
      case 8:
        if (!world_.chance(0.5)) return;
        node.fill_disk(true);
        world_.after(world_.between(10'000, 1'000'000), [this, &node] {
          node.fill_disk(false);
          start(node);
        });
        return;
      case 9:
        node.set_clock(any_clock_offset());
        return;
      default:
        any_client().lose_connection();
        return;
    }
  }

  /// Messages after which nodes do something that must not be done by halves.
  static bool is_turning_point(const zab::Message& message) {
    return std::holds_alternative<zab::LeaderInfo>(message) || std::holds_alternative<zab::AckEpoch>(message) ||
           std::holds_alternative<zab::Trunc>(message) || std::holds_alternative<zab::SnapBegin>(message) ||
           std::holds_alternative<zab::SnapEnd>(message) || std::holds_alternative<zab::NewLeader>(message) ||
           std::holds_alternative<zab::AckNewLeader>(message) || std::holds_alternative<zab::UpToDate>(message);
  }

  /// A fault at a turning point, at once or very soon, of one of the two that it is about.
  void aim_fault(PeerId from, PeerId to) {
    const auto victim = world_.chance(0.5) ? from : to;
    world_.after(world_.between(0, 6'000), [this, victim, from, to] {
      if (calm_) return;
      ++faults_;
      auto& node = *nodes_[victim.value - 1];
      const auto kind = world_.between(0, 3);
      if (kind == 0) {
        wire_.break_connections(from, to);
      } else if (kind == 1) {
        wire_.cut(from, to);
        wire_.cut(to, from);
        heal_later();
      } else if (node.running()) {
        kind == 2 ? node.kill() : node.cut_power();
        world_.after(world_.between(1'000, 500'000), [this, &node] { start(node); });
      }
    });
  }

  /// A leader that is cut off does not notice in time that others go on without it. Clients ask it.
  void leave_in_the_past(SimNode& node) {
    if (!node.running() || node.status().role != zab::PeerState::leading || !world_.chance(0.7)) return;
    world_.trace(node.name(), "does not notice that time passes");
    node.stop_clock(world_.now() + world_.between(500'000, 3'000'000));
    any_client().move_to(node);
    any_client().move_to(node);
  }

  void heal_later() {
    world_.after(world_.between(10'000, 3'000'000), [this] { wire_.heal(); });
  }

  // --- the end ---

  bool settled() const {
    for (const auto& client : clients_) {
      if (!client->idle()) return false;
    }
    for (const auto& node : nodes_) {
      if (!node->running()) return false;
      if (is_out(*node)) continue;
      if (!node->status().serving) return false;
      if (node->data().tree().applied() != history_.last()) return false;
    }
    return history_.passing().empty();
  }

  std::string where() const {
    std::string text;
    for (const auto& node : nodes_) {
      text += node->name() + " " + (node->status().serving ? "serves" : "does not serve") + " at " +
              to_string(node->data().tree().applied()) + "; ";
    }
    for (const auto& client : clients_) {
      if (!client->idle()) text += client->name() + " waits; ";
    }
    for (const auto& path : history_.passing()) text += path + " should have been cleaned up; ";
    return text + "the history ends at " + to_string(history_.last());
  }

  void verify() {
    if (const auto orphans = history_.orphans(); !orphans.empty()) {
      throw Violation("an ephemeral outlived its session: " + orphans.front());
    }
    SimClient::verify_writes(clients_, history_);
    for (const auto& client : clients_) client->verify_reads(history_);
    for (const auto& node : nodes_) {
      if (is_out(*node)) continue;
      const auto view = node->data().tree().view();
      std::string problem;
      std::size_t count = 4;  // the znodes that are always there
      history_.each_now([&](const std::string& path, const std::string& data) {
        ++count;
        const auto found = view->get(path);
        if (!found || found->data != data) problem = node->name() + " has lost or changed " + path;
      });
      if (!problem.empty()) throw Violation(problem);
      if (view->node_count() != count)
        throw Violation(node->name() + " has znodes that nobody created, or not any more");
      if (view->session_count() != history_.open_sessions())
        throw Violation(node->name() + " has other sessions than were opened and not closed");
    }
  }

  SimulationOptions options_;
  World world_;
  Wire wire_;
  History history_;
  std::unique_ptr<Invariants> invariants_;
  std::unique_ptr<MessageRules> rules_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  Zxid seen_by_any_;
  std::set<Epoch> epochs_;
  std::uint64_t faults_ = 0;
  Micros longest_quiet_ = 0;  // between faults
  bool calm_ = false;
  bool by_files_ = false;  // the ensemble is changed by its files, not by its clients
  std::string pending_violation_;
};

}  // namespace

SimulationResult simulate(const SimulationOptions& options) { return Simulation(options).run(); }

}  // namespace troupe::sim
