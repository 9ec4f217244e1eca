#include "actors/view_counter.hpp"

#include <utility>

namespace troupe {

std::shared_ptr<store::View> ViewCounter::count(std::shared_ptr<store::View> view) {
  {
    std::lock_guard lock(mutex_);
    ++out_;
  }
  auto* const bare = view.get();
  return {bare, [view = std::move(view), self = shared_from_this()](store::View*) mutable {
            view.reset();
            self->came_back();
          }};
}

bool ViewCounter::fewer_than(std::size_t most, std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  if (out_ < most) return true;
  wake_at_ = most / 2;
  wake_ = std::move(wake);
  return false;
}

void ViewCounter::came_back() {
  std::function<void()> wake;
  {
    std::lock_guard lock(mutex_);
    if (--out_ > wake_at_) return;
    wake = std::exchange(wake_, nullptr);
  }
  if (wake) wake();
}

}  // namespace troupe
