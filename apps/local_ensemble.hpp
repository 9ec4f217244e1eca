// An ensemble on loopback whose nodes are started, stopped, frozen and killed one by one, by its owner.
// `troupe up` is for people; this is for programs that measure nodes or mistreat them.
//
// Main thread alone: the nodes are its children, see child_process.hpp. They end with this object.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/child_process.hpp"
#include "apps/ensemble_dir.hpp"

namespace troupe {

/// The first of a range of ports on loopback that are free now, ten for each node. Processes that look
/// at the same time begin their search at different places. Throws std::runtime_error.
std::uint32_t free_base_port(std::uint32_t nodes);

class LocalEnsemble {
 public:
  /// Starts nothing. `program` is the troupe command's path. Throws ConfigError.
  LocalEnsemble(std::string program, const EnsembleOptions& options);

  std::size_t size() const { return nodes_.size(); }
  std::string address(std::size_t node) const;  ///< for clients: "127.0.0.1:2182"
  std::vector<std::string> addresses() const;
  /// For clients that speak ZooKeeper's protocol, all nodes: "127.0.0.1:2181,127.0.0.1:2191".
  std::string zk_connect() const;
  std::string connect() const;  ///< all addresses, for --connect
  const std::string& log_file(std::size_t node) const { return nodes_[node].files.log_file; }

  void start(std::size_t node);
  void start_all();
  /// Waits until all nodes that run have one leader; false if that takes longer than `limit`.
  bool wait_ready(std::chrono::milliseconds limit) const;

  pid_t process(std::size_t node) const { return nodes_[node].process.id(); }  ///< 0: it does not run
  bool running(std::size_t node) const { return nodes_[node].process.running(); }
  void signal(std::size_t node, int number) const { nodes_[node].process.signal(number); }
  /// SIGKILL; returns when the node is gone.
  void kill(std::size_t node) { nodes_[node].process = {}; }
  /// SIGTERM; returns how the node ended, as waitpid tells it, or nothing if it runs on after `limit`.
  std::optional<int> stop(std::size_t node, std::chrono::milliseconds limit);
  /// How a node ended that nobody has stopped, as ChildProcess::poll_exit().
  std::optional<int> poll_exit(std::size_t node) { return nodes_[node].process.poll_exit(); }

 private:
  struct Member {
    EnsembleNode files;
    ChildProcess process;
  };

  std::string program_;
  std::vector<Member> nodes_;
};

}  // namespace troupe
