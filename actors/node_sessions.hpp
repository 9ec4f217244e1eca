// The sessions that are one node's own: its leader and the other nodes do not know them, and a restart ends them.
//
//   local      opened by a gateway without a transaction, where the configuration says so
//   upgrading  local, and its opening as a session of the ensemble is under way: it is one or the other,
//              which the view tells once it has come far enough
//   guest      of a node that only reads, gone when the node serves again
//
// All gateways of a node share them, since a client that comes back may come to another one. At any time one
// gateway holds a session: the last to which its client came. It alone counts the session's time, in its own
// ticks, so that a loop that stands still lets nobody expire.
//
// Thread-safe. Gateways look in here once a tick and when a session begins, moves or ends, not for every call.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "actors/calls.hpp"
#include "actors/session_deadlines.hpp"

namespace troupe {

class NodeSessions {
 public:
  enum class Kind { local, upgrading, guest };
  struct Known {
    Kind kind;
    std::uint32_t timeout_ms;
  };
  struct Gone {
    SessionId session;
    Closed why;  ///< moved to another gateway, or expired
  };

  /// `tick_ms`: between a gateway's calls of tick().
  explicit NodeSessions(std::uint32_t tick_ms) : tick_ms_(tick_ms) {}

  std::optional<Known> find(SessionId session) const;
  std::size_t size() const;
  /// All, in the order of their ids, with their timeouts in milliseconds.
  std::map<SessionId, std::uint32_t> list() const;

  void open(SessionId session, Kind kind, std::uint32_t timeout_ms, std::uint32_t gateway);
  /// The client has come back, to this gateway; the one that held the session is told. 0 leaves the timeout. Nothing if
  /// it is not known.
  std::optional<Known> take_up(SessionId session, std::uint32_t timeout_ms, std::uint32_t gateway);
  /// The session has come back to this gateway as another's: what was to be told of an older connection is of no
  /// matter.
  void came_back(SessionId session, std::uint32_t gateway);
  /// Ends the session, unless another gateway holds it: then false.
  bool close(SessionId session, std::uint32_t gateway);

  /// The opening of a local session goes to the leader.
  void upgrade(SessionId session, std::uint32_t gateway);
  /// These are the ensemble's from now on, whatever they were.
  void upgraded(std::span<const store::Session> sessions);
  /// The upgrade came to nothing: the session is local again. False if none is under way.
  bool keep(SessionId session);
  /// What became of the upgrades under way nobody here can say.
  void forget_upgrades();
  void forget_guests();

  /// A tick of this gateway has passed, in which it heard of these. Returns which sessions are not its own any more.
  std::vector<Gone> tick(std::uint32_t gateway, std::span<const SessionId> heard);

  /// Runs `work`, which must be short and not call back. Meanwhile no session moves, so that what is sent in it
  /// comes before what the next gateway sends. It is given a function that says whether this gateway holds a session.
  template <class Work>
  void in_place(std::uint32_t gateway, Work&& work) const {
    const std::lock_guard lock(mutex_);
    work([&](SessionId session) {
      const auto it = sessions_.find(session);
      return it != sessions_.end() && it->second.gateway == gateway;
    });
  }

 private:
  struct Session {
    Kind kind;
    std::uint32_t timeout_ms;
    std::uint32_t gateway;
  };
  struct Holder {
    explicit Holder(std::uint32_t tick_ms) : deadlines(tick_ms) {}
    std::int64_t now = 0;  // when the tick that is under way began
    SessionDeadlines deadlines;
    std::vector<Gone> gone;  // since its last tick
  };
  using Sessions = std::unordered_map<SessionId, Session>;

  Holder& holder(std::uint32_t gateway);
  Sessions::iterator forget(Sessions::iterator session);
  void forget_all(Kind kind);

  const std::uint32_t tick_ms_;
  mutable std::mutex mutex_;
  Sessions sessions_;
  std::map<std::uint32_t, Holder> holders_;  // by gateway
};

}  // namespace troupe
