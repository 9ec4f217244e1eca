// How a gateway's connections begin and end, and how they wait while there is no leader.
//
// A client that is not accepted yet when the leader is lost, or comes soon after, waits for the next one: its session
// is asked for again as if it had just come, with what it has seen. A session that was being opened gets another id:
// the transaction that opens the first one may be in the next leader's history.
#include <algorithm>

#include "actors/gateway.hpp"
#include "actors/request_writer.hpp"
#include "schema/check.hpp"

namespace troupe {

Attachment* Gateway::find(SessionId session) {
  const auto it = sessions_.find(session);
  return it == sessions_.end() ? nullptr : it->second.get();
}

Attachment* Gateway::refuse(ClientSink& sink, Closed why) {
  sink.on_closed(why);
  return nullptr;
}

Attachment& Gateway::add(SessionId session, ClientSink& sink, const ConnectRequest& request) {
  auto attachment = std::make_unique<Attachment>(session, sink, request.address);
  attachment->last_seen = request.last_seen;
  if (!request.subject.empty()) {
    attachment->identity.add("x509", std::string(request.subject));
    if (request.subject == options_.super_subject) attachment->identity.add("super", std::string(request.subject));
  }
  return *(sessions_[session] = std::move(attachment));
}

Attachment* Gateway::connect(ClientSink& sink, const ConnectRequest& request) {
  settle();
  try {
    return begin(sink, request);
  } catch (const store::StorageError& error) {
    storage_failed(error);
    const auto begun =
        std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& each) { return each.second->sink == &sink; });
    if (begun != sessions_.end()) forget(*begun->second);
    return refuse(sink, Closed::not_serving);
  }
}

Attachment* Gateway::begin(ClientSink& sink, const ConnectRequest& request) {
  if (read_only_) return begin_guest(sink, request);
  const std::string key = takes_clients() && view_ ? view_->session_key() : std::string();
  if (key.empty()) return refuse(sink, Closed::not_serving);

  const bool is_new = request.session == SessionId{};
  if (!is_new && !password_matches(key, request.session, request.password)) return refuse(sink, Closed::expired);
  if (auto* older = find(request.session)) close(*older, Closed::moved);
  Attachment& attachment = add(is_new ? new_session_id() : request.session, sink, request);
  if (is_new || request.timeout_ms != 0) attachment.timeout_ms = bounded(request.timeout_ms);
  attachment.is_new = is_new;
  attachment.may_be_local = request.may_be_local;
  if (serving_) ask_for_session(attachment);
  return &attachment;
}

void Gateway::ask_for_session(Attachment& attachment) {
  if (attachment.is_new) {
    attachment.state = State::opening;
    if (options_.local_sessions && attachment.may_be_local) return open_local(attachment);
    requests_.push_back(open_session_request({attachment.session, options_.gateway, attachment.identity.list()},
                                             attachment.timeout_ms));
    return dirty();
  }
  // What the session asked for on an earlier connection goes first, so that the barrier covers it.
  flush();
  if (options_.local_sessions) {
    attachment.may_be_local ? take_up_local(attachment)
                            : node_sessions_->came_back(attachment.session, options_.gateway);
  }
  attachment.state = State::attaching;
  attachment.ticket = next_ticket_++;
  attaching_[attachment.ticket] = attachment.session;
  upstream_.attach(attachment.ticket, attachment.session, attachment.timeout_ms);
}

/// The client, which is not accepted yet, waits for the next leader.
void Gateway::hold(Attachment& attachment) {
  if (attachment.state == State::opening) {
    const SessionId another = new_session_id();  // which may fail to read the tree
    auto entry = sessions_.extract(attachment.session);
    entry.key() = attachment.session = another;
    sessions_.insert(std::move(entry));
  }
  attachment.scope = Scope::global;
  attachment.state = State::waiting;
}

std::uint32_t Gateway::bounded(std::uint32_t timeout_ms) const {
  return std::clamp(timeout_ms, options_.min_timeout_ms, options_.max_timeout_ms);
}

SessionId Gateway::new_session_id() {
  for (;;) {
    const auto bits = (std::uint64_t{options_.node.value} << 56) | (random_() >> 8);
    const SessionId session{static_cast<std::int64_t>(bits)};
    if (!sessions_.contains(session) && !view_->session(session) && !node_sessions_->find(session)) return session;
  }
}

void Gateway::accept(Attachment& attachment) {
  if (attachment.scope != Scope::local) {
    if (const auto session = view_->session(attachment.session)) {
      attachment.scope = Scope::global;
      if (attachment.timeout_ms == 0) attachment.timeout_ms = session->timeout_ms;
      attachment.replay_until = view_->last_number(attachment.session);
    } else if (attachment.scope == Scope::upgrading && node_sessions_->keep(attachment.session)) {
      attachment.scope = Scope::local;
    } else {
      return close(attachment, Closed::expired);
    }
  }
  attachment.state = State::ready;
  attachment.told = view_->zxid();
  heard(attachment);
  attachment.sink->on_accepted(
      {attachment.session, session_password(view_->session_key(), attachment.session), attachment.timeout_ms});
}

void Gateway::heard(Attachment& attachment) {
  if (attachment.heard_in == tick_) return;
  attachment.heard_in = tick_;
  if (attachment.scope != Scope::global) heard_here_.push_back(attachment.session);
  if (attachment.scope == Scope::global || attachment.scope == Scope::upgrading) heard_.push_back(attachment.session);
}

void Gateway::disconnect(Attachment& attachment) {
  if (attachment.state == State::closed) return;
  forget(attachment);
}

void Gateway::close(Attachment& attachment, Closed why) {
  if (attachment.state == State::closed) return;
  forget(attachment);
  attachment.sink->on_closed(why);
}

/// The attachment stays in memory until settle(): its own functions may be under way.
void Gateway::forget(Attachment& attachment) {
  watches_.remove_watcher(watcher_of(attachment.session));
  attaching_.erase(attachment.ticket);
  // It may wait for a zxid that never comes.
  auto [waiting, end] = barriers_.equal_range(attachment.barrier);
  while (waiting != end)
    waiting = waiting->second == attachment.session ? barriers_.erase(waiting) : std::next(waiting);
  attachment.state = State::closed;
  queued_bytes_ -= attachment.queued_bytes;
  const auto it = sessions_.find(attachment.session);
  TROUPE_CHECK(it != sessions_.end() && it->second.get() == &attachment, "an open attachment is its session's");
  closed_.push_back(std::move(it->second));
  sessions_.erase(it);
}

void Gateway::each(std::optional<State> state, const std::function<void(Attachment&)>& visit) {
  std::vector<SessionId> sessions;
  for (const auto& [session, attachment] : sessions_) {
    if (!state || attachment->state == *state) sessions.push_back(session);
  }
  for (const auto session : sessions) {
    if (auto* attachment = find(session)) visit(*attachment);
  }
}

void Gateway::serving() {
  if (std::exchange(read_only_, false)) {
    settle();
    each(std::nullopt, [this](Attachment& guest) { close(guest, Closed::not_serving); });
    node_sessions_->forget_guests();
  }
  serving_ = true;
  each(State::waiting, [this](Attachment& attachment) {
    attachment.sink->has_gone() ? close(attachment, Closed::not_serving) : ask_for_session(attachment);
  });
}

void Gateway::not_serving() {
  settle();
  if (std::exchange(serving_, false)) ticks_of_patience_ = options_.patience_ms / options_.tick_ms;
  ticks_alone_ = 0;
  each(std::nullopt, [this](Attachment& attachment) {
    const bool accepted = attachment.state == State::ready;
    accepted || ticks_of_patience_ == 0 ? close(attachment, Closed::not_serving) : hold(attachment);
  });
  attaching_.clear();
  syncing_.clear();
  barriers_.clear();
  requests_.clear();
  local_requests_.clear();
  heard_.clear();
  sync_wanted_ = false;
}

void Gateway::attached(std::uint64_t ticket, Error error, Zxid barrier) {
  settle();
  const auto it = attaching_.find(ticket);
  if (it == attaching_.end()) return;  // the connection is gone
  auto* attachment = find(it->second);
  attaching_.erase(it);
  TROUPE_CHECK(attachment != nullptr, "a ticket is forgotten with its attachment");
  // Of a session that was being upgraded when its client left, the view tells what it is, from the barrier on.
  if (error != Error::ok && attachment->scope == Scope::global) return close(*attachment, Closed::expired);
  attachment->state = State::catching_up;
  attachment->barrier = std::max(barrier, attachment->last_seen);
  reach_barrier(attachment->session, attachment->barrier);
}

}  // namespace troupe
