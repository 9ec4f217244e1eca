// The sessions of a workload: opened together, spread over the nodes, kept alive, closed together.
//
// Owner: the event loop's thread. Sessions live as long as the fleet.
#pragma once

#include <memory>
#include <vector>

#include "apps/bench/wire/session.hpp"

namespace troupe::bench {

/// What workloads work with.
struct Rig {
  EventLoop& loop;
  Driver& driver;
  const std::vector<Endpoint>& nodes;
};

class Fleet {
 public:
  /// Session i begins at node i modulo their number, and tells `listener` from the first answer on.
  /// Throws std::runtime_error where a node gives no session.
  Fleet(Rig rig, std::size_t count, Listener& listener, const SessionOptions& options = {});
  /// Closes the sessions that are connected, waiting a few seconds at most.
  ~Fleet();

  std::size_t size() const { return sessions_.size(); }
  Session& operator[](std::size_t place) { return *sessions_[place]; }
  auto begin() { return sessions_.begin(); }
  auto end() { return sessions_.end(); }
  std::uint64_t order_errors() const;
  std::size_t under_way() const;

 private:
  void tick();

  Rig rig_;
  std::vector<std::unique_ptr<Session>> sessions_;
  Timer ticker_;
};

}  // namespace troupe::bench
