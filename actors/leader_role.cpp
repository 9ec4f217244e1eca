#include "actors/leader_role.hpp"

#include <capnp/serialize.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "actors/sender.hpp"
#include "actors/session_tracker.hpp"
#include "schema/check.hpp"

namespace troupe {
namespace {
// Bytes in a learner's link that are more than heartbeats.
constexpr std::size_t progress_bytes = 64 << 10;
// Of one learner's gateways, that wait for a confirmation. A gateway syncs once a turn of its loop.
constexpr std::size_t max_questions = 100'000;
constexpr std::int64_t quota_warning_interval_ms = 10'000;

kj::ArrayPtr<const capnp::word> words(const Bytes& message) {
  return kj::arrayPtr(reinterpret_cast<const capnp::word*>(message.data()), message.size() / sizeof(capnp::word));
}
}  // namespace

LeaderRole::LeaderRole(caf::actor_config& config, const RoleContext& context, RoleUserActor peer, HistoryFacts facts,
                       std::int64_t now)
    : Hosted(config),
      context_(context),
      peer_(std::move(peer)),
      now_(now),
      core_({.self = context.options.self,
             .members = ids_of(facts.configuration->members()),
             .init_timeout_ms = context.options.init_timeout_ms,
             .failure_timeout_ms = context.options.failure_timeout_ms},
            facts.configuration->quorum(), *this, facts.accepted, facts.current, facts.last, now),
      ensemble_(facts.ensemble),
      durable_(facts.last),
      configuration_(facts.configuration),
      cleanup_(context.options.cleanup, now) {}

void LeaderRole::on_exit() {
  if (subscription_ != 0) caf::anon_send(context_.applier, Unsubscribe{subscription_});
  for (auto& [id, learner] : links_) {
    learner.link->close("the leader stepped down");
    if (learner.sender) this->send_exit(learner.sender, caf::exit_reason::user_shutdown);
  }
  if (tracker_) this->send_exit(tracker_, caf::exit_reason::user_shutdown);
  links_.clear();
  link_ids_.clear();
  behind_reconfig_.clear();
  tracker_ = nullptr;
  proposer_.reset();
  peer_ = nullptr;
}

// --- what the core asks for ---

void LeaderRole::perform(zab::LeaderEffects& effects) {
  for (const auto& effect : effects) {
    if (ended_) return;
    // Proposals are gathered; whatever else the core asks for comes behind them.
    if (!std::holds_alternative<zab::leader_effect::Propose>(effect)) flush_proposals();
    std::visit([this](const auto& e) { perform(e); }, effect);
  }
  effects.clear();
}

void LeaderRole::perform(const zab::leader_effect::Send& effect) {
  const auto found = links_.find(effect.link);
  if (found != links_.end()) this->send(found->second.sender, SendMessage{effect.message});
}

void LeaderRole::perform(const zab::leader_effect::StoreAcceptedEpoch& effect) {
  this->send(context_.log_writer, StoreAcceptedEpoch{effect.epoch}, LogUserActor{this});
}

void LeaderRole::perform(const zab::leader_effect::StoreCurrentEpoch& effect) {
  this->send(context_.log_writer, StoreCurrentEpoch{effect.epoch}, LogUserActor{this});
}

void LeaderRole::perform(const zab::leader_effect::BeginSync& effect) {
  const auto found = links_.find(effect.link);
  if (found == links_.end()) return;
  auto& learner = found->second;
  learner.streaming = true;
  spdlog::info("node {} is brought up to date: {} from {}", learner.peer.value,
               effect.plan.kind == zab::SyncPlan::Kind::diff    ? "DIFF"
               : effect.plan.kind == zab::SyncPlan::Kind::trunc ? "TRUNC"
                                                                : "SNAP",
               to_string(effect.plan.from));
  this->send(learner.sender, BeginStream{effect.plan, effect.last, effect.epoch, effect.observer, durable_,
                                         std::vector<Proposal>(in_flight_.begin(), in_flight_.end())});
  if (core_.broadcasting()) this->send(learner.sender, StreamCommit{core_.committed()});
}

void LeaderRole::perform(const zab::leader_effect::Established& effect) {
  spdlog::info("leading epoch {} from {}", effect.epoch.value, to_string(effect.last));
  established_ = effect.last;
  // The tree must be at the end of the history before a request can be decided: wait for that view.
  subscription_ = new_subscription();
  this->send(context_.applier, Subscribe{subscription_}, AppliedUserActor{this});
}

void LeaderRole::perform(const zab::leader_effect::Propose& effect) { batch_.push_back(effect.proposal); }

void LeaderRole::flush_proposals() {
  if (batch_.empty()) return;
  in_flight_.insert(in_flight_.end(), batch_.begin(), batch_.end());
  const auto shared = std::make_shared<const std::vector<Proposal>>(batch_);
  for (const auto& [id, learner] : links_) {
    if (learner.streaming) this->send(learner.sender, Stream{shared});
  }
  this->send(context_.log_writer, Append{std::move(batch_)}, LogUserActor{this});
  batch_.clear();
}

void LeaderRole::perform(const zab::leader_effect::Commit& effect) {
  for (const auto& [id, learner] : links_) {
    if (learner.streaming) this->send(learner.sender, StreamCommit{effect.zxid});
  }
  this->send(context_.applier, Deliver{std::min(effect.zxid, durable_)});
  activate_if_committed();
}

void LeaderRole::perform(const zab::leader_effect::CommitWith& effect) {
  const auto found = links_.find(effect.link);
  if (found != links_.end()) this->send(found->second.sender, StreamCommitWith{effect.zxid});
}

void LeaderRole::perform(const zab::leader_effect::StreamAs& effect) {
  const auto found = links_.find(effect.link);
  if (found != links_.end()) this->send(found->second.sender, StreamAs{effect.observer});
}

void LeaderRole::perform(const zab::leader_effect::Disconnect& effect) {
  const auto found = links_.find(effect.link);
  if (found != links_.end()) spdlog::info("node {} is disconnected: {}", found->second.peer.value, effect.reason);
  drop_link(effect.link, effect.reason);
}

void LeaderRole::perform(const zab::leader_effect::StepDown& effect) {
  ended_ = true;
  const bool for_nothing = core_.epoch() == Epoch{};
  this->send(peer_, RoleEnded{effect.reason, std::min(core_.committed(), durable_), for_nothing});
  this->quit();
}

void LeaderRole::drop_link(zab::LinkId id, const std::string& reason) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  auto learner = std::move(found->second);
  links_.erase(found);
  link_ids_.erase(learner.link.get());
  learner.link->close(reason);
  this->send_exit(learner.sender, caf::exit_reason::user_shutdown);
}

void LeaderRole::dismiss(zab::LinkId id, const std::string& reason) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  spdlog::warn("node {} is disconnected: {}", found->second.peer.value, reason);
  drop_link(id, reason);
  zab::LeaderEffects effects;
  core_.on_link_down(id, now_, effects);
  perform(effects);
}

// --- learners ---

void LeaderRole::watch_progress() {
  for (auto& [id, learner] : links_) {
    const auto queued = learner.link->queued();
    // What is heartbeats alone says nothing.
    if (learner.queued >= progress_bytes && queued < learner.queued) core_.on_progress(id, now_);
    learner.queued = queued;
  }
}

void LeaderRole::received(zab::LinkId id, const zab::Message& message) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  const PeerId from = found->second.peer;
  zab::LeaderEffects effects;
  core_.on_heard(id, now_);
  const bool asks = std::holds_alternative<zab::ForwardedRequests>(message) ||
                    std::holds_alternative<zab::RevalidateSession>(message) ||
                    std::holds_alternative<zab::SyncRequest>(message);
  if (asks && !core_.serves(id)) return dismiss(id, "it asks for its clients before it may serve them");
  if (const auto* m = std::get_if<zab::Ack>(&message)) {
    core_.on_ack(id, *m, now_, effects);
  } else if (const auto* m = std::get_if<zab::ForwardedRequests>(&message)) {
    submit(id, m->requests);
  } else if (const auto* m = std::get_if<zab::Pong>(&message)) {
    if (tracker_ && !m->heard.empty()) this->send(tracker_, Heard{m->heard});
    if (m->ordinal != 0) core_.on_pong(id, m->ordinal, now_, effects);
    if (m->installing) core_.on_progress(id, now_);  // it gives up by itself where nothing moves
  } else if (const auto* m = std::get_if<zab::RevalidateSession>(&message)) {
    if (++found->second.questions > max_questions) return dismiss(id, "it asks too much at once");
    revalidate(id, *m);
  } else if (const auto* m = std::get_if<zab::SyncRequest>(&message)) {
    if (++found->second.questions > max_questions) return dismiss(id, "it asks too much at once");
    sync(id, *m);
  } else if (const auto* m = std::get_if<zab::FollowerInfo>(&message)) {
    found->second.ensemble = m->ensemble;
    if (m->peer != from || foreign(m->ensemble)) {
      spdlog::error(
          "node {} belongs to another ensemble, or is not who it says; refused. Its data directory is of "
          "another ensemble: move it away",
          from.value);
      return dismiss(id, "it belongs to another ensemble");
    }
    core_.on_follower_info(id, *m, now_, effects);
  } else if (const auto* m = std::get_if<zab::AckEpoch>(&message)) {
    core_.on_ack_epoch(id, *m, now_, effects);
  } else if (const auto* m = std::get_if<zab::AckNewLeader>(&message)) {
    core_.on_ack_new_leader(id, *m, now_, effects);
  } else {
    return dismiss(id, "it sent a message that only a leader sends");
  }
  perform(effects);
}

// --- clients' requests ---

Proposer& LeaderRole::proposer() {
  TROUPE_CHECK(proposer_, "nobody is told to serve before the leader does");
  return *proposer_;
}

void LeaderRole::name_ensemble(const std::string& id) {
  ensemble_ = id;
  std::vector<zab::LinkId> strange;
  for (const auto& [link, learner] : links_) {
    if (foreign(learner.ensemble)) strange.push_back(link);
  }
  for (const auto link : strange) {
    if (!ended_) dismiss(link, "it belongs to another ensemble. Its data directory is of that: move it away");
  }
}

void LeaderRole::start_serving(const store::View& view) {
  std::vector<store::Session> sessions;
  view.sessions([&](const store::Session& session) { sessions.push_back(session); });
  tracker_ = spawn_on<SessionTracker>(this->system(), *context_.host, ExpiryUserActor{this}, std::move(sessions),
                                      context_.options.session_interval_ms, now_);
  propose_beginnings(view);
  if (ended_) return;
  this->send(peer_, RoleActive{core_.epoch()});
  zab::LeaderEffects effects;
  core_.on_serving(effects);
  perform(effects);
}

void LeaderRole::submit(zab::LinkId from, const std::vector<Bytes>& requests) {
  // What another node forwards is input from outside: one that cannot be read ends nothing but itself.
  const auto read = [&](auto&& run) {
    try {
      run();
    } catch (const kj::Exception& error) {
      const auto link = links_.find(from);
      const PeerId peer = link == links_.end() ? context_.options.self : link->second.peer;
      spdlog::warn("a request that node {} forwarded cannot be read: {}", peer.value, error.getDescription().cStr());
    }
  };
  constexpr std::size_t at_once = 16;
  for (std::span<const Bytes> left = requests; !left.empty(); left = left.subspan(std::min(at_once, left.size()))) {
    const auto some = left.first(std::min(at_once, left.size()));
    std::array<std::optional<capnp::FlatArrayMessageReader>, at_once> messages;
    std::array<schema::Request::Reader, at_once> readers;
    std::array<const Bytes*, at_once> bytes;
    std::size_t readable = 0;
    for (const Bytes& request : some) {
      read([&] {
        readers[readable] = messages[readable].emplace(words(request)).getRoot<schema::Request>();
        bytes[readable++] = &request;
      });
    }
    if (proposer_ && readable > 1) proposer_->prefetch(std::span(readers).first(readable));
    for (std::size_t i = 0; i < readable; ++i) {
      if (ended_) return;
      read([&] { submit(from, *bytes[i], readers[i]); });
    }
  }
  flush_proposals();
}

void LeaderRole::submit(zab::LinkId from, const Bytes& bytes, schema::Request::Reader request) {
  const SessionId session{request.getSession()};
  if (waits(session)) return behind_reconfig_.push_back([this, from, bytes] { submit(from, std::vector{bytes}); });
  const Origin origin{from, request.getGateway()};
  // Session 0 is the ensemble's own, which nobody can speak for.
  if (session == SessionId{}) return refuse(origin, session, request.getNumber(), Error::invalid_state);
  if (request.isOpenSession()) {
    if (!proposer().has_session(session)) owners_[session] = origin;
  } else if (!request.getLocal()) {
    const auto owner = owners_.find(session);
    if (owner == owners_.end() || owner->second != origin) {
      return refuse(origin, session, request.getNumber(), Error::session_moved);
    }
  }
  if (request.isReconfig()) return reconfigure(request);
  propose(request);
}

void LeaderRole::propose(schema::Request::Reader request) {
  auto proposal = proposer().prepare(core_.next_zxid(), context_.wall_clock(), request);
  if (!proposal) return;
  zab::LeaderEffects effects;
  core_.propose(std::move(*proposal), effects);
  perform(effects);
}

void LeaderRole::propose(const Bytes& request) {
  capnp::FlatArrayMessageReader message(words(request));
  propose(message.getRoot<schema::Request>());
}

template <class Local, class Remote>
void LeaderRole::answer(const Origin& to, const Local& local, const Remote& remote) {
  if (to.link == here) {
    if (to.gateway < context_.gateways.size()) this->send(context_.gateways[to.gateway], local);
    return;
  }
  const auto found = links_.find(to.link);
  if (found != links_.end()) this->send(found->second.sender, SendMessage{remote});
}

void LeaderRole::refuse(const Origin& to, SessionId session, std::uint64_t number, Error error) {
  answer(to, Refused{session, number, error},
         zab::RequestRefused{to.gateway, session, number, static_cast<std::int32_t>(error)});
}

void LeaderRole::revalidate(zab::LinkId from, const zab::RevalidateSession& request) {
  if (waits(request.session)) return behind_reconfig_.push_back([this, from, request] { revalidate(from, request); });
  const Origin origin{from, request.gateway};
  const Zxid barrier = core_.last_proposed();
  // It may have been opened under a later leader.
  if (!proposer().has_session(request.session)) return answer_when_confirmed({origin, request.ticket, barrier, true});
  owners_[request.session] = origin;
  if (request.timeout_ms != 0) {
    this->send(tracker_, TrackSessions{{{request.session, request.timeout_ms}}, {}});
  } else {
    this->send(tracker_, Heard{{request.session}});
  }
  answer(origin, Attached{request.ticket, Error::ok, barrier},
         zab::SessionRevalidated{request.gateway, request.ticket, static_cast<std::int32_t>(Error::ok), barrier});
}

void LeaderRole::sync(zab::LinkId from, const zab::SyncRequest& request) {
  answer_when_confirmed({{from, request.gateway}, request.ticket, core_.known_anywhere()});
}

void LeaderRole::answer_when_confirmed(const Unconfirmed& unconfirmed) {
  waiting_.push_back(unconfirmed);
  if (asked_.empty()) ask();
}

void LeaderRole::ask() {
  asked_ = std::move(waiting_);
  waiting_.clear();
  for (auto& [id, learner] : links_) learner.questions = 0;
  zab::LeaderEffects effects;
  core_.ask(effects);
  perform(effects);
}

void LeaderRole::perform(const zab::leader_effect::Confirmed&) {
  // One question is under way at a time, so it is the one that these wait for.
  const auto confirmed = std::move(asked_);
  asked_.clear();
  for (const auto& [to, ticket, barrier, expired] : confirmed) {
    if (expired) {
      answer(to, Attached{ticket, Error::session_expired, barrier},
             zab::SessionRevalidated{to.gateway, ticket, static_cast<std::int32_t>(Error::session_expired), barrier});
    } else {
      answer(to, Synced{ticket, barrier}, zab::SyncReply{to.gateway, ticket, barrier});
    }
  }
  if (!waiting_.empty()) ask();
}

void LeaderRole::expire(const std::vector<SessionId>& sessions) {
  for (const auto session : sessions) {
    if (ended_ || !proposer_) return;
    propose(close_session_request(session));
  }
  flush_proposals();
}

void LeaderRole::clean_up() {
  if (!proposer_) return;
  for (const auto& path : cleanup_.tick(now_, context_.wall_clock(), proposer_->view())) {
    if (ended_) return;
    propose(delete_due_request(path));
  }
  flush_proposals();
}

Rules LeaderRole::rules() {
  const auto& options = context_.options;
  return {.enforce_quota = options.enforce_quota,
          .schemes = options.acl_schemes,
          .never_used_ms = options.cleanup.never_used_ms,
          .on_quota_exceeded = [this](const std::string& what) {
            if (now_ < next_quota_warning_) return;
            next_quota_warning_ = now_ + quota_warning_interval_ms;
            spdlog::warn("{}; such warnings come at most every {} s", what, quota_warning_interval_ms / 1000);
          }};
}

void LeaderRole::applied(const Applied& applied) {
  digest_zxid_ = applied.view->zxid();
  digest_ = applied.view->digest();
  if (proposer_) {
    proposer_->advance(applied.view);
    if (removed(*applied.view)) return resign();
    for (const auto session : applied.batch->closed_sessions) owners_.erase(session);
    if (!applied.batch->opened_sessions.empty() || !applied.batch->closed_sessions.empty()) {
      this->send(tracker_, TrackSessions{applied.batch->opened_sessions, applied.batch->closed_sessions});
    }
  } else if (established_ && applied.view->zxid() == *established_) {
    if (removed(*applied.view)) return resign();
    proposer_.emplace(applied.view, rules());
    start_serving(*applied.view);
  }
}

void LeaderRole::report() const {
  NodeStatus status;
  status.id = context_.options.self;
  status.role = zab::PeerState::leading;
  status.serving = proposer_.has_value();
  status.leader = context_.options.self;
  status.epoch = core_.epoch();
  status.last_logged = core_.last_proposed();
  status.committed = core_.committed();
  for (const auto& learner : core_.learners()) {
    status.learners.push_back({learner.peer, learner.observer, learner.active, learner.acked});
  }
  caf::anon_send(peer_, std::move(status));
}

LeaderRole::behavior_type LeaderRole::make_behavior() {
  zab::LeaderEffects effects;
  core_.start(effects);
  perform(effects);
  return {
      [this](const Submit& submit) { this->submit(here, submit.requests); },
      [this](const Attach& attach) {
        revalidate(here, {attach.gateway, attach.ticket, attach.session, attach.timeout_ms});
      },
      [this](const SyncRead& read) {
        sync(here, {read.gateway, read.ticket});
      },
      [this](const Heard& heard) {
        if (tracker_) this->send(tracker_, heard);
      },
      [this](const LearnerConnected& connected) {
        const zab::LinkId id{next_link_++};
        link_ids_[connected.link.get()] = id;
        links_[id] = LearnerLink{
            connected.peer, connected.link,
            spawn_on<Sender>(this->system(), *context_.host, connected.link, context_.data->log(), context_.applier)};
        connected.link->deliver_to(LinkUserActor{this});
      },
      [this](const LinkUp&) {},
      [this](const LinkReceived& received) {
        for (const auto& message : received.messages) {
          const auto id = link_ids_.find(received.link);
          if (ended_ || id == link_ids_.end()) return;
          this->received(id->second, message);
        }
      },
      [this](const LinkDown& down) {
        const auto found = link_ids_.find(down.link);
        if (ended_ || found == link_ids_.end()) return;
        const auto id = found->second;
        spdlog::info("node {} is gone: {}", links_[id].peer.value, down.reason);
        drop_link(id, down.reason);
        zab::LeaderEffects effects;
        core_.on_link_down(id, now_, effects);
        perform(effects);
      },
      [this](const Durable& durable) {
        durable_ = std::max(durable_, durable.zxid);
        while (!in_flight_.empty() && in_flight_.front().zxid <= durable_) in_flight_.pop_front();
        for (const auto& [id, learner] : links_) {
          if (learner.streaming) this->send(learner.sender, StreamDurable{durable_});
        }
        zab::LeaderEffects effects;
        const Zxid committed = core_.committed();
        core_.on_durable(durable.zxid, effects);
        perform(effects);
        // Followers may have been faster than this node's own disk.
        if (core_.broadcasting() && committed == core_.committed()) {
          this->send(context_.applier, Deliver{std::min(committed, durable_)});
        }
      },
      [this](const StoreAcceptedEpoch& stored) {
        zab::LeaderEffects effects;
        core_.on_accepted_epoch_stored(stored.epoch, effects);
        perform(effects);
      },
      [this](const StoreCurrentEpoch& stored) {
        zab::LeaderEffects effects;
        core_.on_current_epoch_stored(stored.epoch, effects);
        perform(effects);
      },
      [](const SnapshotEntriesStored&) {},
      [](const SnapshotStored&) {},
      [](const SnapshotRejected&) {},
      [this](const Applied& applied) { this->applied(applied); },
      [this](const SessionsExpired& expired) { expire(expired.sessions); },
      [this](const Tick& tick) {
        now_ = tick.now;
        watch_progress();
        zab::LeaderEffects effects;
        core_.tick(now_, effects);
        perform(effects);
        if (ended_) return;
        if (tracker_) this->send(tracker_, tick);
        clean_up();
        if (!ended_) adopt_file();
        if (ended_) return;
        if (now_ < next_heartbeat_) return;
        next_heartbeat_ = now_ + context_.options.heartbeat_ms;
        for (const auto& [id, learner] : links_) {
          this->send(learner.sender, SendMessage{zab::Ping{digest_zxid_, digest_}});
        }
        report();
      },
  };
}

}  // namespace troupe
