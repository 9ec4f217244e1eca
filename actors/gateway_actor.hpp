// The actor around a Gateway: passes on what the other actors send, and sends what it wants sent.
// Runs on the event loop of the doors, which use the Gateway directly.
#pragma once

#include <functional>

#include "actors/gateway.hpp"
#include "actors/host.hpp"
#include "actors/interfaces.hpp"

namespace troupe {

class GatewayRole final : public Hosted<GatewayActor>, private Upstream {
 public:
  /// Runs a task at the end of the loop's turn (KjHost::at_end_of_turn).
  using AtEndOfTurn = std::function<void(std::function<void()>)>;

  GatewayRole(caf::actor_config& config, const GatewayOptions& options, AtEndOfTurn at_end_of_turn);

  /// Loop's thread only; as long as the actor lives.
  Gateway& gateway() { return gateway_; }

 private:
  behavior_type make_behavior() override;

  void submit(std::vector<Bytes> requests) override;
  void attach(std::uint64_t ticket, SessionId session, std::uint32_t timeout_ms) override;
  void sync(std::uint64_t ticket) override;
  void heard(std::vector<SessionId> sessions) override;
  void want_flush() override;

  const std::uint32_t id_;
  AtEndOfTurn at_end_of_turn_;
  UpstreamActor upstream_;
  Gateway gateway_;
};

/// The gateway of an actor that was spawned as GatewayRole.
Gateway& gateway_of(const GatewayActor& actor);

}  // namespace troupe
