// Calls a function at a steady interval on a KJ event loop, with the time. Thread: the loop's.
#pragma once

#include <kj/timer.h>

#include <functional>
#include <utility>

#include "actors/clock.hpp"
#include "actors/messages.hpp"

namespace troupe {

class Ticker {
 public:
  Ticker(kj::Timer& timer, kj::Duration interval, std::function<void(Tick)> tick)
      : timer_(timer), interval_(interval), tick_(std::move(tick)), running_(run().eagerlyEvaluate(nullptr)) {}

 private:
  kj::Promise<void> run() {
    return timer_.afterDelay(interval_).then([this] {
      tick_(Tick{monotonic_ms()});
      return run();
    });
  }

  kj::Timer& timer_;
  const kj::Duration interval_;
  const std::function<void(Tick)> tick_;
  kj::Promise<void> running_;
};

}  // namespace troupe
