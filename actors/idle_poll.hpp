// Whether an event loop that has run out of work looks on for more, or goes to sleep. To be woken takes tens of
// microseconds, more than most answers take; while requests follow each other closely it pays to stay awake for as
// long. Where it does not pay, or others need the processor, it is given up: after each time in vain for twice as many
// times, up to 64, and for a while when giving way has taken long.
//
// Source: the halt polling of hypervisors, which learns from the last waits in the same way.
//
// Threads: the loop's. Times are told, none is read.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace troupe {

class IdlePoll {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  /// `window`: how long to look on; zero: never.
  explicit IdlePoll(Duration window) : window_(window) {}

  /// The loop has run out of work. False: it should sleep.
  bool begin(Time now) {
    idle_since_ = now;
    idle_ = true;
    polled_ = false;
    if (window_ == Duration::zero() || last_wait_ > long_wait * window_ || now < not_before_) return false;
    if (left_out_ < to_leave_out_) {
      ++left_out_;
      return false;
    }
    return polled_ = true;
  }
  /// Whether it is looking on, and has found nothing so far.
  bool polling() const { return idle_ && polled_; }
  /// After a look, and after giving way to who else wanted the processor, which took `gave_way`.
  bool go_on(Time now, Duration gave_way) {
    if (gave_way > long_turn) not_before_ = now + recovery;
    return polling() && gave_way <= long_turn && now - idle_since_ < window_;
  }
  /// There is work.
  void end(Time now) {
    if (!std::exchange(idle_, false)) return;
    last_wait_ = now - idle_since_;
    if (!polled_) return;
    left_out_ = 0;
    to_leave_out_ = last_wait_ <= window_ ? 0 : std::clamp(2 * to_leave_out_, 1u, 64u);
  }

 private:
  static constexpr int long_wait = 4;  // windows: of which the wake-ups of both sides may be most
  // Who wants the processor for longer than a client's turn takes is not waiting for this loop.
  static constexpr Duration long_turn = std::chrono::milliseconds(1), recovery = std::chrono::milliseconds(100);

  const Duration window_;
  Time idle_since_{}, not_before_{};
  Duration last_wait_ = Duration::max();
  bool idle_ = false, polled_ = false;
  unsigned left_out_ = 0, to_leave_out_ = 0;  // times that it ran out of work
};

}  // namespace troupe
