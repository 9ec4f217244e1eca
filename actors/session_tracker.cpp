#include "actors/session_tracker.hpp"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {
constexpr std::int64_t longest_step_ms = 200;  // counted from one tick to the next; they come every 20 ms
}

SessionTracker::SessionTracker(caf::actor_config& config, ExpiryUserActor leader, std::vector<store::Session> sessions,
                               std::int64_t interval_ms, std::int64_t now)
    : Hosted(config), leader_(std::move(leader)), deadlines_(interval_ms), now_(now), last_tick_(now) {
  for (const auto& session : sessions) deadlines_.add(session.id, session.timeout_ms, now);
}

SessionTracker::behavior_type SessionTracker::make_behavior() {
  return {
      [this](const TrackSessions& sessions) {
        for (const auto& session : sessions.opened) deadlines_.add(session.id, session.timeout_ms, now_);
        for (const auto session : sessions.closed) deadlines_.remove(session);
      },
      [this](const Heard& heard) {
        for (const auto session : heard.sessions) deadlines_.touch(session, now_);
      },
      [this](const Tick& tick) {
        // While the node stood still nobody was heard; what has come meanwhile may be handled behind this.
        now_ += std::min(tick.now - std::exchange(last_tick_, tick.now), longest_step_ms);
        auto expired = deadlines_.expired(now_);
        if (!expired.empty()) this->send(leader_, SessionsExpired{std::move(expired)});
      },
  };
}

}  // namespace troupe
