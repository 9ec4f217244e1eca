// Where an actor runs. Every actor of Troupe is spawned on a Host, which decides the thread:
//   KjHost      a KJ event loop's thread: the actors that share it with sockets (kj_host.hpp)
//   ThreadHost  a thread of its own: the log writer, the state applier (thread_host.hpp)
//   the simulation's host: one queue for all nodes, picked from by a seed
// The actors do not know which. Messages to one actor from one sender keep their order on any host.
#pragma once

#include <caf/all.hpp>

#include <utility>

namespace troupe {

/// Runs the actors spawned on it. exec_later() may be called from any thread.
class Host : public caf::execution_unit {
 public:
  using caf::execution_unit::execution_unit;
};

/// Base of an actor that always runs on the host that it was spawned on, whoever sends to it.
/// `Handle` is the actor's typed interface. An exception that leaves a handler is a broken invariant:
/// a role must not die while its node lives on, so it ends the process.
template <class Handle>
class Hosted : public Handle::base {
 public:
  explicit Hosted(caf::actor_config& config) : Handle::base(config), host_(config.host) {
    this->set_exception_handler([](std::exception_ptr& error) -> caf::error { std::rethrow_exception(error); });
  }

  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) override {
    Handle::base::enqueue(std::move(element), host_);
  }
  using Handle::base::enqueue;

 private:
  caf::execution_unit* host_;
};

/// Spawns the actor class `Actor` on `host`; `args` follow its actor_config.
template <class Actor, class... Args>
auto spawn_on(caf::actor_system& system, Host& host, Args&&... args) {
  caf::actor_config config{&host};
  return system.spawn_class<Actor, caf::no_spawn_options>(config, std::forward<Args>(args)...);
}

/// Lets one queued actor handle up to `throughput` messages; returns whether it has more to do.
/// For implementations of Host.
inline bool resume_on(Host& host, caf::resumable* actor, std::size_t throughput) {
  switch (actor->resume(&host, throughput)) {
    case caf::resumable::resume_later:
      return true;
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
      caf::intrusive_ptr_release(actor);
      return false;
    case caf::resumable::shutdown_execution_unit:
      return false;
  }
  return false;
}

}  // namespace troupe
