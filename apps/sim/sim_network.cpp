#include "apps/sim/sim_network.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>

#include "actors/peer_codec.hpp"

namespace troupe::sim {

/// A connection between a learner (end 0) and the node that it took for the leader (end 1).
struct Connection : std::enable_shared_from_this<Connection> {
  struct Frame {
    Micros arrives;
    Bytes bytes;
  };
  struct End {
    PeerId node;
    SimNetwork* network = nullptr;  // null once the process is gone
    LinkUserActor user;
    LinkWriterActor writer;
    std::size_t drained_below = 0;
    bool above = false;  // queued() has exceeded drained_below
    bool paused = false;
    bool closed = false;  // this end has heard, or said, that it is over
    bool told = false;    // LinkDown was sent
    std::string close_reason;
    const Link* link = nullptr;
    std::deque<Frame> incoming;  // on its way to this end
    std::size_t incoming_bytes = 0;
    Micros last_arrival = 0;
  };

  Wire& wire;
  std::array<End, 2> ends;
  bool established = false;
  bool lost = false;  // what is under way or sent from now on arrives nowhere

  explicit Connection(Wire& on) : wire(on) {}

  void send(int from, const zab::Message& message) {
    End& to = ends[1 - from];
    if (ends[from].closed || lost) return;
    if (wire.tap) wire.tap(ends[from].node, to.node, message);
    Frame frame{0, encode(message)};
    to.last_arrival = std::max(to.last_arrival, wire.world_.now() + wire.latency());
    frame.arrives = to.last_arrival;
    to.incoming_bytes += frame.bytes.size();
    to.incoming.push_back(std::move(frame));
    if (to.incoming_bytes > ends[from].drained_below) ends[from].above = true;
    wire.world_.at(to.last_arrival, [self = shared_from_this(), from] { self->deliver(1 - from); });
  }

  /// Hands over what has arrived, if there is somebody to take it.
  void deliver(int at) {
    End& end = ends[at];
    End& other = ends[1 - at];
    if (end.closed || end.network == nullptr || !end.user || end.paused || !established) return;
    if (wire.is_cut(other.node, end.node)) return;  // heal() comes back to it
    LinkReceived received{end.link, {}};
    std::size_t bytes = 0;
    while (!end.incoming.empty() && end.incoming.front().arrives <= wire.world_.now()) {
      bytes += end.incoming.front().bytes.size();
      received.messages.push_back(decode_message(end.incoming.front().bytes));
      end.incoming.pop_front();
    }
    if (received.messages.empty()) return;
    end.incoming_bytes -= bytes;
    caf::anon_send(end.user, std::move(received));
    if (other.above && end.incoming_bytes < other.drained_below / 2) {
      other.above = false;
      if (other.writer && other.network != nullptr) caf::anon_send(other.writer, LinkDrained{});
    }
  }

  /// One end learns that it is over.
  void down(int at, const std::string& reason) {
    End& end = ends[at];
    end.closed = true;
    end.close_reason = reason;
    end.incoming.clear();
    if (end.network == nullptr || end.told || !end.user) return;  // deliver_to() tells a user that comes later
    end.told = true;
    caf::anon_send(end.user, LinkDown{end.link, reason});
  }

  /// This end closes, or its process has died. What is on its way to the other may still arrive.
  void close(int at, const std::string& reason) {
    if (ends[at].closed) return;
    down(at, reason);
    End& other = ends[1 - at];
    if (wire.world_.chance(0.5)) other.incoming.clear();
    const auto when = std::max(other.last_arrival, wire.world_.now() + wire.latency());
    wire.world_.at(when, [self = shared_from_this(), at] { self->hang_up(1 - at); });
  }

  /// The other side is gone; the news cannot pass a cut.
  void hang_up(int at) {
    if (ends[at].closed) return;
    if (wire.is_cut(ends[1 - at].node, ends[at].node)) {
      wire.world_.after(50'000, [self = shared_from_this(), at] { self->hang_up(at); });
      return;
    }
    deliver(at);
    down(at, "the other side closed the connection");
  }

  void reset() {
    lost = true;
    for (int at : {0, 1}) {
      ends[at].incoming.clear();
      wire.world_.after(wire.world_.between(0, 20'000), [self = shared_from_this(), at] {
        if (!self->ends[at].closed) self->down(at, "connection reset");
      });
    }
  }
};

/// One end of a connection, as its process holds it.
class SimLink : public Link {
 public:
  SimLink(std::shared_ptr<Connection> connection, int end) : connection_(std::move(connection)), end_(end) {
    mine().link = this;
  }
  ~SimLink() override {
    mine().user = nullptr;
    mine().writer = nullptr;
    connection_->close(end_, "dropped");
  }
  void send(const zab::Message& message) override { connection_->send(end_, message); }
  std::size_t queued() const override { return connection_->ends[1 - end_].incoming_bytes; }
  void deliver_to(LinkUserActor user) override {
    mine().user = std::move(user);
    if (mine().closed) {
      connection_->down(end_, mine().close_reason);
    } else {
      connection_->deliver(end_);
    }
  }
  void report_drained(LinkWriterActor writer, std::size_t bytes) override {
    mine().writer = std::move(writer);
    mine().drained_below = bytes;
  }
  void close(const std::string& reason) override { connection_->close(end_, reason); }
  void pause(bool paused) override {
    mine().paused = paused;
    connection_->deliver(end_);
  }

 private:
  Connection::End& mine() { return connection_->ends[end_]; }

  std::shared_ptr<Connection> connection_;
  int end_;
};

// --- Wire ---

Wire::Wire(World& world, Micros shortest, Micros longest) : world_(world), shortest_(shortest), longest_(longest) {}

void Wire::cut(PeerId from, PeerId to) {
  if (!cuts_.insert({from, to}).second) return;
  // The sender notices after a while, or not at all.
  if (world_.chance(0.5)) tell_reachable(from, to, false, world_.between(1'000, 300'000));
}

void Wire::heal() {
  const auto healed = std::move(cuts_);
  cuts_.clear();
  for (const auto& [from, to] : healed) tell_reachable(from, to, true, world_.between(1'000, 200'000));
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) {
      connection->deliver(0);
      connection->deliver(1);
    }
  }
}

void Wire::break_connections(PeerId a, PeerId b) {
  for (const auto& weak : connections_) {
    const auto connection = weak.lock();
    if (!connection) continue;
    const auto x = connection->ends[0].node, y = connection->ends[1].node;
    if ((x == a && y == b) || (x == b && y == a)) connection->reset();
  }
}

void Wire::attach(SimNetwork& network) {
  networks_[network.self_] = &network;
  for (const auto& [peer, other] : networks_) {
    if (peer == network.self_) continue;
    tell_reachable(network.self_, peer, true, world_.between(100, 5'000));
    tell_reachable(peer, network.self_, true, world_.between(1'000, 500'000));  // its next attempt to connect
  }
}

void Wire::detach(SimNetwork& network) {
  networks_.erase(network.self_);
  for (const auto& [peer, other] : networks_) tell_reachable(peer, network.self_, false, world_.between(100, 20'000));
  std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    const auto connection = connections_[i].lock();
    if (!connection) continue;
    for (int end : {0, 1}) {
      if (connection->ends[end].network != &network) continue;
      connection->ends[end].network = nullptr;
      connection->close(end, "the process died");
      connection->ends[end].user = nullptr;
      connection->ends[end].writer = nullptr;
    }
  }
}

void Wire::tell_reachable(PeerId from, PeerId to, bool reachable, Micros delay) {
  world_.after(delay, [this, from, to, reachable] {
    const auto teller = networks_.find(from);
    if (teller == networks_.end() || !teller->second->elector_) return;
    if (!teller->second->knows(to)) return;
    const bool there = networks_.contains(to) && !is_cut(from, to);
    if (reachable && !there) return;
    if (!reachable && there) return;
    caf::anon_send(teller->second->elector_, Reachable{to, reachable});
  });
}

// --- SimNetwork ---

SimNetwork::SimNetwork(Wire& wire, PeerId self, bool open, zab::PeerSet file)
    : wire_(wire), self_(self), open_(open), file_(std::move(file)) {}

SimNetwork::~SimNetwork() { detach(); }

void SimNetwork::detach() {
  if (attached_) wire_.detach(*this);
  attached_ = false;
  elector_ = nullptr;
  peer_ = nullptr;
}

void SimNetwork::start(ElectorActor elector, PeerActor peer) {
  elector_ = std::move(elector);
  peer_ = std::move(peer);
  attached_ = true;
  wire_.attach(*this);
}

void SimNetwork::set_members(const std::map<PeerId, Member>& members) {
  std::erase_if(members_, [&](PeerId peer) { return !members.contains(peer); });
  know(members);
}

void SimNetwork::also_know(const std::map<PeerId, Member>& members) { know(members); }

void SimNetwork::know(const std::map<PeerId, Member>& members) {
  for (const auto& [peer, member] : members) {
    if (peer == self_ || !members_.insert(peer).second || !attached_) continue;
    wire_.tell_reachable(self_, peer, true, wire_.world_.between(1'000, 100'000));
  }
}

void SimNetwork::notify(PeerId to, const zab::Notification& notification) {
  if (!attached_) return;
  const auto other = wire_.networks_.find(to);
  if (other == wire_.networks_.end() || !(reaches(*other->second) || other->second->reaches(*this))) return;
  const auto frame = encode(notification);
  wire_.world_.after(wire_.latency(), [&wire = wire_, from = self_, to, frame] {
    const auto target = wire.networks_.find(to);
    if (target == wire.networks_.end() || wire.is_cut(from, to)) return;
    caf::anon_send(target->second->elector_, NotificationReceived{decode_notification(frame)});
  });
}

std::shared_ptr<Link> SimNetwork::connect(PeerId leader, LinkUserActor user) {
  auto connection = std::make_shared<Connection>(wire_);
  connection->ends[0].node = self_;
  connection->ends[0].network = this;
  connection->ends[0].user = std::move(user);
  connection->ends[1].node = leader;
  wire_.connections_.push_back(connection);
  auto link = std::make_shared<SimLink>(connection, 0);
  if (!attached_) connection->ends[0].network = nullptr;
  wire_.world_.after(wire_.latency(), [connection] {
    Wire& wire = connection->wire;
    auto& dialling = connection->ends[0];
    if (dialling.closed || dialling.network == nullptr) return;
    if (!dialling.network->knows(connection->ends[1].node)) return connection->down(0, "nobody knows its address");
    const auto target = wire.networks_.find(connection->ends[1].node);
    if (target == wire.networks_.end() || !target->second->admits(dialling.node)) {
      return connection->down(0, "connection refused");
    }
    if (wire.is_cut(dialling.node, connection->ends[1].node) || wire.is_cut(connection->ends[1].node, dialling.node)) {
      wire.world_.after(1'000'000, [connection] {
        if (!connection->ends[0].closed) connection->down(0, "connection timed out");
      });
      return;
    }
    connection->ends[1].network = target->second;
    connection->established = true;
    caf::anon_send(target->second->peer_, LearnerConnected{dialling.node, std::make_shared<SimLink>(connection, 1)});
    caf::anon_send(dialling.user, LinkUp{dialling.link});
  });
  return link;
}

}  // namespace troupe::sim
