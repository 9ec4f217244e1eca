// An ensemble of real nodes for scenarios: the test starts, freezes and kills them one by one, asks how they
// are, and reads what they say. Whatever it waits for has a deadline, and fails the test with the nodes' logs.
//
// Nodes are numbered from 1, as in their configurations; observers come after the voters. Single thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/node_config.hpp"
#include "apps/local_ensemble.hpp"
#include "apps/node_status.hpp"
#include "tests/temp_dir.hpp"

namespace troupe::test {

struct NodesOptions {
  std::uint32_t voters = 3;
  std::uint32_t observers = 0;
  std::function<void(NodeConfig&)> configure = [](NodeConfig&) {};
};

class Nodes {
 public:
  /// Starts none.
  explicit Nodes(NodesOptions options);

  std::uint32_t size() const { return static_cast<std::uint32_t>(ensemble_.size()); }
  std::string address(std::uint32_t id) const { return ensemble_.address(id - 1); }
  std::string connect() const { return ensemble_.connect(); }
  pid_t process(std::uint32_t id) const { return ensemble_.process(id - 1); }
  std::vector<std::uint32_t> others(std::uint32_t id) const;  ///< all but this one

  void start(std::uint32_t id) { ensemble_.start(id - 1); }
  void start_all();
  void kill(std::uint32_t id);
  /// Returns when none of its threads runs any more.
  void freeze(std::uint32_t id);
  void thaw(std::uint32_t id);

  bool looking(std::uint32_t id) const;
  bool leads(std::uint32_t id) const;
  bool follows(std::uint32_t id, std::uint32_t leader) const;  ///< or observes
  Epoch epoch(std::uint32_t id) const;
  /// Waits until it follows this leader, is up to date and serves clients.
  void wait_until_serves(std::uint32_t id, std::uint32_t leader);
  /// Waits until all nodes that run have one leader; returns it.
  std::uint32_t settle();
  void wait_until(const std::string& what, const std::function<bool()>& so);

  /// Whether the node's log holds these bytes, on its disk.
  bool logged(std::uint32_t id, const std::string& bytes) const;
  /// What the node has said, from the start of its last `from` bytes on.
  std::string said(std::uint32_t id, std::size_t from = 0) const;
  std::size_t said_so_far(std::uint32_t id) const { return said(id).size(); }

  /// A znode's data as the node has it, after all that was acknowledged; none if it is not there.
  std::optional<std::string> value(std::uint32_t id, const std::string& path) const;
  /// The same of all nodes that run, which must agree.
  std::optional<std::string> value(const std::string& path) const;
  /// The names of a znode's children, at a node.
  std::set<std::string> children(std::uint32_t id, const std::string& path) const;

 private:
  bool works(std::uint32_t id) const { return ensemble_.running(id - 1) && !frozen_.contains(id); }
  std::optional<RemoteStatus> status(std::uint32_t id) const;
  std::string story() const;
  void check_alive();

  TempDir directory_;
  LocalEnsemble ensemble_;
  std::set<std::uint32_t> frozen_;
};

}  // namespace troupe::test
