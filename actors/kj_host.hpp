// Runs actors on the thread of a KJ event loop, between its socket events. What the loop's own
// thread sends costs no system call; other threads wake the loop with one eventfd write for all
// that queues up until it runs.
#pragma once

#include <kj/async-io.h>
#include <kj/async-unix.h>
#include <kj/io.h>

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "actors/host.hpp"
#include "actors/idle_poll.hpp"

namespace troupe {

class KjHost : public Host, private kj::TaskSet::ErrorHandler {
 public:
  /// Constructed and destroyed on the loop's thread, and outlived by `port`'s event loop. `idle_poll`: how long the
  /// loop looks on for work when it runs out of it, instead of sleeping; see idle_poll.hpp.
  KjHost(caf::actor_system& system, kj::UnixEventPort& port, IdlePoll::Duration idle_poll = IdlePoll::Duration::zero());
  ~KjHost() noexcept override;

  void exec_later(caf::resumable* actor) override;  ///< any thread

  /// Runs `task` on the loop's thread. Any thread.
  void post(std::function<void()> task);

  /// Runs `task` once at the end of the current turn, after the actors that are ready: where a batch
  /// gathered during the turn goes out. Loop's thread only.
  void at_end_of_turn(std::function<void()> task);

  /// Lets the actors that are ready run, and the ends of turns, before whatever else the loop has to do, which
  /// otherwise comes first: whoever counts on the actors calls it now and then. Loop's thread, and from no actor.
  void hurry();

 private:
  kj::Promise<void> watch();
  void take_foreign();
  void taskFailed(kj::Exception&& error) override;
  void run_ready();
  void end_turn();
  void arm();
  /// When the loop has nothing left to run and has looked at its sockets, without sleeping.
  template <class Task>
  kj::Promise<void> at_next_look(Task task) {
    return timer_.afterDelay(0 * kj::NANOSECONDS).then(std::move(task));
  }
  void poll_on();

  kj::AutoCloseFd wake_fd_;  // outlives its observer
  kj::UnixEventPort::FdObserver observer_;
  kj::Timer& timer_;
  const std::thread::id thread_;

  std::mutex mutex_;
  std::vector<caf::resumable*> foreign_;              // guarded by mutex_
  std::vector<std::function<void()>> foreign_tasks_;  // guarded by mutex_
  bool woken_ = false;                                // guarded by mutex_: the eventfd is written

  // The loop's thread only.
  std::deque<caf::resumable*> ready_;
  std::vector<std::function<void()>> at_end_;
  bool armed_ = false;
  bool ending_turn_ = false;
  IdlePoll idle_poll_;
  bool polling_ = false;    // poll_on() is to run again
  unsigned postponed_ = 0;  // ends of turns, one after the other
  kj::TaskSet tasks_;
};

}  // namespace troupe
