// What a node shows of itself, gathered from its threads. Any thread may write its part and read all.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "actors/messages.hpp"

namespace troupe {

class StatusBoard {
 public:
  struct Clients {
    std::size_t connections = 0, watches = 0;
  };

  explicit StatusBoard(std::size_t gateways) : clients_(gateways) {}

  void show(const NodeStatus& status) {
    std::lock_guard lock(mutex_);
    status_ = status;
  }
  NodeStatus status() const {
    std::lock_guard lock(mutex_);
    return status_;
  }

  void show(std::size_t gateway, Clients clients) {
    std::lock_guard lock(mutex_);
    clients_[gateway] = clients;
  }
  /// Of all gateways together.
  Clients clients() const {
    std::lock_guard lock(mutex_);
    Clients all;
    for (const auto& clients : clients_) {
      all.connections += clients.connections;
      all.watches += clients.watches;
    }
    return all;
  }

 private:
  mutable std::mutex mutex_;
  NodeStatus status_;             // guarded by mutex_
  std::vector<Clients> clients_;  // guarded by mutex_; by gateway
};

}  // namespace troupe
