#include "actors/gateway.hpp"

#include <algorithm>

#include "actors/path.hpp"
#include "actors/request_writer.hpp"
#include "schema/check.hpp"

namespace troupe {
namespace {

/// Where a gateway's own count of writes begins. No other's reaches there, and a gateway uses no number twice: when a
/// session has moved, or has come back, the outcome of what it asked for before answers nothing that waits now.
std::uint64_t own_numbers(const GatewayOptions& options) {
  return std::uint64_t{options.node.value} << 56 | std::uint64_t{options.gateway} << 48;
}

}  // namespace

Gateway::Gateway(const GatewayOptions& options, Upstream& upstream)
    : options_(options),
      upstream_(upstream),
      random_(options.seed),
      node_sessions_(options.node_sessions ? options.node_sessions : std::make_shared<NodeSessions>(options.tick_ms)),
      own_number_(own_numbers(options)),
      history_(options.history),
      reads_(watches_, history_, options.super_digest) {}

// --- connections (how they begin and end: gateway_sessions.cpp) ---

/// A door's call reads the tree too, and runs in no actor's handler, where a failed disk is noticed. To be
/// called while the error is handled.
void Gateway::storage_failed(const store::StorageError& error) {
  if (!options_.on_storage_error) throw;
  options_.on_storage_error(error.what());
}

template <class Work>
void Gateway::guard(Attachment& attachment, Work&& work) {
  try {
    work();
  } catch (const store::StorageError& error) {
    storage_failed(error);
    close(attachment, Closed::not_serving);
  }
}

/// At the beginning of what comes from outside: frees what was closed, and lets doors read again.
void Gateway::settle() {
  closed_.clear();
  if (stopped_.empty() || queued_bytes_ > options_.max_queue) return;
  std::erase_if(stopped_, [this](SessionId session) {
    auto* attachment = find(session);
    if (attachment == nullptr || !attachment->stopped) return true;
    if (attachment->queued_bytes > options_.max_session_queue / 2 || waits_for_client(*attachment)) return false;
    attachment->stopped = false;
    attachment->sink->on_uncongested();
    return true;
  });
}

/// Its queue stands still until the client takes the answers that it has been sent.
bool Gateway::waits_for_client(const Attachment& attachment) {
  return !attachment.queue.empty() && attachment.sink->full();
}

void Gateway::drained(Attachment& attachment) {
  if (attachment.state != State::ready) return;
  heard(attachment);  // it takes its answers
  guard(attachment, [&] { advance(attachment); });
  settle();
}

bool Gateway::congested(Attachment& attachment) {
  if (attachment.state == State::closed) return false;
  if (attachment.stopped) return true;
  const bool full = attachment.queued_bytes > options_.max_session_queue || waits_for_client(attachment) ||
                    (queued_bytes_ > options_.max_queue && attachment.queued_bytes != 0);
  if (full) {
    attachment.stopped = true;
    stopped_.push_back(attachment.session);
  }
  return full;
}

// --- calls ---

void Gateway::call(Attachment& attachment, const Call& call) {
  if (attachment.state == State::closed) return;
  closed_.clear();
  guard(attachment, [&] { take(attachment, call); });
}

void Gateway::take(Attachment& attachment, const Call& call) {
  if (attachment.state != State::ready) return close(attachment, Closed::bad_request);
  heard(attachment);
  dirty();  // also for reads: by the ends of turns the loop knows when it has run out of work
  if (attachment.scope == Scope::guest && (is_write(call.code) || call.code == OpCode::sync)) {
    return take_from_guest(attachment, call);
  }
  if (call.refusal != Error::ok) return refuse(attachment, call, call.refusal);
  if (is_write(call.code)) return submit_write(attachment, call);
  // At once: writes that are called behind it carry what it proves.
  if (call.code == OpCode::add_auth) return refuse(attachment, call, reads_.add_auth(attachment, call));

  if (attachment.queue.empty() && call.code != OpCode::sync && !attachment.sink->full()) {
    return answer(attachment, call);
  }
  Waiting waiting{.tag = call.tag, .code = call.code, .bytes = sizeof(Waiting)};
  if (call.code == OpCode::sync) {
    waiting.kind = Waiting::Kind::sync;
  } else {
    waiting.kind = Waiting::Kind::read;
    waiting.call = std::make_unique<QueuedCall>(call);
    waiting.bytes += waiting.call->size();
  }
  enqueue(attachment, std::move(waiting));
}

/// Answers with nothing but an error, or ok, in its turn.
void Gateway::refuse(Attachment& attachment, const Call& call, Error error) {
  enqueue(
      attachment,
      {.kind = Waiting::Kind::refusal, .tag = call.tag, .code = call.code, .bytes = sizeof(Waiting), .error = error});
}

void Gateway::submit_write(Attachment& attachment, const Call& call) {
  if (attachment.scope == Scope::local && call.code == OpCode::close) return say_farewell(attachment, call);
  const std::uint64_t number = call.numbered ? call.number : std::max(attachment.last_number, own_number_++) + 1;
  if (number <= attachment.last_number) return close(attachment, Closed::bad_request);
  attachment.last_number = number;
  Waiting waiting{
      .kind = Waiting::Kind::write, .tag = call.tag, .code = call.code, .bytes = sizeof(Waiting), .number = number};
  const bool too_large = std::any_of(call.ops.begin(), call.ops.end(), [this](const WriteOp& op) {
    return op.data && op.data->size() > options_.max_data;
  });
  if (too_large) {
    waiting.kind = Waiting::Kind::refusal;
    waiting.error = Error::bad_arguments;
  } else if (call.numbered && number <= attachment.replay_until) {
    // Now, while the answer is kept: a later request of this session may end it, and its answers with it.
    waiting.kind = Waiting::Kind::replay;
    if (auto outcome = view_->answer(attachment.session, number)) {
      waiting.outcome = std::make_shared<const store::Outcome>(std::move(*outcome));
    } else {
      // It was refused before it became a transaction, or the client said that it had the answer.
      waiting.error = Error::invalid_state;
    }
  } else {
    waiting.local = attachment.scope == Scope::local;
    waiting.upgrades = waiting.local && must_upgrade(call);
    if (waiting.upgrades) attachment.scope = Scope::upgrading;
    waiting.request = write_request(
        {attachment.session, options_.gateway, attachment.identity.list(), waiting.local && !waiting.upgrades}, call,
        number);
    waiting.bytes += waiting.request.size();
  }
  enqueue(attachment, std::move(waiting));
}

void Gateway::enqueue(Attachment& attachment, Waiting waiting) {
  attachment.queued_bytes += waiting.bytes;
  queued_bytes_ += waiting.bytes;
  attachment.queue.push_back(std::move(waiting));
  advance(attachment);
}

void Gateway::issue(Attachment& attachment, Waiting& waiting) {
  if (waiting.kind == Waiting::Kind::write) {
    ++attachment.writing;
    if (waiting.local) issue_local(attachment, waiting);
    requests_.push_back(std::move(waiting.request));
    dirty();
  } else if (waiting.kind == Waiting::Kind::sync) {
    if (!sync_wanted_) {
      sync_wanted_ = true;
      sync_ticket_ = next_ticket_++;
      dirty();
    }
    waiting.ticket = sync_ticket_;
    syncing_[sync_ticket_].push_back(attachment.session);
  }
}

/// Answers what stands at the queue's front, if it can be answered now.
bool Gateway::answer_front(Attachment& attachment) {
  Waiting& front = attachment.queue.front();
  switch (front.kind) {
    case Waiting::Kind::write:
    case Waiting::Kind::replay:
      if (front.error) {
        reply(attachment, front, *front.error);
      } else if (front.outcome) {
        reply(attachment, front, *front.outcome);
      } else {
        return false;
      }
      break;
    case Waiting::Kind::sync:
      if (!front.barrier || view_->zxid() < *front.barrier) return false;
      attachment.told = std::max(attachment.told, *front.barrier);  // writes behind it are later still
      reply(attachment, front, Error::ok);
      break;
    case Waiting::Kind::read:
      if (attachment.sink->full()) return false;
      answer(attachment, front.call->call());
      break;
    case Waiting::Kind::refusal:
      reply(attachment, front, *front.error);
      break;
    case Waiting::Kind::farewell:
      if (!node_sessions_->close(attachment.session, options_.gateway)) {
        close(attachment, Closed::moved);
        return false;
      }
      reply(attachment, front, Error::ok);
      close(attachment, Closed::by_request);
      return false;
  }
  if (attachment.issued > 0) --attachment.issued;
  if (front.kind == Waiting::Kind::write) --attachment.writing;
  attachment.queued_bytes -= front.bytes;
  queued_bytes_ -= front.bytes;
  attachment.queue.pop_front();
  return true;
}

/// Answers from the queue's front what can be answered, and issues what has no read before it.
void Gateway::advance(Attachment& attachment) {
  auto& queue = attachment.queue;
  for (;;) {
    while (attachment.issued < queue.size() && queue[attachment.issued].kind != Waiting::Kind::read) {
      issue(attachment, queue[attachment.issued]);
      ++attachment.issued;
    }
    if (queue.empty() || !answer_front(attachment)) return;
  }
}

void Gateway::answer(Attachment& attachment, const Call& call) {
  attachment.told = view_->zxid();
  reads_.answer(attachment, call, *view_);
}

void Gateway::reply(Attachment& attachment, const Waiting& waiting, const store::Outcome& outcome) {
  attachment.told = outcome.zxid;
  Reply reply{.tag = waiting.tag, .code = waiting.code, .zxid = outcome.zxid};
  if (!outcome.multi || outcome.results.empty()) reply.error = outcome.error;
  reply.results = outcome.results;
  attachment.sink->on_reply(reply);
}

/// Answers what neither reads nor writes. The view may be ahead of the answers of writes that are due behind it.
void Gateway::reply(Attachment& attachment, const Waiting& waiting, Error error) {
  const std::size_t behind = attachment.writing - (waiting.kind == Waiting::Kind::write ? 1 : 0);
  if (behind == 0) attachment.told = view_->zxid();
  attachment.sink->on_reply({.tag = waiting.tag, .code = waiting.code, .error = error, .zxid = attachment.told});
}

// --- from upstream and from the applier ---

void Gateway::reach_barrier(SessionId session, Zxid barrier) {
  if (view_ && view_->zxid() >= barrier) {
    if (auto* attachment = find(session)) {
      if (attachment->state == State::catching_up && view_->zxid() >= attachment->barrier) accept(*attachment);
      if (attachment->state == State::ready) advance(*attachment);
    }
  } else {
    barriers_.emplace(barrier, session);
  }
}

void Gateway::synced(std::uint64_t ticket, Zxid barrier) {
  settle();
  const auto it = syncing_.find(ticket);
  if (it == syncing_.end()) return;
  const auto sessions = std::move(it->second);
  syncing_.erase(it);
  for (const auto session : sessions) {
    auto* attachment = find(session);
    if (attachment == nullptr) continue;
    for (std::size_t i = 0; i < attachment->issued; ++i) {
      if (attachment->queue[i].ticket == ticket) attachment->queue[i].barrier = barrier;
    }
    reach_barrier(session, barrier);
  }
}

void Gateway::refused(SessionId session, std::uint64_t number, Error error) {
  settle();
  auto* attachment = find(session);
  if (attachment == nullptr) return;
  if (attachment->state == State::opening) return close(*attachment, Closed::expired);
  const auto end = attachment->queue.begin() + static_cast<std::ptrdiff_t>(attachment->issued);
  const auto waiting = std::find_if(attachment->queue.begin(), end, [&](const Waiting& each) {
    return each.kind == Waiting::Kind::write && each.number == number;
  });
  if (waiting == end) return;  // of an earlier connection
  if (error == Error::session_moved) return close(*attachment, Closed::moved);
  if (error == Error::session_expired) return close(*attachment, Closed::expired);
  waiting->error = error;
  advance(*attachment);
}

void Gateway::applied(std::shared_ptr<const store::AppliedBatch> batch, std::shared_ptr<store::View> view) {
  settle();
  if (options_.local_sessions && !batch->opened_sessions.empty()) see_upgrades(*batch);
  if (!view_ || (batch->outcomes.empty() && view->zxid() != view_->zxid())) {
    // The first view, or the tree was replaced by a snapshot: what changed in between is not known.
    history_.start(view->zxid());
    view_ = std::move(view);
    node_sessions_->forget_upgrades();
  } else {
    view_ = std::move(view);
    history_.add(batch);
  }
  fire(*batch);
  for (const auto& outcome : batch->outcomes) deliver(batch, outcome);
  pass_barriers();
  for (const auto session : batch->closed_sessions) {
    if (auto* attachment = find(session)) close(*attachment, Closed::expired);
  }
  settle();
}

void Gateway::fire(const store::AppliedBatch& batch) {
  for (const auto& change : batch.events) {
    watches_.fire(change, [&](WatcherId watcher, EventType type, std::string_view) {
      Attachment* attachment = find(SessionId{static_cast<std::int64_t>(watcher)});
      TROUPE_CHECK(attachment != nullptr, "a closed attachment has no watches");
      if (type == EventType::children_changed) {
        if (!ReadCalls::may_hear(*attachment, change.parent_acl_bytes)) return;
        if (attachment->events.empty()) touched_.push_back(attachment);
        attachment->events.push_back({type, change.zxid, path::parent(change.path)});
      } else {
        if (!ReadCalls::may_hear(*attachment, change.acl_bytes)) return;
        if (attachment->events.empty()) touched_.push_back(attachment);
        attachment->events.push_back({type, change.zxid, change.path});
      }
    });
  }
  for (auto* attachment : touched_) {
    attachment->sink->on_events(attachment->events);
    attachment->events.clear();
    if (attachment->sink->backlog() > options_.max_backlog) close(*attachment, Closed::overflow);
  }
  touched_.clear();
}

void Gateway::deliver(const std::shared_ptr<const store::AppliedBatch>& batch, const store::Outcome& outcome) {
  auto* attachment = find(outcome.session);
  if (attachment == nullptr) return;
  if (attachment->state == State::opening) {
    return outcome.opened ? accept(*attachment) : close(*attachment, Closed::expired);
  }
  if (attachment->state != State::ready) return;  // of an earlier connection
  for (std::size_t i = 0; i < attachment->issued; ++i) {
    Waiting& waiting = attachment->queue[i];
    if (waiting.kind != Waiting::Kind::write || waiting.outcome || waiting.error) continue;
    if (waiting.number != outcome.number) break;  // the session's end by the leader's hand
    waiting.outcome = std::shared_ptr<const store::Outcome>(batch, &outcome);
    advance(*attachment);
    if (outcome.closed && attachment->queue.empty()) close(*attachment, Closed::by_request);
    return;
  }
}

void Gateway::pass_barriers() {
  while (!barriers_.empty() && barriers_.begin()->first <= view_->zxid()) {
    const auto [barrier, session] = *barriers_.begin();
    barriers_.erase(barriers_.begin());
    reach_barrier(session, barrier);
  }
}

// --- the end of a turn ---

void Gateway::dirty() {
  if (dirty_) return;
  dirty_ = true;
  upstream_.want_flush();
}

void Gateway::flush() {
  dirty_ = false;
  if (sync_wanted_) {  // first: the writes behind a sync are later than what it waits for
    sync_wanted_ = false;
    upstream_.sync(sync_ticket_);
  }
  if (!local_requests_.empty()) {
    submit_where_held();
  } else if (!requests_.empty()) {
    upstream_.submit(std::move(requests_));
    requests_.clear();
  }
}

void Gateway::tick() {
  settle();
  for (const auto session : stopped_) {
    auto* attachment = find(session);
    if (attachment == nullptr) continue;
    if (!waits_for_client(*attachment)) {
      heard(*attachment);  // it is not read from and cannot be heard, but it is there
    } else if (queued_bytes_ > options_.max_queue) {
      close(*attachment, Closed::overflow);  // it takes the room of those who read
    }
  }
  ++tick_;
  if (!serving_ && ticks_of_patience_ > 0 && --ticks_of_patience_ == 0) {
    each(State::waiting, [this](Attachment& attachment) { close(attachment, Closed::not_serving); });
  }
  if (options_.local_sessions || options_.read_only_after_ms != 0) tick_local();
  if (!read_only_ && !serving_ && options_.read_only_after_ms != 0 && view_) {
    read_only_ = ++ticks_alone_ * options_.tick_ms >= options_.read_only_after_ms;
  }
  if (heard_.empty()) return;
  upstream_.heard(std::move(heard_));
  heard_.clear();
}

}  // namespace troupe
