// What a request to reconfigure makes of the ensemble's configuration, with ZooKeeper's checks and
// errors, in its order. Pure.
#pragma once

#include "actors/configuration.hpp"
#include "schema/txn.capnp.h"
#include "store/error.hpp"

namespace troupe {

struct ReconfigPlan {
  Error error = Error::ok;
  std::string reason;   ///< with an error, for the log
  EnsembleConfig next;  ///< without a version
};

/// Either all members anew, or what joins and leaves. `standalone_enabled`: less than two voters are no
/// ensemble. That the new voters are there, and the client's permission, are checked behind this.
ReconfigPlan plan_reconfig(const Configuration& now, schema::Request::Reconfig::Reader request,
                           bool standalone_enabled);

}  // namespace troupe
