// Where an actor runs. Every actor of Troupe is spawned on a Host, which decides the thread:
//   KjHost      a KJ event loop's thread: the actors that share it with sockets (kj_host.hpp)
//   ThreadHost  a thread of its own: what waits for the disk, and the state applier (thread_host.hpp)
//   the simulation's host: one queue for all nodes, picked from by a seed
// The actors do not know which. Messages to one actor from one sender keep their order on any host.
#pragma once

#include <caf/all.hpp>
#include <exception>
#include <functional>
#include <string>
#include <utility>

#include "store/error.hpp"

namespace troupe {

/// Called when the disk or the data on it has failed: the node must stop, and say this. By any thread.
using FatalHandler = std::function<void(const std::string& message)>;

/// Runs the actors spawned on it. exec_later() may be called from any thread.
class Host : public caf::execution_unit {
 public:
  using caf::execution_unit::execution_unit;

  /// Who is told of a StorageError that leaves a handler here; without it that is as any other exception.
  /// Before the first actor is spawned.
  void on_storage_error(FatalHandler fatal) { fatal_ = std::move(fatal); }

  /// An exception has left a handler, whose actor ends if this returns.
  caf::error failed(const std::exception_ptr& error) const {
    try {
      std::rethrow_exception(error);
    } catch (const store::StorageError& failure) {
      if (!fatal_) throw;
      fatal_(failure.what());
      return caf::exit_reason::unhandled_exception;
    }
  }

 private:
  FatalHandler fatal_;
};

/// Base of an actor that always runs on the host that it was spawned on, whoever sends to it.
/// `Handle` is the actor's typed interface. A StorageError that leaves a handler goes to the host's
/// FatalHandler. Any other exception is a broken invariant: a role must not die while its node lives
/// on, so it ends the process.
template <class Handle>
class Hosted : public Handle::base {
 public:
  explicit Hosted(caf::actor_config& config) : Handle::base(config), host_(config.host) {
    this->set_exception_handler([host = static_cast<Host*>(config.host)](std::exception_ptr& error) -> caf::error {
      return host->failed(error);
    });
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
