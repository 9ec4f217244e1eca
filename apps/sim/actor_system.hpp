// CAF needs an actor system with threads of its own. A simulation never uses them, so one serves all.
#pragma once

#include <caf/all.hpp>

namespace troupe::sim {

caf::actor_system& actor_system();

}  // namespace troupe::sim
