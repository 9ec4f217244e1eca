// Stands for one thread of one simulated process. An actor that has messages runs after a delay of
// the world's choosing, so that the actors of a node interleave in every way that threads could. A
// host of a killed process runs nothing any more.
#pragma once

#include <deque>
#include <functional>

#include "actors/host.hpp"
#include "apps/sim/world.hpp"

namespace troupe::sim {

class SimHost : public Host {
 public:
  /// Delays are between `shortest` and `longest` microseconds; `enter` runs before the actor does.
  SimHost(caf::actor_system& system, World& world, Micros shortest, Micros longest, std::function<void()> enter);
  ~SimHost() override;

  void exec_later(caf::resumable* actor) override;
  /// Runs all that is queued now, without the world: for the end of a process.
  void drain();
  void set_delays(Micros shortest, Micros longest);

 private:
  struct State;
  std::shared_ptr<State> state_;  // events that are still to come find it, whether the host lives or not
};

}  // namespace troupe::sim
