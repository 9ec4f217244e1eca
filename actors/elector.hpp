// The elector: plays fast leader election (zab/elector.hpp) over the network, from the node's start
// to its end. The peer asks it to look; it answers with the leader. Runs on the peer host.
#pragma once

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "actors/role_context.hpp"
#include "actors/zab/elector.hpp"

namespace troupe {

class ElectorRole : public Hosted<ElectorActor> {
 public:
  ElectorRole(caf::actor_config& config, const RoleContext& context);
  behavior_type make_behavior() override;
  const char* name() const override { return "elector"; }

 private:
  void configure(const Configuration& configuration);
  void learn(const zab::Notification& notification);
  void perform(const zab::Elector::Effects& effects);

  const RoleContext& context_;
  zab::Elector core_;
  ElectionUserActor peer_;  // who asked last
  std::int64_t now_ = 0;
  std::string ensemble_;  // id; empty while none is known
  Zxid learnt_;           // the configuration whose members are asked too
};

}  // namespace troupe
