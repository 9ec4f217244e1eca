#include "actors/kj_thread.hpp"

#include <pthread.h>

namespace troupe {

KjThread::KjThread(caf::actor_system& system, const std::string& name, const Setup& setup,
                   IdlePoll::Duration idle_poll) {
  std::promise<void> ready;
  auto is_ready = ready.get_future();
  thread_ = std::thread(
      [&, idle_poll, ready = std::move(ready)]() mutable { run(system, setup, idle_poll, std::move(ready)); });
  pthread_setname_np(thread_.native_handle(), name.c_str());
  try {
    is_ready.get();
  } catch (...) {
    thread_.join();
    throw;
  }
}

KjThread::~KjThread() {
  host_->post([this] { stop_->fulfill(); });
  thread_.join();
}

void KjThread::run(caf::actor_system& system, const Setup& setup, IdlePoll::Duration idle_poll,
                   std::promise<void> ready) {
  auto io = kj::setupAsyncIo();
  auto stop = kj::newPromiseAndFulfiller<void>();
  KjHost host(system, io.unixEventPort, idle_poll);
  std::shared_ptr<void> contents;
  try {
    contents = setup(io, host);
  } catch (...) {
    ready.set_exception(std::current_exception());
    return;
  }
  host_ = &host;
  stop_ = kj::mv(stop.fulfiller);
  ready.set_value();
  // Also a loop that never runs out of work looks at its sockets and at other threads' messages.
  constexpr kj::uint turns = 16;
  io.waitScope.setBusyPollInterval(turns);
  stop.promise.wait(io.waitScope);
  stop_ = nullptr;
  contents.reset();
}

}  // namespace troupe
