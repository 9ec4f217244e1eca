#include "apps/sim/actor_system.hpp"

namespace troupe::sim {

caf::actor_system& actor_system() {
  struct Config : caf::actor_system_config {
    Config() { set("scheduler.max-threads", 1u); }
  };
  static auto& config = *new Config;  // never destroyed: CAF's own statics may be gone by then
  static auto& system = *new caf::actor_system{config};
  return system;
}

}  // namespace troupe::sim
