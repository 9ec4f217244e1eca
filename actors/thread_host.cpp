#include "actors/thread_host.hpp"

#include <pthread.h>

namespace troupe {

ThreadHost::ThreadHost(caf::actor_system& system, const std::string& name) : Host(&system), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), name.c_str());
}

ThreadHost::~ThreadHost() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ThreadHost::exec_later(caf::resumable* actor) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(actor);
  }
  wake_.notify_one();
}

void ThreadHost::run() {
  constexpr std::size_t throughput = 300;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto* actor = queue_.front();
    queue_.pop_front();
    lock.unlock();
    const bool more = resume_on(*this, actor, throughput);
    lock.lock();
    if (more) queue_.push_back(actor);
  }
}

}  // namespace troupe
