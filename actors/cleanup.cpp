#include "actors/cleanup.hpp"

namespace troupe {
namespace {
constexpr std::int64_t minute_ms = 60'000;
}

std::vector<std::string> Cleanup::tick(std::int64_t now, std::int64_t time_ms, const store::View& view) {
  std::vector<std::string> paths;
  if (!passing_) {
    if (now < next_pass_) return paths;
    passing_ = true;
    next_pass_ = now + options_.interval_ms;
    after_.clear();
    credit_ = minute_ms;  // the first one at once
  } else {
    credit_ += (now - last_tick_) * options_.per_minute;
  }
  last_tick_ = now;

  const std::int64_t allowed = credit_ / minute_ms;
  credit_ %= minute_ms;
  if (allowed == 0) return paths;
  passing_ = false;
  std::string last;
  view.due(time_ms, options_.never_used_ms, after_, [&](std::string_view entry, std::string_view path) {
    if (static_cast<std::int64_t>(paths.size()) == allowed) {
      passing_ = true;
      return false;
    }
    last = entry;
    paths.emplace_back(path);
    return true;
  });
  after_ = std::move(last);
  return paths;
}

}  // namespace troupe
