// A closed loop of requests: each connection has a fixed number of requests outstanding, and sends the
// next when one is answered.
//
// Warm-up, then measuring: from that moment on every answer counts, until the last request is answered.
// So a stall at the end shows too, and the rate is answers by the time until the last of them.
//
// Straight at the doors for Cap'n Proto RPC: the client library, which repeats and reorders, would cost more than
// the node that it asks. The other protocols' generators, and other workloads, are in wire/.
//
// Threads: run() on the caller's; all connections share one, so nothing is shared while measuring but the phase,
// which is read, and the count of answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "apps/bench/histogram.hpp"
#include "apps/bench/workspace.hpp"

namespace troupe::bench {

enum class Workload {
  get,
  set,
  create,         ///< all under one parent
  create_spread,  ///< under a thousand parents
  mixed,          ///< gets and sets
  multi,          ///< sets that take effect together
  list,           ///< the names below a large parent
  children,       ///< gets, while another session lists a large parent
  watch,          ///< a change told to many one-shot watches
  watch_persistent,
  sessions,    ///< many opened
  ephemerals,  ///< a session, an ephemeral, and the session's end, over and over
  lock,        ///< handed from one session to the next
  failover,    ///< writes at a fixed rate while the leader is lost
};
const char* name_of(Workload workload);
/// All of them, in the order of the declaration.
const std::vector<Workload>& all_workloads();

/// What befalls the leader in a failover.
enum class Fault { none, kill, stop };

struct Load {
  Workload workload = Workload::set;
  unsigned connections = 1;
  unsigned outstanding = 1;  ///< on each connection
  std::size_t value_size = 100;
  std::chrono::duration<double> warm_up{2}, duration{10};
  // For the wire protocols alone.
  unsigned threads = 1;     ///< that share the connections of get, set, create, mixed, multi and list
  double rate = 0;          ///< requests a second of all connections together, of children the listings; 0: as fast as
                            ///< they are answered
  std::uint64_t count = 0;  ///< so many requests instead of `duration`, and no warm-up; 0: by time
  unsigned write_percent = 10;  ///< of mixed
  unsigned watchers = 1000;
  unsigned sessions = 10'000;
  unsigned children = 100'000;  ///< of the parent that is listed
  Fault fault = Fault::kill;
};

struct Measured {
  std::uint64_t operations = 0;  ///< answered without an error
  std::uint64_t errors = 0;
  std::uint64_t order_errors = 0;  ///< answers that were not those to be expected next
  unsigned lost_connections = 0;   ///< which gave up: broken, or their sessions were lost, or nothing answered
  std::chrono::duration<double> elapsed{0};
  Histogram latency;  ///< of the operations; at a fixed rate from when each should have begun
  /// What a workload has to tell beside that: names are those of the JSON's fields, units at their end.
  std::vector<std::pair<std::string, double>> figures;
  double ops_per_second() const { return static_cast<double>(operations) / elapsed.count(); }
};

/// What to do at the moments of a run, all on the caller's thread.
struct Observer {
  std::function<void()> measuring;  ///< the warm-up is over
  std::function<void()> measured;   ///< the last answer has come
  /// Several times a second; answers so far, warm-up included. Returns false to end early.
  std::function<bool(std::chrono::duration<double> since_start, std::uint64_t answers)> progress;
};

/// Runs `load`, get, set or create, over Cap'n Proto RPC; connection i goes to node i modulo the number of `nodes`.
/// Throws std::runtime_error when a node does not give a session.
Measured run(const std::vector<std::string>& nodes, const Workspace& workspace, const Load& load,
             const Observer& observer);

}  // namespace troupe::bench
