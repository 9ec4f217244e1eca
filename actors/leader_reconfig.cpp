// The leader's part in changing the ensemble: the two steps of a reconfiguration, what a reign begins with, and
// the end of one that no longer votes. What the steps mean and why they are safe: configuration.hpp.
#include <spdlog/spdlog.h>

#include "actors/leader_role.hpp"
#include "actors/reconfig.hpp"

namespace troupe {

void LeaderRole::propose_beginnings(const store::View& view) {
  std::optional<Proposal> proposal;
  std::string ensemble = view.ensemble_id();
  // A node alone keeps to its file, by which it may become an ensemble.
  auto first = configuration_->current;
  first.version = core_.next_zxid();
  const auto text = standalone() ? std::string() : to_text(first);
  if (ensemble.empty()) {
    ensemble = context_.random_bytes(16);
    proposal = proposer_->found(core_.next_zxid(), context_.wall_clock(), ensemble, context_.random_bytes(32), text);
  } else if (configuration_->since == Zxid{} && !text.empty()) {
    proposal = proposer_->activate(core_.next_zxid(), context_.wall_clock(), {}, text);
  }
  name_ensemble(ensemble);
  if (ended_) return;
  if (configuration_->joint()) return activate();  // it was committed with the history
  if (!proposal) return;
  if (!text.empty()) configuration_ = Configuration::of_txn(proposal->txn);  // the same members, now in the history
  zab::LeaderEffects effects;
  core_.propose(std::move(*proposal), effects);
  perform(effects);
  flush_proposals();
}

Error LeaderRole::check_reconfig(schema::Request::Reader request, EnsembleConfig& next) const {
  const auto& options = context_.options;
  if (!options.reconfig_enabled) return Error::reconfig_disabled;
  if (standalone()) return Error::unimplemented;
  const auto asker = proposer_->may_reconfigure(request);
  if (asker == Error::session_expired) return asker;
  if (core_.committed() < configuration_->since) return Error::reconfig_in_progress;
  auto plan = plan_reconfig(*configuration_, request.getReconfig(), options.standalone_enabled);
  if (plan.error != Error::ok) {
    spdlog::info("a reconfiguration is refused: {}", plan.reason);
    return plan.error;
  }
  if (!core_.has_synchronised(*plan.next.quorum())) return Error::new_config_no_quorum;
  next = std::move(plan.next);
  return asker;
}

void LeaderRole::reconfigure(schema::Request::Reader request) {
  if (proposer_->repeated(request)) return;
  EnsembleConfig next;
  const auto error = check_reconfig(request, next);
  zab::LeaderEffects effects;
  if (error != Error::ok) {
    core_.propose(proposer_->prepare_refused(core_.next_zxid(), context_.wall_clock(), request, error), effects);
    return perform(effects);
  }
  reconfigure(next, {{request.getSession()}, request.getNumber(), request.getNumbered(), request.getAnswered()});
}

void LeaderRole::reconfigure(const EnsembleConfig& next, const ReconfigAsker& asker) {
  auto proposal = proposer_->reconfigure(core_.next_zxid(), context_.wall_clock(), asker,
                                         to_text(configuration_->current), to_text(next));
  configuration_ = Configuration::of_txn(proposal.txn);
  spdlog::info("reconfiguring the ensemble: both configurations decide from {} on", to_string(proposal.zxid));
  zab::LeaderEffects effects;
  core_.reconfigure(configuration_->quorum(), ids_of(configuration_->members()), effects);
  core_.propose(std::move(proposal), effects);
  perform(effects);
}

void LeaderRole::adopt_file() {
  const auto& options = context_.options;
  const auto& file = options.configuration->current;
  if (!proposer_ || !core_.broadcasting() || (options.reconfig_enabled && !standalone())) return;
  if (configuration_->joint() || core_.committed() < configuration_->since) return;
  if (configuration_->by_client() || file.decides_as(configuration_->current)) return;
  if (!core_.has_synchronised(*file.quorum())) return;
  spdlog::warn("the ensemble gets the members that this node's file names");
  reconfigure(file, {});
  flush_proposals();
}

void LeaderRole::activate_if_committed() {
  if (proposer_ && core_.broadcasting() && configuration_->joint() && core_.committed() >= configuration_->since)
    activate();
}

void LeaderRole::activate() {
  auto next = *configuration_->next;
  next.version = core_.next_zxid();
  auto proposal = proposer_->activate(next.version, context_.wall_clock(), configuration_->asker, to_text(next),
                                      to_text(configuration_->current));
  configuration_ = Configuration::of_txn(proposal.txn);
  spdlog::info("the new configuration decides alone from {} on", to_string(proposal.zxid));
  zab::LeaderEffects effects;
  core_.propose(std::move(proposal), effects);
  if (core_.broadcasting()) {  // else the counter is used up
    core_.reconfigure(configuration_->quorum(), ids_of(configuration_->members()), effects);
  }
  perform(effects);
  const auto waiting = std::move(behind_reconfig_);
  behind_reconfig_.clear();
  for (const auto& work : waiting) {
    if (!ended_) work();
  }
  flush_proposals();
}

bool LeaderRole::removed(const store::View& view) const {
  const bool settled = !configuration_->joint() && view.zxid() >= configuration_->since;
  return settled && !configuration_->is_voter(context_.options.self);
}

void LeaderRole::resign() {
  zab::LeaderEffects effects;
  core_.resign("this node is no voter any more: the others choose a leader", effects);
  perform(effects);
}

}  // namespace troupe
