// A thread for actors that block: those that wait for the disk, and the state applier.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "actors/host.hpp"

namespace troupe {

class ThreadHost : public Host {
 public:
  /// Starts the thread; `name` is what a debugger shows, at most 15 characters.
  ThreadHost(caf::actor_system& system, const std::string& name);
  /// Runs what is queued, then ends the thread. The actors must have been told to quit before.
  ~ThreadHost() override;

  void exec_later(caf::resumable* actor) override;

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<caf::resumable*> queue_;  // guarded by mutex_
  bool stopping_ = false;              // guarded by mutex_
  std::thread thread_;
};

}  // namespace troupe
