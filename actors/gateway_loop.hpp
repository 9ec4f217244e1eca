// A gateway and its doors on one event loop: the actor, what clients come in through, and its clock.
//
// Owner: the KjThread of the loop; made and destroyed there. Several loops accept from one listening socket, and share
// the clients.
#pragma once

#include <kj/async-io.h>

#include <memory>
#include <vector>

#include "actors/gateway.hpp"
#include "actors/interfaces.hpp"
#include "actors/kj_host.hpp"
#include "actors/node_config.hpp"
#include "actors/rpc_door.hpp"
#include "actors/status_board.hpp"
#include "actors/ticker.hpp"
#include "actors/zk/door.hpp"
#include "actors/zk/four_letter.hpp"

namespace troupe {

/// Listening sockets, one for each protocol; they stay their owner's.
struct ClientPorts {
  int rpc = -1;
  int zk = -1;                          ///< -1: ZooKeeper's protocol is not spoken in the open
  int zk_secure = -1;                   ///< -1: nor over TLS
  const zk::TlsContext* tls = nullptr;  ///< of zk_secure
};

/// What the loops of a node share.
struct SharedByLoops {
  StatusBoard& board;
  zk::Admission& admission;
  zk::DoorBalance &zk_doors, &secure_doors;
  zk::NodeClients& clients;
};

class GatewayLoop {
 public:
  /// `config`, and what `ports` and `shared` refer to, outlive this.
  GatewayLoop(caf::actor_system& system, kj::AsyncIoContext& io, KjHost& host, const GatewayOptions& options,
              const ClientPorts& ports, const NodeConfig& config, const SharedByLoops& shared);
  /// The actor must have been told to quit.
  ~GatewayLoop();

  const GatewayActor& actor() const { return actor_; }

 private:
  void open_doors(kj::AsyncIoContext& io, KjHost& host, const ClientPorts& ports, const SharedByLoops& shared);
  zk::ClientFacts answer(const zk::ClientQuestion& question);
  void publish() const;
  std::map<PeerId, Member> current_members() const;
  void write_status(schema::Status::Builder status) const;

  const std::uint32_t id_;
  const NodeConfig& config_;
  StatusBoard& board_;
  const GatewayActor actor_;
  Gateway& gateway_;  // within actor_
  std::unique_ptr<RpcDoor> rpc_door_;
  std::unique_ptr<zk::FourLetterWords> words_;
  std::vector<std::unique_ptr<zk::Door>> zk_doors_;
  Ticker ticker_;
};

}  // namespace troupe
