#include "client/loop.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>

#include "schema/check.hpp"

namespace troupe::client {

Loop::Loop(std::function<void(kj::AsyncIoContext&)> start, std::function<void()> finish)
    : wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  TROUPE_CHECK(wake_fd_ >= 0, "the system has a file descriptor for the client's loop");
  // The program's signals are for its own threads: this one begins with all blocked but those that say that it failed.
  sigset_t signals, before;
  sigfillset(&signals);
  for (const int failure : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&signals, failure);
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  KJ_DEFER(pthread_sigmask(SIG_SETMASK, &before, nullptr));
  thread_ = std::thread([this, start = std::move(start), finish = std::move(finish)] { run(start, finish); });
}

void Loop::stop() {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    eventfd_write(wake_fd_, 1);
  }
  thread_.join();
  close(wake_fd_);
}

void Loop::post(std::function<void()> task) {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) eventfd_write(wake_fd_, 1);
}

void Loop::run(const std::function<void(kj::AsyncIoContext&)>& start, const std::function<void()>& finish) {
  id_ = std::this_thread::get_id();
  pthread_setname_np(pthread_self(), "troupe-client");
  auto io = kj::setupAsyncIo();
  start(io);
  kj::UnixEventPort::FdObserver observer(io.unixEventPort, wake_fd_, kj::UnixEventPort::FdObserver::OBSERVE_READ);
  watch(observer).wait(io.waitScope);
  finish();
}

kj::Promise<void> Loop::watch(kj::UnixEventPort::FdObserver& observer) {
  return observer.whenBecomesReadable().then([this, &observer]() -> kj::Promise<void> {
    eventfd_t count;
    eventfd_read(wake_fd_, &count);
    std::vector<std::function<void()>> tasks;
    bool stopping;
    {
      std::lock_guard lock(mutex_);
      tasks.swap(tasks_);
      stopping = stopping_;
    }
    for (auto& task : tasks) task();
    if (stopping) return kj::READY_NOW;
    return watch(observer);
  });
}

}  // namespace troupe::client
