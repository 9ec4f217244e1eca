#include "actors/elector.hpp"

#include <kj/exception.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "actors/network.hpp"

namespace troupe {

ElectorRole::ElectorRole(caf::actor_config& config, const RoleContext& context)
    : Hosted(config),
      context_(context),
      core_({.self = context.options.self}, context.options.configuration->quorum()) {}

void ElectorRole::configure(const Configuration& configuration) {
  core_.configure(configuration.quorum(), ids_of(configuration.members()), configuration.since, configuration.txn);
}

/// A node has told of a configuration that this node's log does not have yet: some of its members may know who
/// leads, or be the one to follow.
void ElectorRole::learn(const zab::Notification& notification) {
  if (core_.state() != zab::PeerState::looking || notification.configured <= std::max(core_.configured(), learnt_))
    return;
  try {
    const auto members = Configuration::of_txn(notification.configuration)->members();
    learnt_ = notification.configured;
    context_.network->also_know(members);
    core_.ask_too(ids_of(members));
  } catch (const std::exception& error) {
    spdlog::warn("node {} tells of a configuration that cannot be read: {}", notification.sender.value, error.what());
  } catch (const kj::Exception& error) {
    spdlog::warn("node {} tells of a configuration that cannot be read: {}", notification.sender.value,
                 error.getDescription().cStr());
  }
}

void ElectorRole::perform(const zab::Elector::Effects& effects) {
  for (auto [peer, notification] : effects.send) {
    notification.ensemble = ensemble_;
    context_.network->notify(peer, notification);
  }
  if (effects.decided) this->send(peer_, Elected{*effects.decided, core_.state()});
}

ElectorRole::behavior_type ElectorRole::make_behavior() {
  return {
      [this](const Look& look, const ElectionUserActor& peer) {
        peer_ = peer;
        zab::Elector::Effects effects;
        learnt_ = Zxid{};
        ensemble_ = look.facts.ensemble;
        configure(*look.facts.configuration);
        core_.on_committed(look.facts.settled);
        if (look.for_nothing) {
          core_.on_elected_for_nothing(*look.for_nothing, now_);
        } else {
          core_.on_reign_ended();
        }
        core_.look(look.facts.current, look.facts.last, now_, effects);
        perform(effects);
      },
      [this](const ConfigurationLogged& logged) {
        ensemble_ = logged.ensemble;
        if (logged.configuration->since == core_.configured()) return;  // what was learnt of later ones stands
        learnt_ = Zxid{};
        configure(*logged.configuration);
      },
      [this](const NotificationReceived& received) {
        const auto& theirs = received.notification.ensemble;
        if (!theirs.empty() && !ensemble_.empty() && theirs != ensemble_) return;  // it votes elsewhere
        learn(received.notification);
        zab::Elector::Effects effects;
        core_.on_notification(received.notification, now_, effects);
        perform(effects);
      },
      [this](const Reachable& reachable) {
        zab::Elector::Effects effects;
        core_.on_reachable(reachable.peer, reachable.reachable, now_, effects);
        perform(effects);
      },
      [this](const Tick& tick) {
        now_ = tick.now;
        zab::Elector::Effects effects;
        core_.tick(now_, effects);
        perform(effects);
      },
  };
}

}  // namespace troupe
