#include "apps/sim/sim_host.hpp"

#include <algorithm>

namespace troupe::sim {

struct SimHost::State {
  World& world;
  Micros shortest, longest;
  std::function<void()> enter;
  Host* host;                         // null when the host is gone
  std::deque<caf::resumable*> queue;  // a thread runs its actors one at a time, in order
  bool scheduled = false;

  void schedule(const std::shared_ptr<State>& self) {
    if (scheduled || queue.empty()) return;
    scheduled = true;
    world.after(world.between(shortest, longest), [self] {
      self->scheduled = false;
      if (self->host != nullptr) self->run_one();
      if (self->host != nullptr) self->schedule(self);
    });
  }

  void run_one() {
    if (queue.empty()) return;
    auto* actor = queue.front();
    queue.pop_front();
    if (enter) enter();
    const std::size_t throughput = world.chance(0.5) ? 1 : static_cast<std::size_t>(world.between(1, 300));
    if (resume_on(*host, actor, throughput)) queue.push_back(actor);
  }
};

SimHost::SimHost(caf::actor_system& system, World& world, Micros shortest, Micros longest, std::function<void()> enter)
    : Host(&system),
      state_(std::make_shared<State>(State{world, shortest, longest, std::move(enter), this, {}, false})) {}

SimHost::~SimHost() {
  drain();
  state_->host = nullptr;
}

void SimHost::exec_later(caf::resumable* actor) {
  state_->queue.push_back(actor);
  state_->schedule(state_);
}

void SimHost::drain() {
  while (!state_->queue.empty()) {
    auto* actor = state_->queue.front();
    state_->queue.pop_front();
    if (resume_on(*this, actor, 1000)) state_->queue.push_back(actor);
  }
}

void SimHost::set_delays(Micros shortest, Micros longest) {
  state_->shortest = shortest;
  state_->longest = longest;
}

}  // namespace troupe::sim
