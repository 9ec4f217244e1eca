// The network over TCP sockets (schema/peer.capnp says what goes over them). It listens on the node's
// peer port, keeps an election channel to every other member, and makes the learners' links.
//
// Whoever connects must say a Hello in time that names a member of this ensemble and this version;
// each member has at most one election connection and one learner's connection to here, the last one
// made. What is malformed ends its connection.
//
// Thread: that of `host`, which outlives this, as do the actors' messages that it sends.
#pragma once

#include <kj/async-io.h>

#include <map>
#include <memory>

#include "actors/election_channel.hpp"
#include "actors/frame_stream.hpp"
#include "actors/kj_host.hpp"
#include "actors/kj_link.hpp"
#include "actors/network.hpp"
#include "actors/node_config.hpp"

namespace troupe {

class KjNetwork final : public Network, private kj::TaskSet::ErrorHandler {
 public:
  /// Listens from now on, unless the node is alone; throws NetworkError where it cannot. Whoever
  /// connects is answered after start(). Uses id, members and peer_address of `config`.
  KjNetwork(kj::AsyncIoContext& io, KjHost& host, const NodeConfig& config);
  ~KjNetwork() noexcept override;

  void start(ElectorActor elector, PeerActor peer) override;
  void notify(PeerId to, const zab::Notification& notification) override;
  std::shared_ptr<Link> connect(PeerId leader, LinkUserActor user) override;

 private:
  using Stream = std::shared_ptr<FrameStream>;

  kj::Promise<void> accept();
  kj::Promise<void> greet(kj::Own<kj::AsyncIoStream> stream);
  void welcome(const Stream& stream, const Hello& hello);
  kj::Promise<void> hear_votes(Stream stream, PeerId from);
  kj::Promise<kj::Own<kj::AsyncIoStream>> dial(PeerId to);
  void taskFailed(kj::Exception&& error) override;

  kj::AsyncIoContext& io_;
  kj::Timer& timer_;
  KjHost& host_;
  const PeerId self_;
  const std::map<PeerId, Member> members_;
  kj::Own<kj::ConnectionReceiver> listener_;  // null in a node alone

  ElectorActor elector_;
  PeerActor peer_;
  std::map<PeerId, std::unique_ptr<ElectionChannel>> channels_;
  std::map<PeerId, Stream> votes_;                   // incoming election connections
  std::map<PeerId, std::weak_ptr<KjLink>> learners_;  // incoming learners' connections
  std::size_t strangers_ = 0;                        // connections whose Hello has not come yet
  kj::TaskSet tasks_;                                // last, so that they are cancelled first
};

}  // namespace troupe
