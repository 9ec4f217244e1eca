// A gateway and its doors on one event loop: the actor, what clients come in through, and its clock.
//
// Owner: the KjThread of the loop; made and destroyed there. Several loops accept from one listening
// socket: whichever is free takes the next client.
#pragma once

#include <kj/async-io.h>

#include <memory>

#include "actors/gateway.hpp"
#include "actors/kj_host.hpp"
#include "actors/interfaces.hpp"
#include "actors/rpc_door.hpp"
#include "actors/node_config.hpp"
#include "actors/status_board.hpp"
#include "actors/ticker.hpp"

namespace troupe {

class GatewayLoop {
 public:
  /// `listening` stays the caller's. `config` and `board` outlive this.
  GatewayLoop(caf::actor_system& system, kj::AsyncIoContext& io, KjHost& host, const GatewayOptions& options,
              int listening, const NodeConfig& config, StatusBoard& board);
  /// The actor must have been told to quit.
  ~GatewayLoop();

  const GatewayActor& actor() const { return actor_; }

 private:
  void publish() const;
  std::map<PeerId, Member> current_members() const;
  void write_status(schema::Status::Builder status) const;

  const std::uint32_t id_;
  const NodeConfig& config_;
  StatusBoard& board_;
  const GatewayActor actor_;
  Gateway& gateway_;  // within actor_
  std::unique_ptr<RpcDoor> rpc_door_;
  Ticker ticker_;
};

}  // namespace troupe
