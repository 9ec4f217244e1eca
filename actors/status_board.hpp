// What a node shows of itself, gathered from its threads. Any thread may write its part and read all.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
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
    {
      std::lock_guard lock(mutex_);
      status_ = status;
    }
    changed_.notify_all();
  }
  /// Waits until `condition` holds; false if it does not within `limit`.
  bool wait(const std::function<bool(const NodeStatus&)>& condition, std::chrono::milliseconds limit) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return condition(status_); });
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
  mutable std::condition_variable changed_;
  NodeStatus status_;             // guarded by mutex_
  std::vector<Clients> clients_;  // guarded by mutex_; by gateway
};

}  // namespace troupe
