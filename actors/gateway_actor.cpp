#include "actors/gateway_actor.hpp"

namespace troupe {

GatewayRole::GatewayRole(caf::actor_config& config, const GatewayOptions& options, AtEndOfTurn at_end_of_turn)
    : Hosted<GatewayActor>(config),
      id_(options.gateway),
      at_end_of_turn_(std::move(at_end_of_turn)),
      gateway_(options, *this) {}

GatewayRole::behavior_type GatewayRole::make_behavior() {
  return {
      [this](const Serving& message) {
        upstream_ = message.upstream;
        gateway_.serving();
      },
      [this](const NotServing&) {
        gateway_.not_serving();
        upstream_ = nullptr;
      },
      [this](const Attached& message) { gateway_.attached(message.ticket, message.error, message.barrier); },
      [this](const Synced& message) { gateway_.synced(message.ticket, message.barrier); },
      [this](const Refused& message) { gateway_.refused(message.session, message.number, message.error); },
      [this](const Applied& message) { gateway_.applied(message.batch, message.view); },
      [this](const Tick&) { gateway_.tick(); },
  };
}

// Without an upstream there is nobody to serve: what is left over goes nowhere, and its clients know.

void GatewayRole::submit(std::vector<Bytes> requests) {
  if (upstream_) send(upstream_, Submit{std::move(requests)});
}

void GatewayRole::attach(std::uint64_t ticket, SessionId session, std::uint32_t timeout_ms) {
  if (upstream_) send(upstream_, Attach{id_, ticket, session, timeout_ms});
}

void GatewayRole::sync(std::uint64_t ticket) {
  if (upstream_) send(upstream_, SyncRead{id_, ticket});
}

void GatewayRole::heard(std::vector<SessionId> sessions) {
  if (upstream_) send(upstream_, Heard{std::move(sessions)});
}

void GatewayRole::want_flush() {
  at_end_of_turn_([this, self = caf::strong_actor_ptr(ctrl())] { gateway_.flush(); });
}

Gateway& gateway_of(const GatewayActor& actor) {
  return static_cast<GatewayRole*>(caf::actor_cast<caf::abstract_actor*>(actor))->gateway();
}

}  // namespace troupe
