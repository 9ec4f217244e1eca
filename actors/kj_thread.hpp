// A thread with a KJ event loop, a KjHost for actors, and whatever else lives on that loop.
#pragma once

#include <kj/async-io.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "actors/kj_host.hpp"

namespace troupe {

class KjThread {
 public:
  /// Makes on the loop's thread what lives there, and is destroyed there before the host.
  using Setup = std::function<std::shared_ptr<void>(kj::AsyncIoContext&, KjHost&)>;

  /// Returns when `setup` has; rethrows what it throws, as a C++ exception. `name` is what a debugger
  /// shows, at most 15 characters. `idle_poll`: as KjHost's.
  KjThread(caf::actor_system& system, const std::string& name, const Setup& setup,
           IdlePoll::Duration idle_poll = IdlePoll::Duration::zero());
  /// Ends the loop and the thread. The actors on it must have ended, or been told to.
  ~KjThread();

 private:
  void run(caf::actor_system& system, const Setup& setup, IdlePoll::Duration idle_poll, std::promise<void> ready);

  KjHost* host_ = nullptr;                    // of the thread; set before the constructor returns
  kj::Own<kj::PromiseFulfiller<void>> stop_;  // the loop's
  std::thread thread_;
};

}  // namespace troupe
