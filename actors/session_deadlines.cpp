#include "actors/session_deadlines.hpp"

#include <utility>

#include "schema/check.hpp"

namespace troupe {

SessionDeadlines::SessionDeadlines(std::int64_t interval_ms) : interval_ms_(interval_ms) {
  TROUPE_CHECK(interval_ms >= 1, "a bucket of deadlines is at least a millisecond long");
}

std::int64_t SessionDeadlines::deadline_of(std::int64_t now_ms, std::uint32_t timeout_ms) const {
  const std::int64_t exact = now_ms + timeout_ms;
  return (exact + interval_ms_ - 1) / interval_ms_ * interval_ms_;
}

void SessionDeadlines::move(Entry& entry, std::int64_t deadline) {
  if (entry.deadline == deadline) return;
  const auto from = buckets_.find(entry.deadline);
  auto& to = buckets_[deadline];
  to.splice(to.end(), from->second, entry.position);
  if (from->second.empty()) buckets_.erase(from);
  entry.deadline = deadline;
}

void SessionDeadlines::add(SessionId session, std::uint32_t timeout_ms, std::int64_t now_ms) {
  const std::int64_t deadline = deadline_of(now_ms, timeout_ms);
  const auto [it, added] = sessions_.try_emplace(session);
  Entry& entry = it->second;
  entry.timeout_ms = timeout_ms;
  if (!added) return move(entry, deadline);
  auto& bucket = buckets_[deadline];
  entry.deadline = deadline;
  entry.position = bucket.insert(bucket.end(), session);
}

bool SessionDeadlines::touch(SessionId session, std::int64_t now_ms) {
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return false;
  const std::int64_t deadline = deadline_of(now_ms, it->second.timeout_ms);
  if (deadline > it->second.deadline) move(it->second, deadline);
  return true;
}

bool SessionDeadlines::remove(SessionId session) {
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return false;
  const auto bucket = buckets_.find(it->second.deadline);
  bucket->second.erase(it->second.position);
  if (bucket->second.empty()) buckets_.erase(bucket);
  sessions_.erase(it);
  return true;
}

std::vector<SessionId> SessionDeadlines::expired(std::int64_t now_ms) {
  std::vector<SessionId> gone;
  while (!buckets_.empty() && buckets_.begin()->first <= now_ms) {
    const auto& bucket = buckets_.begin()->second;
    gone.insert(gone.end(), bucket.begin(), bucket.end());
    buckets_.erase(buckets_.begin());
  }
  for (const SessionId session : gone) sessions_.erase(session);
  return gone;
}

std::optional<std::int64_t> SessionDeadlines::next_deadline() const {
  if (buckets_.empty()) return std::nullopt;
  return buckets_.begin()->first;
}

void SessionDeadlines::restart(std::int64_t now_ms) {
  // In the order of the old deadlines, so that the new order is a function of the calls.
  const auto old = std::exchange(buckets_, {});
  for (const auto& [_, bucket] : old) {
    for (const SessionId session : bucket) {
      Entry& entry = sessions_.find(session)->second;
      entry.deadline = deadline_of(now_ms, entry.timeout_ms);
      auto& list = buckets_[entry.deadline];
      entry.position = list.insert(list.end(), session);
    }
  }
}

}  // namespace troupe
