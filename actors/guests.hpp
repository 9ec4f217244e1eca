// The sessions of a node that only reads: it has no leader who could open them, so they are its own,
// known to no other node and gone when the node serves again. Time is counted in the gateway's ticks.
//
// Owner: the gateway. Single thread.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "schema/types.hpp"

namespace troupe {

class Guests {
 public:
  bool contains(SessionId session) const { return guests_.contains(session); }
  /// A new one, or one that is taken up with another timeout.
  void open(SessionId session, std::uint64_t timeout_ticks) {
    guests_[session] = {timeout_ticks, now_ + timeout_ticks};
  }
  void close(SessionId session) { guests_.erase(session); }
  void heard(SessionId session) {
    if (const auto it = guests_.find(session); it != guests_.end()) it->second.deadline = now_ + it->second.timeout;
  }
  /// A tick has passed: those of whom nothing was heard for so long are forgotten.
  void tick() {
    ++now_;
    std::erase_if(guests_, [this](const auto& guest) { return guest.second.deadline < now_; });
  }
  void clear() { guests_.clear(); }

 private:
  struct Guest {
    std::uint64_t timeout = 0, deadline = 0;
  };
  std::unordered_map<SessionId, Guest> guests_;
  std::uint64_t now_ = 0;
};

}  // namespace troupe
