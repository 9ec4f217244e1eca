#include "actors/kj_host.hpp"

#include <sched.h>
#include <sys/eventfd.h>

#include <utility>

#include "schema/check.hpp"

namespace troupe {
namespace {

kj::AutoCloseFd make_eventfd() {
  kj::AutoCloseFd fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  TROUPE_CHECK(fd.get() >= 0, "the system has a file descriptor for the event loop");
  return fd;
}

}  // namespace

KjHost::KjHost(caf::actor_system& system, kj::UnixEventPort& port, IdlePoll::Duration idle_poll)
    : Host(&system),
      wake_fd_(make_eventfd()),
      observer_(port, wake_fd_, kj::UnixEventPort::FdObserver::OBSERVE_READ),
      timer_(port.getTimer()),
      thread_(std::this_thread::get_id()),
      idle_poll_(idle_poll),
      tasks_(*this) {
  tasks_.add(watch());
}

void KjHost::taskFailed(kj::Exception&& error) { kj::throwFatalException(kj::mv(error)); }

KjHost::~KjHost() noexcept {
  // What is still queued is run to its end, so that actors told to quit give back what they hold.
  take_foreign();
  while (!ready_.empty()) run_ready();
}

void KjHost::exec_later(caf::resumable* actor) {
  if (std::this_thread::get_id() == thread_) {
    ready_.push_back(actor);
    arm();
    return;
  }
  std::lock_guard lock(mutex_);
  foreign_.push_back(actor);
  if (!woken_) {
    woken_ = true;
    eventfd_write(wake_fd_, 1);
  }
}

void KjHost::post(std::function<void()> task) {
  std::lock_guard lock(mutex_);
  foreign_tasks_.push_back(std::move(task));
  if (!woken_) {
    woken_ = true;
    eventfd_write(wake_fd_, 1);
  }
}

void KjHost::at_end_of_turn(std::function<void()> task) {
  at_end_.push_back(std::move(task));
  arm();
}

kj::Promise<void> KjHost::watch() {
  return observer_.whenBecomesReadable().then([this] {
    eventfd_t count;
    eventfd_read(wake_fd_, &count);
    take_foreign();
    return watch();
  });
}

void KjHost::take_foreign() {
  std::vector<caf::resumable*> actors;
  std::vector<std::function<void()>> tasks;
  {
    std::lock_guard lock(mutex_);
    actors.swap(foreign_);
    tasks.swap(foreign_tasks_);
    woken_ = false;
  }
  for (auto* actor : actors) ready_.push_back(actor);
  for (auto& task : tasks) task();
  if (!ready_.empty()) arm();
}

void KjHost::arm() {
  if (armed_) return;
  armed_ = true;
  idle_poll_.end(std::chrono::steady_clock::now());
  auto turn = [this] {
    armed_ = false;
    run_ready();
  };
  // Of all that waits for the queue to run dry KJ takes first what came last: a turn that followed at once upon a turn
  // would keep everybody else waiting.
  tasks_.add(ending_turn_ ? at_next_look(turn) : kj::evalLast(std::move(turn)));
}

void KjHost::run_ready() {
  constexpr std::size_t throughput = 300;
  // Only what is ready now: actors that keep each other busy must not starve the sockets.
  for (std::size_t left = ready_.size(); left > 0; --left) {
    auto* actor = ready_.front();
    ready_.pop_front();
    if (resume_on(*this, actor, throughput)) ready_.push_back(actor);
  }
  // The turn's batches wait for the actors that its messages woke, but not for those that never rest.
  constexpr unsigned most_postponed = 8;
  if (!ready_.empty() && ++postponed_ < most_postponed) return arm();
  end_turn();
}

void KjHost::end_turn() {
  postponed_ = 0;
  auto tasks = std::move(at_end_);
  at_end_.clear();
  ending_turn_ = true;
  for (auto& task : tasks) task();
  if (!ready_.empty()) arm();
  ending_turn_ = false;
  if (!armed_ && idle_poll_.begin(std::chrono::steady_clock::now()) && !std::exchange(polling_, true)) poll_on();
}

void KjHost::poll_on() {
  tasks_.add(at_next_look([this] {
    using Clock = std::chrono::steady_clock;
    const auto before = Clock::now();
    if (idle_poll_.polling()) sched_yield();
    const auto after = Clock::now();
    polling_ = idle_poll_.go_on(after, after - before);
    if (polling_) poll_on();
  }));
}

void KjHost::hurry() {
  run_ready();
  if (!at_end_.empty()) end_turn();
}

}  // namespace troupe
