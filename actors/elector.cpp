#include "actors/elector.hpp"

#include "actors/network.hpp"

namespace troupe {

ElectorRole::ElectorRole(caf::actor_config& config, const RoleContext& context)
    : Hosted(config), context_(context), core_({.self = context.options.self}, context.options.quorum) {}

void ElectorRole::perform(const zab::Elector::Effects& effects) {
  for (const auto& [peer, notification] : effects.send) context_.network->notify(peer, notification);
  if (effects.decided) this->send(peer_, Elected{*effects.decided, core_.state()});
}

ElectorRole::behavior_type ElectorRole::make_behavior() {
  return {
      [this](const Look& look, const ElectionUserActor& peer) {
        peer_ = peer;
        zab::Elector::Effects effects;
        core_.look(look.facts.current, look.facts.last, now_, effects);
        perform(effects);
      },
      [this](const NotificationReceived& received) {
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
