// Everything that a node is told at its start. apps/config reads it from TOML or from a zoo.cfg.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "actors/ensemble_config.hpp"
#include "actors/zk/tls.hpp"
#include "schema/types.hpp"

namespace troupe {

/// By the machine: one loop for each four processors, up to four.
inline std::uint32_t usual_gateways() {
  const auto processors = std::thread::hardware_concurrency();
  return processors <= 2 ? 0 : std::clamp(processors / 4, 1u, 4u);
}

struct NodeConfig {
  PeerId id;
  /// The ensemble, this node included, until the node's own log knows it. One member is standalone mode.
  std::map<PeerId, Member> members;
  bool reconfig_enabled = false;    ///< clients may change the ensemble, and nodes that are no members may come
  bool standalone_enabled = true;   ///< a node alone is no ensemble: it meets nobody, and the last two voters stay
  bool force_new_ensemble = false;  ///< of the command line: see new_ensemble.hpp
  std::string data_dir;

  std::string peer_address = "0.0.0.0";    ///< where to listen for the peers
  std::string client_address = "0.0.0.0";  ///< where to listen for clients
  std::uint16_t rpc_port = 2182;           ///< Cap'n Proto RPC; 0 chooses a free one
  std::uint16_t zk_port = 2181;  ///< ZooKeeper's wire protocol; 0: it is not spoken. In TOML by default rpc_port - 1
  std::string rpc_address;       ///< where rpc_port listens; empty: client_address
  std::uint16_t zk_secure_port = 0;        ///< ZooKeeper's wire protocol over TLS; 0: it is not spoken
  std::string secure_address;              ///< where zk_secure_port listens; empty: client_address
  zk::TlsConfig tls;                       ///< of zk_secure_port
  std::string super_subject;               ///< of the certificate that makes its owner the super user; empty: none
  std::uint32_t max_client_cnxns = 60;     ///< connections to zk_port from one address; 0: no limit
  std::uint32_t max_cnxns = 0;             ///< and from all; 0: no limit
  std::uint32_t jute_maxbuffer = 0xfffff;  ///< bytes of a request to zk_port, at most
  std::vector<std::string> four_letter_words = {"srvr"};  ///< that zk_port answers; "*": all

  std::uint32_t tick_ms = 2000;              ///< ZooKeeper's tickTime: the unit of the limits and session timeouts
  std::uint32_t init_limit = 10;             ///< ticks in which a learner must connect and synchronise
  std::uint32_t sync_limit = 5;              ///< ticks that a learner may lag behind before it is given up
  std::uint32_t heartbeat_ms = 100;          ///< between signs of life of leader and learners
  std::uint32_t failure_timeout_ms = 1'000;  ///< silence after which a node of the ensemble is given up
  std::uint32_t min_session_timeout_ms = 0;  ///< 0: two ticks
  std::uint32_t max_session_timeout_ms = 0;  ///< 0: twenty ticks

  std::uint32_t container_check_ms = 60'000;        ///< between clean-ups of containers and TTL znodes
  std::uint32_t container_max_per_minute = 10'000;  ///< deletions by them
  std::uint32_t container_never_used_ms = 0;        ///< after so long a container without children ever goes; 0: never
  bool enforce_quota = false;                       ///< hard quotas refuse, soft ones warn; otherwise they only count
  bool acl_x509 = false, acl_sasl = false;          ///< access control lists may name identities of these schemes
  std::string jaas_file;                            ///< with the users that log in by SASL; empty: none
  std::map<std::string, std::string> sasl_users;    ///< what stands there: passwords by name
  bool read_only_mode = false;            ///< without a quorum, zk_port answers reads of clients that ask for it
  bool local_sessions = false;            ///< sessions of zk_port are known to this node alone …
  bool local_sessions_upgrading = false;  ///< … until they create an ephemeral, which otherwise is refused
  std::string super_digest;               ///< "super:base64(sha1(super:password))" of the super user; empty: none

  std::uint64_t checkpoint_txns = 100'000;    ///< between checkpoints, at least; of a large tree more
  std::uint64_t log_map_size = 1ull << 36;    ///< upper bound of the log's file, bytes
  std::uint64_t state_map_size = 1ull << 40;  ///< upper bound of the state's file, bytes
  /// Event loops for clients, beside that for the other nodes and the thread of the tree. 0: all three are one, which
  /// takes the fewest wake-ups for a request, and no more than one processor for all requests.
  std::uint32_t gateways = usual_gateways();
  /// The process asks for no processor that another one uses, and takes one that is idle at once (Linux: SCHED_BATCH).
  /// Under its clients' load more has come by the time that it runs, and is done in one turn. For hosts where nothing
  /// but clients uses the processors: whatever else does keeps the node waiting, milliseconds at a time.
  bool batch_scheduling = false;
  /// How long an event loop looks on for more when it has run out of work, in microseconds, before it sleeps; it does
  /// where requests follow each other closely and the processor has nothing else to do. 0: it sleeps at once.
  std::uint32_t idle_poll_us = 100;
  std::string log_level = "info";
};

}  // namespace troupe
