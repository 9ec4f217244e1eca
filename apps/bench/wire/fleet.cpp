#include "apps/bench/wire/fleet.hpp"

#include <stdexcept>

namespace troupe::bench {
namespace {

constexpr std::chrono::seconds connect_patience{15}, close_patience{10}, tick_interval{1};
constexpr std::size_t handshakes_at_once = 32;  // a server's queue of new connections may be short

/// Counts while sessions begin or end.
struct Counter final : Listener {
  void connected(Session&, bool) override { ++begun; }
  void answered(Session&, const Answer&) override {}
  void disconnected(Session& session) override {
    ++ended;
    session.abandon();
  }
  void closed(Session&) override { ++ended; }
  std::size_t begun = 0, ended = 0;
};

}  // namespace

Fleet::Fleet(Rig rig, std::size_t count, Listener& listener, const SessionOptions& options)
    : rig_(rig), ticker_(rig.loop, [this] { tick(); }) {
  Counter counter;
  const auto limit = Clock::now() + connect_patience;
  while (counter.begun < count) {
    while (sessions_.size() < count && sessions_.size() - counter.begun < handshakes_at_once)
      sessions_.push_back(rig_.driver.open(rig_.loop, rig_.nodes, sessions_.size(), options, counter));
    const std::size_t before = counter.begun;
    if (!rig_.loop.run_until([&] { return counter.begun > before || counter.ended > 0; }, limit) || counter.ended > 0)
      throw std::runtime_error("no session from " + rig_.nodes[before % rig_.nodes.size()].name +
                               " or a node near it; do the nodes run, and have they a quorum?");
  }
  for (std::size_t i = 0; i < count; ++i) {
    sessions_[i]->number = i;
    sessions_[i]->listen(listener);
  }
  tick();
}

Fleet::~Fleet() {
  Counter counter;
  std::size_t closing = 0;
  for (auto& session : sessions_) {
    session->listen(counter);
    if (session->connected()) {
      session->close();
      ++closing;
    } else {
      session->abandon();
    }
  }
  rig_.loop.run_until([&] { return counter.ended >= closing; }, Clock::now() + close_patience);
}

std::uint64_t Fleet::order_errors() const {
  std::uint64_t sum = 0;
  for (const auto& session : sessions_) sum += session->order_errors();
  return sum;
}

std::size_t Fleet::under_way() const {
  std::size_t sum = 0;
  for (const auto& session : sessions_) sum += session->under_way();
  return sum;
}

void Fleet::tick() {
  for (auto& session : sessions_) session->tick();
  ticker_.set(rig_.loop.now() + tick_interval);
}

}  // namespace troupe::bench
