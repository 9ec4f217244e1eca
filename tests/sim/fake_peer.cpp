#include "tests/sim/fake_peer.hpp"

namespace troupe::sim {

/// Answers whoever looks: "I lead", or "I would follow you".
class FakePeer::Voter : public Hosted<ElectorActor> {
 public:
  Voter(caf::actor_config& config, FakePeer& fake) : Hosted(config), fake_(fake) {}
  behavior_type make_behavior() override {
    return {[](const Look&, const ElectionUserActor&) {},
            [this](const NotificationReceived& received) {
              auto answer = received.notification;
              answer.sender = fake_.self_;
              if (fake_.leads_) {
                answer.state = zab::PeerState::leading;
                answer.vote.leader = fake_.self_;
              }
              if (received.notification.state == zab::PeerState::looking) {
                fake_.network_.notify(received.notification.sender, answer);
              }
            },
            [](const ConfigurationLogged&) {}, [](const Reachable&) {}, [](const Tick&) {}};
  }

 private:
  FakePeer& fake_;
};

/// Takes the connection of a learner.
class FakePeer::Door : public Hosted<PeerActor> {
 public:
  Door(caf::actor_config& config, FakePeer& fake) : Hosted(config), fake_(fake) {}
  behavior_type make_behavior() override {
    return {[](const HistoryFacts&) {},
            [](const TreeView&) {},
            [](const Elected&) {},
            [this](const LearnerConnected& learner) {
              fake_.received_.clear();
              ++fake_.links_;
              fake_.link_ = learner.link;
              fake_.link_->deliver_to(fake_.user_);
            },
            [](const RoleActive&) {},
            [](const RoleEnded&) {},
            [](const NodeStatus&) {},
            [](const Tick&) {},
            [](const Stop&) {},
            [](const ConfigurationLogged&) {}};
  }

 private:
  FakePeer& fake_;
};

class FakePeer::User : public Hosted<LinkUserActor> {
 public:
  User(caf::actor_config& config, FakePeer& fake) : Hosted(config), fake_(fake) {}
  behavior_type make_behavior() override {
    return {[this](const LinkUp&) { ++fake_.links_; },
            [this](const LinkReceived& received) {
              fake_.received_.insert(fake_.received_.end(), received.messages.begin(), received.messages.end());
            },
            [this](const LinkDown&) { ++fake_.ended_; }};
  }

 private:
  FakePeer& fake_;
};

FakePeer::FakePeer(World& world, Wire& wire, PeerId self, bool leads)
    : self_(self), leads_(leads), host_(actor_system(), world, 0, 0, nullptr), network_(wire, self) {
  voter_ = spawn_on<Voter>(actor_system(), host_, *this);
  door_ = spawn_on<Door>(actor_system(), host_, *this);
  user_ = spawn_on<User>(actor_system(), host_, *this);
  network_.start(voter_, door_);
  network_.set_members({{PeerId{1}, {}}, {PeerId{2}, {}}});
}

FakePeer::~FakePeer() {
  link_.reset();
  network_.detach();
  caf::anon_send_exit(voter_, caf::exit_reason::kill);
  caf::anon_send_exit(door_, caf::exit_reason::kill);
  caf::anon_send_exit(user_, caf::exit_reason::kill);
  host_.drain();
}

}  // namespace troupe::sim
