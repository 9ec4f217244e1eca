// What the roles of one node have in common: its options, its other actors, its sources of time and
// chance. Made by the wiring (node.hpp; the simulation has its own), outlives the roles.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/acl.hpp"
#include "actors/cleanup.hpp"
#include "actors/configuration.hpp"
#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "actors/network.hpp"
#include "store/data_dir.hpp"

namespace troupe {

struct RoleOptions {
  PeerId self;
  std::shared_ptr<const Configuration> configuration;  ///< the file's: in force while the log tells none
  bool reconfig_enabled = false;
  bool standalone_enabled = true;           ///< a node alone cannot be reconfigured
  std::int64_t heartbeat_ms = 100;          ///< between signs of life on a learner's connection
  std::int64_t failure_timeout_ms = 1'000;  ///< silence after which a node is given up
  std::int64_t init_timeout_ms = 20'000;    ///< until a learner must have synchronised
  std::int64_t session_interval_ms = 500;   ///< granularity of session expiry
  CleanupOptions cleanup;                   ///< of containers and TTL znodes
  bool enforce_quota = false;
  acl::Schemes acl_schemes;
};

struct RoleContext {
  RoleOptions options;
  Host* host = nullptr;  ///< the peer host: elector, peer, leader, learner, senders, session tracker
  Network* network = nullptr;
  store::DataDir* data = nullptr;  ///< the roles read the log; they change nothing
  LogWriterActor log_writer;
  ApplierActor applier;
  std::vector<GatewayActor> gateways;                    ///< by their number
  std::function<std::int64_t()> wall_clock;              ///< milliseconds since 1970
  std::function<std::string(std::size_t)> random_bytes;  ///< unguessable
};

/// A number for Subscribe, unique in this process. Any thread.
inline std::uint64_t new_subscription() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace troupe
