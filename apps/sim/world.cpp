#include "apps/sim/world.hpp"

#include <cstdio>

namespace troupe::sim {

void World::at(Micros when, std::function<void()> event) {
  events_.push({std::max(when, now_), order_++, std::move(event)});
}

bool World::step() {
  if (events_.empty()) return false;
  auto event = std::move(const_cast<Event&>(events_.top()));
  events_.pop();
  now_ = event.when;
  ++steps_;
  fingerprint_ = fingerprint_ * 0x9e3779b97f4a7c15ull + static_cast<std::uint64_t>(now_) + event.order;
  event.run();
  return true;
}

void World::trace(const std::string& who, const std::string& what) {
  for (const char c : what) fingerprint_ = fingerprint_ * 131 + static_cast<unsigned char>(c);
  if (!on_trace) return;
  char time[32];
  std::snprintf(time, sizeof time, "%4lld.%06lld  ", static_cast<long long>(now_ / 1'000'000),
                static_cast<long long>(now_ % 1'000'000));
  on_trace(time + who + "  " + what);
}

}  // namespace troupe::sim
