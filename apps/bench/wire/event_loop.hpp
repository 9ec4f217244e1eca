// An epoll loop for one thread: sockets, timers, and writing once a turn.
//
//   wait → every ready handler → due timers → every handler that asked to flush → wait …
//
// So however many requests a turn produces for a connection, they leave in one system call.
//
// Owner: one thread. Handlers and timers may be made and destroyed at any time outside run_until();
// inside it, handlers must not be destroyed (their sockets may be closed).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace troupe::bench {

using Clock = std::chrono::steady_clock;

class EventLoop {
 public:
  class Handler {
   public:
    /// The socket is readable or writable, or was a moment ago: only a read or a write tells.
    virtual void ready(std::uint32_t events) = 0;
    virtual void flush() = 0;

   protected:
    ~Handler() = default;
  };

  /// Throws std::system_error.
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;

  /// `events` as epoll's. A socket leaves the loop by being closed. Throws std::system_error.
  void add(int socket, std::uint32_t events, Handler& handler);
  void change(int socket, std::uint32_t events, Handler& handler);
  /// Calls flush() once before the loop waits again. Not twice before that.
  void flush_soon(Handler& handler) { to_flush_.push_back(&handler); }
  /// Of a handler that is about to be destroyed.
  void forget(Handler& handler) { std::erase(to_flush_, &handler); }

  /// When the events of this turn were received: one reading of the clock for all of them.
  Clock::time_point now() const { return now_; }
  /// Reads the clock again, after something that took long.
  Clock::time_point refresh_now() { return now_ = Clock::now(); }

  /// Runs turns until `done`, which is asked after each; false if that was not before `limit`.
  bool run_until(const std::function<bool()>& done, Clock::time_point limit = Clock::time_point::max());

  /// Where a handler may read into while it is called.
  std::vector<char>& scratch() { return scratch_; }

  /// System calls that wrote, of all handlers: what batching is judged by.
  std::uint64_t writes = 0;

 private:
  friend class Timer;
  void turn(Clock::time_point limit);
  void fire_timers();

  int epoll_;
  Clock::time_point now_ = Clock::now();
  std::vector<Handler*> to_flush_, flushing_;
  std::multimap<Clock::time_point, class Timer*> timers_;
  std::vector<char> scratch_;
};

/// Calls `fire` on the loop's thread at the time that was set last.
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> fire) : loop_(loop), fire_(std::move(fire)) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;

  void set(Clock::time_point time);
  void cancel();

 private:
  friend class EventLoop;
  EventLoop& loop_;
  std::function<void()> fire_;
  std::multimap<Clock::time_point, Timer*>::iterator place_;
  bool set_ = false;
};

}  // namespace troupe::bench
