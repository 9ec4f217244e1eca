// A simulated node: a machine with a disk, and the process that runs on it or does not. The process
// is the real one (the same actors, the same store) on simulated threads, disk, network and clocks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "actors/gateway.hpp"
#include "actors/role_context.hpp"
#include "apps/sim/sim_host.hpp"
#include "apps/sim/sim_network.hpp"
#include "apps/sim/world.hpp"
#include "store/memory_disk.hpp"

namespace troupe::sim {

/// Who proves these is the super user of every simulated node.
inline constexpr std::string_view super_credentials = "super:secret";

struct SimNodeOptions {
  PeerId id;
  EnsembleConfig ensemble;  ///< as its file has it
  bool reconfig_enabled = true;
  bool standalone_enabled = true;
  bool local_sessions = false;                       ///< and they are upgraded
  Micros disk_shortest = 100, disk_longest = 3'000;  ///< of a flush
  double clock_rate = 1.0;                           ///< how fast this machine's clock runs
  std::int64_t clock_offset_ms = 0;                  ///< of its wall clock
  std::uint64_t checkpoint_txns = 40;
};

/// A member as its address is written in a simulated ensemble.
Member sim_member(PeerId id, bool observer);

class SimNode {
 public:
  /// What the node's applier published; called in the order of its batches.
  using AppliedHook = std::function<void(SimNode&, const Applied&)>;

  SimNode(caf::actor_system& system, World& world, Wire& wire, const SimNodeOptions& options, AppliedHook on_applied);
  ~SimNode();

  void start();
  void kill();                ///< the process ends at once; what it had not committed to the disk is gone
  void cut_power();           ///< likewise, and so is what was not flushed
  void fill_disk(bool full);  ///< from now on nothing can be written, or again
  bool running() const { return process_ != nullptr; }
  /// Counts the starts: what belongs to an earlier process must not touch a later one.
  std::uint64_t incarnation() const { return incarnation_; }

  /// From the next start on the file says so. A test's own business: that the node is in it.
  void set_file(const EnsembleConfig& ensemble) { options_.ensemble = ensemble; }
  const EnsembleConfig& file() const { return options_.ensemble; }

  PeerId id() const { return options_.id; }
  std::string name() const { return "node " + to_string(options_.id); }
  const NodeStatus& status() const { return status_; }
  const std::string& failure() const { return failure_; }  ///< why the process ended itself, if it did
  bool disk_full() const { return disk_full_; }
  bool out_of_space() const { return out_of_space_; }  ///< its disk was full when it ended itself

  // Of a running node.
  store::DataDir& data();
  Gateway& gateway();
  void slow_disk(Micros shortest, Micros longest);
  void slow_applier(Micros shortest, Micros longest);
  /// Somebody sets the machine's clock.
  void set_clock(std::int64_t offset_ms);
  /// Until then, or until it leads no more, this leader does not notice that time passes; it handles messages.
  /// A follower without ticks would not say which clients it hears of, while its gateway goes on: no node does that.
  void stop_clock(Micros until) { clock_stopped_until_ = until; }

 private:
  struct Process;

  void tick();
  /// Milliseconds that have passed on this machine.
  std::int64_t passed_ms() const;
  /// Since it was switched on, which is what a steady clock shows.
  std::int64_t steady_ms() const { return on_for_ms_ + passed_ms(); }
  std::int64_t wall_ms() const { return 1'700'000'000'000 + options_.clock_offset_ms + passed_ms(); }

  caf::actor_system& system_;
  World& world_;
  Wire& wire_;
  SimNodeOptions options_;
  AppliedHook on_applied_;
  store::MemoryMachine machine_;
  std::unique_ptr<Process> process_;
  std::uint64_t incarnation_ = 0;
  NodeStatus status_;
  bool dying_ = false;
  bool disk_full_ = false;
  bool out_of_space_ = false;
  Micros clock_stopped_until_ = 0;
  std::int64_t on_for_ms_ = 0;  // when the world began; before a power cut another number than after
  std::string failure_;
};

}  // namespace troupe::sim
