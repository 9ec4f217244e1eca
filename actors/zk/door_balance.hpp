// Which of a node's loops serves a new client: of the doors of one port the one with the fewest. Whichever door accepts
// hands the client on. Without this the loop that wakes first takes all that come together, as after a restart, and
// serves them alone for as long as they stay.
//
// Any thread.
#pragma once

#include <kj/io.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace troupe::zk {

/// A connection that was accepted, and counted by Admission.
struct NewClient {
  kj::AutoCloseFd fd;
  std::string address;  ///< without the port
  std::string name;     ///< with it, as four-letter words show it
};

class DoorBalance {
 public:
  /// Passes the client on to the door's thread, and does nothing else: any thread calls it, under a lock.
  using Take = std::function<void(std::shared_ptr<NewClient>)>;

  /// Returns the door's number.
  std::size_t join(Take take) {
    std::lock_guard lock(mutex_);
    doors_.push_back({std::move(take)});
    return doors_.size() - 1;
  }
  /// Nothing is passed on to it any more.
  void leave(std::size_t door) {
    std::lock_guard lock(mutex_);
    doors_[door].take = nullptr;
  }

  /// Counts the client at the door with the fewest, and passes it on, unless that is `here`. True if it is.
  bool place(std::size_t here, const std::shared_ptr<NewClient>& client) {
    std::lock_guard lock(mutex_);
    Door* fewest = &doors_[here];
    for (Door& door : doors_) {
      if (door.take && door.clients < fewest->clients) fewest = &door;
    }
    ++fewest->clients;
    if (fewest == &doors_[here]) return true;
    fewest->take(client);
    return false;
  }
  /// A client that was counted there has gone.
  void gone(std::size_t door) {
    std::lock_guard lock(mutex_);
    --doors_[door].clients;
  }

 private:
  struct Door {
    Take take;  // null: it has left
    std::size_t clients = 0;
  };
  std::mutex mutex_;
  std::vector<Door> doors_;  // guarded by mutex_
};

}  // namespace troupe::zk
