// A node: the store, the actors of all roles, and the threads that they run on.
//
//   peer loop      KjHost: network, peer, elector, leader or learner, senders, session tracker
//   gateway loops  KjHost: a gateway and its doors each
//   log writer, state applier, archivist, flushers      a ThreadHost each
//
// Without gateway loops the peer loop has the gateway and the applier too.
//
// Construct it to start it. Everything is stopped when stop() returns. Thread-safe where it says so.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "actors/log_writer.hpp"
#include "actors/messages.hpp"
#include "actors/node_config.hpp"

namespace troupe {

/// What a node does when it must not go on, a failed disk or a tree that differs: says so in the log and
/// ends the process with this status, at once. What is on disk is as after a crash: consistent.
inline constexpr int fatal_exit_status = 3;
[[noreturn]] void end_process(const std::string& message);

class Node {
 public:
  /// Opens the data directory, listens, and begins to look for its ensemble; does not wait for it. Throws
  /// StorageError, NetworkError (listen.hpp), or std::invalid_argument for a configuration without this
  /// node. `fatal` is called once, by the thread that fails, which then does nothing more.
  explicit Node(const NodeConfig& config, FatalHandler fatal = end_process);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Tells the clients, gives up its role, and leaves a clean data directory. Throws StorageError when
  /// the last flush fails.
  void stop();

  /// What it is doing; at most a heartbeat old. Any thread.
  NodeStatus status() const;
  /// Waits until `condition` holds of the status; false if it does not within `limit`. Any thread.
  bool wait(const std::function<bool(const NodeStatus&)>& condition, std::chrono::milliseconds limit) const;
  /// Where clients come in over Cap'n Proto RPC.
  std::uint16_t rpc_port() const;
  /// Over ZooKeeper's wire protocol; 0 if it is not spoken.
  std::uint16_t zk_port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace troupe
