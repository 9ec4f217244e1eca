// A node that says what the test tells it to, to a real one on the simulated network: a leader that
// cannot be trusted, or such a learner. It takes part in elections as the leader, or for the other node.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "apps/sim/actor_system.hpp"
#include "apps/sim/sim_host.hpp"
#include "apps/sim/sim_network.hpp"
#include "apps/sim/world.hpp"

namespace troupe::sim {

class FakePeer {
 public:
  FakePeer(World& world, Wire& wire, PeerId self, bool leads);
  ~FakePeer();

  /// Connects as a learner.
  void connect(PeerId leader) { link_ = network_.connect(leader, user_); }
  void send(const zab::Message& message) { link_->send(message); }
  void hang_up() { link_->close("the test says so"); }

  /// How many connections have begun and ended.
  int links() const { return links_; }
  int ended() const { return ended_; }
  /// What came of one kind on the connection that is now, in order.
  template <class Wanted>
  std::vector<Wanted> received() const {
    std::vector<Wanted> found;
    for (const auto& message : received_) {
      if (const auto* wanted = std::get_if<Wanted>(&message)) found.push_back(*wanted);
    }
    return found;
  }

 private:
  class Voter;
  class Door;
  class User;

  PeerId self_;
  bool leads_;
  SimHost host_;
  SimNetwork network_;
  ElectorActor voter_;
  PeerActor door_;
  LinkUserActor user_;
  std::shared_ptr<Link> link_;
  std::vector<zab::Message> received_;
  int links_ = 0, ended_ = 0;
};

}  // namespace troupe::sim
