// The simulated network between nodes: delivers with delays, in order within a connection, loses
// connections with what is in them, and is cut in one direction or both. What crosses it is encoded and
// decoded as on the real one.
//
// Wire is the network as a whole; each process has a SimNetwork, its end of it, which is gone when the
// process is killed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/network.hpp"
#include "apps/sim/world.hpp"

namespace troupe::sim {

class SimNetwork;
struct Connection;

class Wire {
 public:
  Wire(World& world, Micros shortest, Micros longest);

  void cut(PeerId from, PeerId to);  ///< messages in this direction wait, or are lost with their connection
  void heal();                       ///< ends all cuts
  bool is_cut(PeerId from, PeerId to) const { return cuts_.contains({from, to}); }
  void break_connections(PeerId a, PeerId b);  ///< resets every connection between the two

  /// Sees every message that goes into a connection.
  std::function<void(PeerId from, PeerId to, const zab::Message& message)> tap;

 private:
  friend class SimNetwork;
  friend class SimLink;
  friend struct Connection;

  Micros latency() { return world_.between(shortest_, world_.chance(0.02) ? longest_ * 10 : longest_); }
  void attach(SimNetwork& network);
  void detach(SimNetwork& network);
  void tell_reachable(PeerId from, PeerId to, bool reachable, Micros delay);

  World& world_;
  Micros shortest_, longest_;
  std::map<PeerId, SimNetwork*> networks_;
  std::set<std::pair<PeerId, PeerId>> cuts_;
  std::vector<std::weak_ptr<Connection>> connections_;
};

class SimNetwork : public Network {
 public:
  /// `open`: also to nodes that are no members; to those in `file` in any case.
  SimNetwork(Wire& wire, PeerId self, bool open = true, zab::PeerSet file = {});
  ~SimNetwork() override;

  void start(ElectorActor elector, PeerActor peer) override;
  void set_members(const std::map<PeerId, Member>& members) override;
  void also_know(const std::map<PeerId, Member>& members) override;
  void notify(PeerId to, const zab::Notification& notification) override;
  std::shared_ptr<Link> connect(PeerId leader, LinkUserActor user) override;
  /// The process is dying: nothing leaves and nothing comes in any more.
  void detach();

 private:
  friend class Wire;
  friend class SimLink;
  friend struct Connection;

  Wire& wire_;
  /// A node reaches those whose addresses it knows; others it can but answer.
  void know(const std::map<PeerId, Member>& members);
  bool knows(PeerId peer) const { return members_.contains(peer); }
  bool admits(PeerId peer) const { return open_ || knows(peer) || file_.contains(peer); }
  bool reaches(const SimNetwork& other) const { return knows(other.self_) && other.admits(self_); }

  PeerId self_;
  bool open_;
  zab::PeerSet file_;
  std::set<PeerId> members_;
  bool attached_ = false;
  ElectorActor elector_;
  PeerActor peer_;
};

}  // namespace troupe::sim
