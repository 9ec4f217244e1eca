#include "actors/learner_role.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace troupe {
namespace {
// What may wait for the log writer before the link is held back: chunks of a snapshot, bytes of proposals.
constexpr std::size_t chunk_window = 16;
constexpr std::size_t message_bytes = 1 << 20;  // of forwarded requests
constexpr std::size_t append_window = 32 << 20;
}  // namespace

LearnerRole::LearnerRole(caf::actor_config& config, const RoleContext& context, RoleUserActor peer, PeerId leader,
                         HistoryFacts facts, std::int64_t now)
    : Hosted(config),
      context_(context),
      peer_(std::move(peer)),
      leader_(leader),
      now_(now),
      core_({.self = context.options.self,
             .observer = !facts.configuration->is_voter(context.options.self),
             .ensemble = facts.ensemble,
             .init_timeout_ms = context.options.init_timeout_ms,
             .failure_timeout_ms = context.options.failure_timeout_ms},
            facts.accepted, facts.current, facts.last, facts.settled, now) {}

void LearnerRole::on_exit() {
  unsubscribe();
  if (link_) link_->close("this node follows no longer");
  link_.reset();
  peer_ = nullptr;
}

// --- what the core asks for ---

void LearnerRole::perform(zab::LearnerEffects& effects) {
  for (const auto& effect : effects) {
    if (ended_) return;
    std::visit([this](const auto& e) { perform(e); }, effect);
  }
  effects.clear();
}

void LearnerRole::perform(const zab::learner_effect::Send& effect) { link_->send(effect.message); }

void LearnerRole::perform(const zab::learner_effect::StoreAcceptedEpoch& effect) {
  this->send(context_.log_writer, StoreAcceptedEpoch{effect.epoch}, LogUserActor{this});
}

void LearnerRole::perform(const zab::learner_effect::StoreCurrentEpoch& effect) {
  this->send(context_.log_writer, StoreCurrentEpoch{effect.epoch}, LogUserActor{this});
}

void LearnerRole::perform(const zab::learner_effect::Append& effect) {
  std::size_t size = 0;
  for (const auto& proposal : effect.proposals) size += proposal.txn.size();
  appends_.emplace_back(effect.proposals.back().zxid, size);
  append_bytes_ += size;
  this->send(context_.log_writer, Append{effect.proposals}, LogUserActor{this});
  hold_back();
}

void LearnerRole::perform(const zab::learner_effect::Truncate& effect) {
  spdlog::info("dropping what comes after {}: it was never committed", to_string(effect.last));
  this->send(context_.log_writer, Truncate{effect.last});
}

void LearnerRole::perform(const zab::learner_effect::BeginSnapshot& effect) {
  spdlog::info("taking a snapshot at {} from node {}", to_string(effect.zxid), leader_.value);
  this->send(context_.log_writer, BeginSnapshot{effect.zxid});
}

void LearnerRole::perform(const zab::learner_effect::SnapshotEntries& effect) {
  this->send(context_.log_writer, SnapshotEntries{effect.entries}, LogUserActor{this});
  ++snapshot_chunks_;
  hold_back();
}

void LearnerRole::perform(const zab::learner_effect::EndSnapshot&) {
  this->send(context_.log_writer, EndSnapshot{}, LogUserActor{this});
}

void LearnerRole::perform(const zab::learner_effect::Deliver& effect) {
  this->send(context_.applier, Deliver{effect.zxid});
}

void LearnerRole::perform(const zab::learner_effect::Serve&) {
  // Clients are served when the tree has what was decided so far: after a power cut that may take a while.
  serve_from_ = core_.delivered();
  subscription_ = new_subscription();
  this->send(context_.applier, Subscribe{subscription_}, AppliedUserActor{this});
}

void LearnerRole::applied(Zxid zxid) {
  if (subscription_ == 0 || zxid < serve_from_) return;
  unsubscribe();
  spdlog::info("following node {} in epoch {}", leader_.value, core_.epoch().value);
  this->send(peer_, RoleActive{core_.epoch()});
}

void LearnerRole::unsubscribe() {
  if (subscription_ != 0) caf::anon_send(context_.applier, Unsubscribe{std::exchange(subscription_, 0)});
}

void LearnerRole::perform(const zab::learner_effect::Fail& effect) {
  ended_ = true;
  this->send(peer_, RoleEnded{effect.reason, core_.delivered(), core_.epoch() == Epoch{}});
  this->quit();
}

// --- the link ---

void LearnerRole::hold_back() {
  // Half of the window must come free before more is read: the link is not to stutter.
  const std::size_t part = held_back_ ? 2 : 1;
  const bool full = snapshot_chunks_ >= chunk_window / part || append_bytes_ >= append_window / part;
  if (full == held_back_) return;
  held_back_ = full;
  link_->pause(full);
}

/// Bytes that are no transaction must not get into a log: the tree could not be made of it any more.
bool LearnerRole::check(const std::vector<Proposal>& proposals) {
  const auto unsound = std::find_if_not(proposals.begin(), proposals.end(), is_sound);
  if (unsound == proposals.end()) return true;
  zab::LearnerEffects effects;
  core_.on_unusable(
      "node " + to_string(leader_) + " sent as " + to_string(unsound->zxid) + " what is no such transaction", effects);
  perform(effects);
  return false;
}

void LearnerRole::received(const zab::Message& message) {
  const auto gateway = [this](std::uint32_t number) -> const GatewayActor* {
    return number < context_.gateways.size() ? &context_.gateways[number] : nullptr;
  };
  if (const auto* m = std::get_if<zab::SessionRevalidated>(&message)) {
    if (const auto* to = gateway(m->gateway)) this->send(*to, Attached{m->ticket, Error{m->error}, m->barrier});
  } else if (const auto* m = std::get_if<zab::SyncReply>(&message)) {
    if (const auto* to = gateway(m->gateway)) this->send(*to, Synced{m->ticket, m->barrier});
  } else if (const auto* m = std::get_if<zab::RequestRefused>(&message)) {
    if (const auto* to = gateway(m->gateway)) this->send(*to, Refused{m->session, m->number, Error{m->error}});
  } else {
    if (const auto* m = std::get_if<zab::Proposals>(&message); m != nullptr && !check(m->proposals)) return;
    if (const auto* m = std::get_if<zab::Inform>(&message); m != nullptr && !check(m->proposals)) return;
    if (const auto* m = std::get_if<zab::Ping>(&message)) {
      if (m->ordinal != 0) {
        link_->send(zab::Pong{{}, m->ordinal});
      } else {
        this->send(context_.applier, CompareDigest{m->zxid, m->digest});
      }
    }
    zab::LearnerEffects effects;
    core_.on_message(message, now_, effects);
    perform(effects);
  }
}

void LearnerRole::forward(const std::vector<Bytes>& requests) {
  // In messages of bounded size: signs of life must not wait behind them for long.
  zab::ForwardedRequests message;
  std::size_t size = 0;
  for (const auto& request : requests) {
    message.requests.push_back(request);
    size += request.size();
    if (size < message_bytes) continue;
    link_->send(message);
    message.requests.clear();
    size = 0;
  }
  if (!message.requests.empty()) link_->send(message);
}

void LearnerRole::report() {
  NodeStatus status;
  status.id = context_.options.self;
  status.role = zab::PeerState::following;  // the peer knows whether it counts
  status.serving = core_.serving() && subscription_ == 0;
  status.leader = leader_;
  status.epoch = core_.epoch();
  status.last_logged = core_.last();
  status.committed = core_.committed();
  this->send(peer_, std::move(status));
}

LearnerRole::behavior_type LearnerRole::make_behavior() {
  link_ = context_.network->connect(leader_, LinkUserActor{this});
  return {
      [this](const Submit& submit) { forward(submit.requests); },
      [this](const Attach& attach) {
        link_->send(zab::RevalidateSession{attach.gateway, attach.ticket, attach.session, attach.timeout_ms});
      },
      [this](const SyncRead& read) {
        link_->send(zab::SyncRequest{read.gateway, read.ticket});
      },
      [this](const Heard& heard) { heard_.insert(heard.sessions.begin(), heard.sessions.end()); },
      [this](const LinkUp&) {
        zab::LearnerEffects effects;
        core_.on_connected(now_, effects);
        perform(effects);
      },
      [this](const LinkReceived& received) {
        for (const auto& message : received.messages) {
          if (ended_) return;
          this->received(message);
        }
      },
      [this](const LinkDown& down) {
        zab::LearnerEffects effects;
        core_.on_disconnected("the connection to node " + to_string(leader_) + " ended: " + down.reason, effects);
        perform(effects);
      },
      [this](const Durable& durable) {
        for (; !appends_.empty() && appends_.front().first <= durable.zxid; appends_.pop_front()) {
          append_bytes_ -= appends_.front().second;
        }
        hold_back();
        zab::LearnerEffects effects;
        core_.on_durable(durable.zxid, effects);
        perform(effects);
      },
      [this](const StoreAcceptedEpoch& stored) {
        zab::LearnerEffects effects;
        core_.on_accepted_epoch_stored(stored.epoch, effects);
        perform(effects);
      },
      [this](const StoreCurrentEpoch& stored) {
        zab::LearnerEffects effects;
        core_.on_current_epoch_stored(stored.epoch, effects);
        perform(effects);
      },
      [this](const SnapshotEntriesStored&) {
        --snapshot_chunks_;
        hold_back();
      },
      [this](const SnapshotStored&) { this->send(context_.applier, ReplaceTree{}, TreeReplacedUserActor{this}); },
      [this](const SnapshotRejected& rejected) {
        zab::LearnerEffects effects;
        core_.on_unusable("the snapshot from node " + to_string(leader_) + " cannot be used: " + rejected.reason,
                          effects);
        perform(effects);
      },
      [this](const Applied& applied) { this->applied(applied.view->zxid()); },
      [this](const TreeReplaced& replaced) {
        zab::LearnerEffects effects;
        core_.on_snapshot_installed(replaced.zxid, effects);
        perform(effects);
      },
      [this](const Tick& tick) {
        now_ = tick.now;
        if (held_back_) core_.on_held_back(now_);
        zab::LearnerEffects effects;
        core_.tick(now_, effects);
        perform(effects);
        if (ended_ || now_ < next_heartbeat_) return;
        next_heartbeat_ = now_ + context_.options.heartbeat_ms;
        link_->send(zab::Pong{std::vector<SessionId>(heard_.begin(), heard_.end()), 0, core_.installing()});
        heard_.clear();
        report();
      },
  };
}

}  // namespace troupe
