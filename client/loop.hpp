// The client's thread: a KJ event loop, and the way in from other threads. Tasks posted from
// outside cost one eventfd write for all that queue up until the loop takes them. The thread takes no signals.
#pragma once

#include <kj/async-io.h>
#include <kj/async-unix.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::client {

class Loop {
 public:
  /// Starts the thread. `start` runs on it first, `finish` last, when stop() was called.
  Loop(std::function<void(kj::AsyncIoContext&)> start, std::function<void()> finish);
  ~Loop() { stop(); }

  /// Runs what was posted, then ends the thread. Not from the loop's thread.
  void stop();

  /// Runs `task` on the loop's thread; from any thread, also that one (then later in the turn). Tasks
  /// run in the order in which they were posted. After stop() nothing runs any more.
  void post(std::function<void()> task);
  bool on_loop() const { return std::this_thread::get_id() == id_; }

 private:
  void run(const std::function<void(kj::AsyncIoContext&)>& start, const std::function<void()>& finish);
  kj::Promise<void> watch(kj::UnixEventPort::FdObserver& observer);

  int wake_fd_;
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;  // guarded by mutex_
  bool stopping_ = false;                     // guarded by mutex_
  std::atomic<std::thread::id> id_;
  std::thread thread_;
};

}  // namespace troupe::client
