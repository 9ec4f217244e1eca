// The network over TCP sockets (schema/peer.capnp says what goes over them). It listens on the node's
// peer port, keeps an election channel to every other member, and makes the learners' links. Members come,
// go and move at run time; where the ensemble may not be changed, only the node's file says where they are.
//
// Whoever connects must say a Hello in time that names this version and a member of this ensemble, or of the
// one in the node's file, which it may come to; where
// clients may change the ensemble, also any other node may come: it may be about to become one, or know of a
// later configuration. Each node has at most one election connection and one learner's connection to here, the last one
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

/// The members, each where `file` says that it is reached, if it names it. `open`: the members themselves
/// say it, but where one says no more than that it listens everywhere.
std::map<PeerId, Member> placed(std::map<PeerId, Member> members, const std::map<PeerId, Member>& file, bool open);

class KjNetwork final : public Network, private kj::TaskSet::ErrorHandler {
 public:
  /// Listens from now on, unless the node is alone; throws NetworkError where it cannot. Whoever
  /// connects is answered after start(). Uses id, peer_address, members and what the ensemble may do of `config`.
  /// `members` are who is known to begin with.
  KjNetwork(kj::AsyncIoContext& io, KjHost& host, const NodeConfig& config, const std::map<PeerId, Member>& members);
  KjNetwork(kj::AsyncIoContext& io, KjHost& host, const NodeConfig& config)
      : KjNetwork(io, host, config, config.members) {}
  ~KjNetwork() noexcept override;

  void start(ElectorActor elector, PeerActor peer) override;
  void set_members(const std::map<PeerId, Member>& members) override;
  void also_know(const std::map<PeerId, Member>& members) override;
  void notify(PeerId to, const zab::Notification& notification) override;
  std::shared_ptr<Link> connect(PeerId leader, LinkUserActor user) override;

 private:
  using Stream = std::shared_ptr<FrameStream>;

  void listen();
  void keep_channels();
  void hear(PeerId from, const Bytes& frame);
  kj::Promise<void> accept(kj::ConnectionReceiver& listener);
  kj::Promise<void> greet(kj::Own<kj::AsyncIoStream> stream);
  void welcome(const Stream& stream, const Hello& hello);
  kj::Promise<void> hear_votes(Stream stream, PeerId from);
  kj::Promise<kj::Own<kj::AsyncIoStream>> dial(PeerId to);
  void taskFailed(kj::Exception&& error) override;

  kj::AsyncIoContext& io_;
  kj::Timer& timer_;
  KjHost& host_;
  const PeerId self_;
  const std::string address_;  // where to listen
  const bool open_;            // also to nodes that are no members
  const bool standalone_enabled_;
  const std::map<PeerId, Member> file_;
  std::map<PeerId, Member> members_;
  std::uint16_t port_;                        // of this node; a member list may move it
  kj::Own<kj::ConnectionReceiver> listener_;  // null in a node alone
  kj::Promise<void> accepting_ = nullptr;

  ElectorActor elector_;
  PeerActor peer_;
  struct Channel {
    std::string host;
    std::uint16_t port = 0;
    std::unique_ptr<ElectionChannel> channel;
  };
  std::map<PeerId, Channel> channels_;
  std::map<PeerId, Stream> votes_;                    // incoming election connections
  std::map<PeerId, std::weak_ptr<KjLink>> learners_;  // incoming learners' connections
  std::size_t strangers_ = 0;                         // connections whose Hello has not come yet
  kj::TaskSet tasks_;                                 // last, so that they are cancelled first
};

}  // namespace troupe
