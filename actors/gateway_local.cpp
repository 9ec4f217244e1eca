// The gateway's part in the sessions that are this node's own: local ones and guests.
//
// An upgrade: the write that needs a session of the ensemble takes the opening of its session with it, right in front,
// so that the leader knows the session when it comes to the write. What the session asks for before is marked as
// local, what it asks for behind is not. The opening's own answer goes to nobody; when the view shows it the node
// forgets the session. If the client leaves before that, it is for the leader to say at its return whether the opening
// arrived: it takes up the one session or the other, and never loses it.
//
// While a session is not the ensemble's no leader sees to it that one gateway alone speaks for it. So its requests, and
// its opening, are sent only while this gateway holds the session: those of an older connection are sent before those
// of the next one, or never.
#include <algorithm>

#include "actors/gateway.hpp"
#include "actors/request_writer.hpp"

namespace troupe {

void Gateway::open_local(Attachment& attachment) {
  attachment.scope = Scope::local;
  node_sessions_->open(attachment.session, NodeSessions::Kind::local, attachment.timeout_ms, options_.gateway);
  accept(attachment);
}

/// The leader is asked all the same: it does not know the session, but behind which transaction all is that was asked
/// for on older connections.
void Gateway::take_up_local(Attachment& attachment) {
  const auto known = node_sessions_->take_up(attachment.session, attachment.timeout_ms, options_.gateway);
  if (!known || known->kind == NodeSessions::Kind::guest) return;  // a guest's session ends when the node serves
  attachment.timeout_ms = known->timeout_ms;
  attachment.scope = known->kind == NodeSessions::Kind::upgrading ? Scope::upgrading : Scope::local;
}

/// Whether a session of the ensemble is still open nobody here can say.
Attachment* Gateway::begin_guest(ClientSink& sink, const ConnectRequest& request) {
  const std::string key = view_->session_key();
  const bool is_new = request.session == SessionId{};
  const auto known = node_sessions_->find(request.session);
  if (!request.read_only || key.empty() || (!is_new && (!known || known->kind == NodeSessions::Kind::upgrading))) {
    return refuse(sink, Closed::not_serving);
  }
  if (!is_new && !password_matches(key, request.session, request.password)) return refuse(sink, Closed::expired);
  if (auto* older = find(request.session)) close(*older, Closed::moved);
  Attachment& attachment = add(is_new ? new_session_id() : request.session, sink, request);
  attachment.scope = Scope::guest;
  attachment.state = State::ready;
  attachment.told = view_->zxid();
  attachment.timeout_ms = bounded(request.timeout_ms);
  if (is_new) {
    node_sessions_->open(attachment.session, NodeSessions::Kind::guest, attachment.timeout_ms, options_.gateway);
  } else {
    node_sessions_->take_up(attachment.session, attachment.timeout_ms, options_.gateway);
  }
  sink.on_accepted({attachment.session, session_password(key, attachment.session), attachment.timeout_ms, true});
  return &attachment;
}

/// What a leader would be needed for; but a guest's session ends here.
void Gateway::take_from_guest(Attachment& attachment, const Call& call) {
  if (call.code == OpCode::close) return say_farewell(attachment, call);
  refuse(attachment, call, Error::not_read_only);
}

/// The session ends when all that was called before is answered.
void Gateway::say_farewell(Attachment& attachment, const Call& call) {
  enqueue(attachment, {.kind = Waiting::Kind::farewell, .tag = call.tag, .code = call.code, .bytes = sizeof(Waiting)});
}

bool Gateway::must_upgrade(const Call& call) const {
  return options_.upgrade_local_sessions && std::any_of(call.ops.begin(), call.ops.end(), [](const WriteOp& op) {
           return op.code == OpCode::create &&
                  (op.kind == schema::NodeKind::EPHEMERAL || op.kind == schema::NodeKind::EPHEMERAL_SEQUENTIAL);
         });
}

/// Notes down what is to be sent only where the session is held: a write that is marked as local, or the opening that
/// goes before one that is not, which the leader refuses if the opening is not sent.
void Gateway::issue_local(Attachment& attachment, const Waiting& write) {
  local_requests_.emplace_back(requests_.size(), attachment.session);
  if (write.upgrades) {
    node_sessions_->upgrade(attachment.session, options_.gateway);
    requests_.push_back(open_session_request({attachment.session, options_.gateway, attachment.identity.list()},
                                             attachment.timeout_ms));
  }
}

void Gateway::submit_where_held() {
  node_sessions_->in_place(options_.gateway, [this](const auto& held_here) {
    for (const auto& [at, session] : local_requests_) {
      if (!held_here(session)) requests_[at] = Bytes();
    }
    std::erase_if(requests_, [](const Bytes& request) { return request.empty(); });
    if (!requests_.empty()) upstream_.submit(std::move(requests_));
  });
  requests_.clear();
  local_requests_.clear();
}

void Gateway::see_upgrades(const store::AppliedBatch& batch) {
  node_sessions_->upgraded(batch.opened_sessions);
  for (const auto& session : batch.opened_sessions) {
    if (auto* attachment = find(session.id)) attachment->scope = Scope::global;
  }
}

void Gateway::tick_local() {
  const auto gone = node_sessions_->tick(options_.gateway, heard_here_);
  heard_here_.clear();
  for (const auto& [session, why] : gone) {
    if (auto* attachment = find(session)) close(*attachment, why);
  }
}

}  // namespace troupe
