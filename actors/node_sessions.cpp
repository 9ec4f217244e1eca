#include "actors/node_sessions.hpp"

#include <utility>

namespace troupe {

NodeSessions::Holder& NodeSessions::holder(std::uint32_t gateway) {
  return holders_.try_emplace(gateway, tick_ms_).first->second;
}

NodeSessions::Sessions::iterator NodeSessions::forget(Sessions::iterator session) {
  holder(session->second.gateway).deadlines.remove(session->first);
  return sessions_.erase(session);
}

void NodeSessions::forget_all(Kind kind) {
  const std::lock_guard lock(mutex_);
  for (auto it = sessions_.begin(); it != sessions_.end();) it = it->second.kind == kind ? forget(it) : std::next(it);
}

std::optional<NodeSessions::Known> NodeSessions::find(SessionId session) const {
  const std::lock_guard lock(mutex_);
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return std::nullopt;
  return Known{it->second.kind, it->second.timeout_ms};
}

std::size_t NodeSessions::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

std::map<SessionId, std::uint32_t> NodeSessions::list() const {
  const std::lock_guard lock(mutex_);
  std::map<SessionId, std::uint32_t> all;
  for (const auto& [id, session] : sessions_) all.emplace(id, session.timeout_ms);
  return all;
}

void NodeSessions::open(SessionId session, Kind kind, std::uint32_t timeout_ms, std::uint32_t gateway) {
  const std::lock_guard lock(mutex_);
  sessions_[session] = {kind, timeout_ms, gateway};
  auto& here = holder(gateway);
  here.deadlines.add(session, timeout_ms, here.now + tick_ms_);
}

std::optional<NodeSessions::Known> NodeSessions::take_up(SessionId session, std::uint32_t timeout_ms,
                                                         std::uint32_t gateway) {
  const std::lock_guard lock(mutex_);
  auto& here = holder(gateway);
  std::erase_if(here.gone, [&](const Gone& each) { return each.session == session; });  // an older connection's
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return std::nullopt;
  auto& known = it->second;
  auto& before = holder(known.gateway);
  if (known.gateway != gateway) before.gone.push_back({session, Closed::moved});
  before.deadlines.remove(session);
  known.gateway = gateway;
  if (timeout_ms != 0) known.timeout_ms = timeout_ms;
  here.deadlines.add(session, known.timeout_ms, here.now + tick_ms_);
  return Known{known.kind, known.timeout_ms};
}

void NodeSessions::came_back(SessionId session, std::uint32_t gateway) {
  const std::lock_guard lock(mutex_);
  std::erase_if(holder(gateway).gone, [&](const Gone& each) { return each.session == session; });
}

bool NodeSessions::close(SessionId session, std::uint32_t gateway) {
  const std::lock_guard lock(mutex_);
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return true;
  if (it->second.gateway != gateway) return false;
  forget(it);
  return true;
}

void NodeSessions::upgrade(SessionId session, std::uint32_t gateway) {
  const std::lock_guard lock(mutex_);
  const auto it = sessions_.find(session);
  if (it != sessions_.end() && it->second.gateway == gateway) it->second.kind = Kind::upgrading;
}

void NodeSessions::upgraded(std::span<const store::Session> sessions) {
  const std::lock_guard lock(mutex_);
  for (const auto& session : sessions) {
    if (const auto it = sessions_.find(session.id); it != sessions_.end()) forget(it);
  }
}

bool NodeSessions::keep(SessionId session) {
  const std::lock_guard lock(mutex_);
  const auto it = sessions_.find(session);
  if (it == sessions_.end() || it->second.kind != Kind::upgrading) return false;
  it->second.kind = Kind::local;
  return true;
}

void NodeSessions::forget_upgrades() { forget_all(Kind::upgrading); }
void NodeSessions::forget_guests() { forget_all(Kind::guest); }

std::vector<NodeSessions::Gone> NodeSessions::tick(std::uint32_t gateway, std::span<const SessionId> heard) {
  const std::lock_guard lock(mutex_);
  auto& here = holder(gateway);
  here.now += tick_ms_;
  for (const auto session : heard) here.deadlines.touch(session, here.now);
  auto gone = std::exchange(here.gone, {});
  for (const auto session : here.deadlines.expired(here.now)) {
    sessions_.erase(session);
    gone.push_back({session, Closed::expired});
  }
  return gone;
}

}  // namespace troupe
