// The session tracker: knows at the leader when each session was last heard of, on any node, and
// names those whose timeout has passed. Only the leader ends a session, by a transaction.
//
// Runs on the peer host; spawned by an established leader with all sessions, each granted its full
// timeout: nobody expires because the leader changed. Nor because it stood still (its machine was paused, say):
// that time does not count, for nobody could be heard in it.
#pragma once

#include <vector>

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "actors/session_deadlines.hpp"

namespace troupe {

class SessionTracker : public Hosted<SessionTrackerActor> {
 public:
  SessionTracker(caf::actor_config& config, ExpiryUserActor leader, std::vector<store::Session> sessions,
                 std::int64_t interval_ms, std::int64_t now);
  behavior_type make_behavior() override;
  const char* name() const override { return "session tracker"; }
  void on_exit() override { leader_ = nullptr; }

 private:
  ExpiryUserActor leader_;
  SessionDeadlines deadlines_;
  std::int64_t now_;        // as far as this node did not stand still
  std::int64_t last_tick_;  // as the node's clock has it
};

}  // namespace troupe
