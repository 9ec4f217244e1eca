// Asks nodes how they are, over the same door that clients come by. Needs no session and no quorum.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/types.hpp"

namespace troupe {

/// schema/client.capnp, struct Status, says what the fields mean.
struct RemoteStatus {
  PeerId node;
  std::string role;
  PeerId leader;  ///< 0: none
  Epoch epoch;
  Zxid last_zxid;
  std::uint64_t znodes = 0, sessions = 0, ephemerals = 0, connections = 0, watches = 0;
  std::string version;
  std::vector<std::string> members;  ///< addresses of the ensemble's nodes, as far as this one knows them
};

struct StatusAnswer {
  std::string address;
  std::optional<RemoteStatus> status;
  std::string problem;  ///< where there is no status: why not
};

/// Asks all `addresses` ("host:port" each) at once; who has not answered after `patience` has not.
/// Runs an event loop of its own: not to be called on a thread that has one.
std::vector<StatusAnswer> query_status(const std::vector<std::string>& addresses, std::chrono::milliseconds patience);

/// As query_status, and asks the other nodes that the answers name, too.
std::vector<StatusAnswer> query_ensemble(const std::vector<std::string>& addresses, std::chrono::milliseconds patience);

/// The leader that a node follows or is; none if no answer knows one, and then there is no quorum.
std::optional<PeerId> leader_of(const std::vector<StatusAnswer>& answers);

}  // namespace troupe
