#include "apps/bench/wire/event_loop.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace troupe::bench {
namespace {

constexpr std::size_t scratch_size = 1 << 20;
constexpr int events_at_once = 512;
constexpr std::chrono::milliseconds longest_wait{100};  // so that `done` is asked now and then

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

EventLoop::EventLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), scratch_(scratch_size) {
  if (epoll_ < 0) fail("epoll");
}

EventLoop::~EventLoop() { close(epoll_); }

void EventLoop::add(int socket, std::uint32_t events, Handler& handler) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) fail("epoll");
}

void EventLoop::change(int socket, std::uint32_t events, Handler& handler) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event) != 0) fail("epoll");
}

bool EventLoop::run_until(const std::function<bool()>& done, Clock::time_point limit) {
  while (!done()) {
    if (refresh_now() >= limit) return false;
    turn(limit);
  }
  return true;
}

void EventLoop::turn(Clock::time_point limit) {
  // What earlier turns, or the caller, have left to write goes first: the answers to it are waited for.
  std::swap(to_flush_, flushing_);
  for (Handler* handler : flushing_) handler->flush();
  flushing_.clear();

  Clock::time_point until = std::min(limit, now_ + longest_wait);
  if (!timers_.empty()) until = std::min(until, timers_.begin()->first);
  const auto wait = to_flush_.empty() ? std::max(until - now_, Clock::duration::zero()) : Clock::duration::zero();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
  const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (wait - seconds).count()};
  std::array<epoll_event, events_at_once> events;
  const int count = epoll_pwait2(epoll_, events.data(), events_at_once, &timeout, nullptr);
  if (count < 0 && errno != EINTR) fail("epoll");
  refresh_now();
  for (int i = 0; i < count; ++i) static_cast<Handler*>(events[i].data.ptr)->ready(events[i].events);
  fire_timers();
}

void EventLoop::fire_timers() {
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    Timer* timer = timers_.begin()->second;
    timer->cancel();
    timer->fire_();
  }
}

void Timer::set(Clock::time_point time) {
  cancel();
  place_ = loop_.timers_.emplace(time, this);
  set_ = true;
}

void Timer::cancel() {
  if (set_) loop_.timers_.erase(place_);
  set_ = false;
}

}  // namespace troupe::bench
