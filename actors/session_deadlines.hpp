// When sessions expire. Deadlines are rounded up to buckets of one interval, so that hearing from a
// session is cheap and usually moves nothing. A session expires no earlier than its timeout after it
// was last heard of, and at most one interval later (plus the time until expired() is called).
// What a touch costs does not depend on the number of sessions.
//
// One thread at a time. Owner: the session tracker, or node_sessions. Time is milliseconds, monotonic and
// passed in. The order of expiry depends on the calls alone, so a simulation replays it.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "schema/types.hpp"

namespace troupe {

class SessionDeadlines {
 public:
  /// `interval_ms` is the length of a bucket, at least 1; ZooKeeper's is the tick time.
  explicit SessionDeadlines(std::int64_t interval_ms);

  /// Starts to watch a session, or gives a known one another timeout from now on.
  void add(SessionId session, std::uint32_t timeout_ms, std::int64_t now_ms);
  /// The session was heard. False if it is not known. A deadline never moves back.
  bool touch(SessionId session, std::int64_t now_ms);
  /// False if it was not known.
  bool remove(SessionId session);
  bool contains(SessionId session) const { return sessions_.contains(session); }
  std::size_t size() const { return sessions_.size(); }

  /// Takes out the sessions whose deadline has come, the earliest first.
  std::vector<SessionId> expired(std::int64_t now_ms);
  /// The earliest time at which expired() may return something; none without sessions.
  std::optional<std::int64_t> next_deadline() const;
  /// Grants every session its full timeout from now: a new leader does not know who was heard.
  void restart(std::int64_t now_ms);

 private:
  struct Entry {
    std::uint32_t timeout_ms = 0;
    std::int64_t deadline = 0;                // key of the bucket that it is in
    std::list<SessionId>::iterator position;  // in that bucket
  };

  std::int64_t deadline_of(std::int64_t now_ms, std::uint32_t timeout_ms) const;
  void move(Entry& entry, std::int64_t deadline);

  std::int64_t interval_ms_;
  std::unordered_map<SessionId, Entry> sessions_;
  // Never an empty bucket. There are at most (longest timeout / interval + 1) of them, a few dozen.
  std::map<std::int64_t, std::list<SessionId>> buckets_;
};

}  // namespace troupe
