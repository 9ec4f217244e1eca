#include "actors/peer.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "actors/leader_role.hpp"
#include "actors/learner_role.hpp"

namespace troupe {
namespace {
// Who is refused at once by whom the others follow would ask again at once.
constexpr std::int64_t pause_ms = 100;
}  // namespace

Peer::Peer(caf::actor_config& config, const RoleContext& context, ElectorActor elector,
           std::function<void(const NodeStatus&)> show)
    : Hosted(config),
      context_(context),
      elector_(std::move(elector)),
      show_(std::move(show)),
      delivered_(context.data->tree().applied()) {}

void Peer::on_exit() {
  if (leader_) this->send_exit(leader_, caf::exit_reason::user_shutdown);
  if (learner_) this->send_exit(learner_, caf::exit_reason::user_shutdown);
  early_.clear();
  elector_ = nullptr;
  leader_ = nullptr;
  learner_ = nullptr;
}

void Peer::look() {
  look_at_ = 0;
  NodeStatus status;
  status.id = context_.options.self;
  show_(status);
  // The ensemble's id comes first, if the node does not know it yet; then the history.
  if (facts_.ensemble.empty()) this->send(context_.applier, AskView{}, ViewUserActor{this});
  this->send(context_.log_writer, AskHistory{}, HistoryUserActor{this});
}

void Peer::configure(std::shared_ptr<const Configuration> configuration) {
  configuration_ = configuration ? std::move(configuration) : context_.options.configuration;
  context_.network->set_members(configuration_->reachable(settled_));
}

void Peer::name_ensemble(const std::string& id) {
  if (!facts_.ensemble.empty() || id.empty()) return;
  facts_.ensemble = id;
  if (configuration_) this->send(elector_, ConfigurationLogged{configuration_, id});
}

void Peer::settle(Zxid zxid) {
  if (zxid <= settled_) return;
  const bool ends = configuration_ && settled_ < configuration_->since && zxid >= configuration_->since;
  settled_ = zxid;
  if (ends) context_.network->set_members(configuration_->reachable(settled_));  // who left is needed no more
}

void Peer::lead() {
  leader_ = spawn_on<LeaderRole>(this->system(), *context_.host, context_, RoleUserActor{this}, facts_, now_);
  for (auto& [peer, connected] : early_) this->send(leader_, connected);
  early_.clear();
}

void Peer::follow(PeerId leader) {
  for (auto& [peer, connected] : early_)
    connected.link->close("node " + to_string(context_.options.self) + " does not lead");
  early_.clear();
  learner_ = spawn_on<LearnerRole>(this->system(), *context_.host, context_, RoleUserActor{this}, leader, facts_, now_);
}

void Peer::stop_serving() {
  if (!serving_) return;
  serving_ = false;
  for (const auto& gateway : context_.gateways) this->send(gateway, NotServing{});
}

Peer::behavior_type Peer::make_behavior() {
  look();
  return {
      [this](const TreeView& tree) { name_ensemble(tree.view->ensemble_id()); },
      [this](const HistoryFacts& facts) {
        if (stopped_) return;
        auto ensemble = std::move(facts_.ensemble);
        facts_ = facts;
        facts_.ensemble = std::move(ensemble);
        facts_.settled = std::max(facts.settled, delivered_);
        settle(facts_.settled);
        configure(facts.configuration);
        facts_.configuration = configuration_;
        spdlog::info("looking for a leader; this node's history ends at {} of epoch {}", to_string(facts.last),
                     facts.current.value);
        this->send(elector_, Look{facts_, std::exchange(for_nothing_, std::nullopt)}, ElectionUserActor{this});
      },
      [this](const ConfigurationLogged& logged) {
        if (stopped_) return;
        configure(logged.configuration);
        this->send(elector_, ConfigurationLogged{configuration_, facts_.ensemble});
      },
      [this](const Elected& elected) {
        if (stopped_ || leader_ || learner_ || look_at_ != 0) return;
        elected_ = elected.vote.leader;
        if (elected.role == zab::PeerState::leading) {
          lead();
        } else {
          follow(elected.vote.leader);
        }
      },
      [this](const LearnerConnected& connected) {
        if (leader_) {
          this->send(leader_, connected);
        } else if (learner_ || stopped_) {
          connected.link->close("node " + to_string(context_.options.self) + " does not lead");
        } else {
          auto& early = early_[connected.peer];
          if (early.link) early.link->close("the learner connected again");
          early = connected;
        }
      },
      [this](const RoleActive&) {
        if (stopped_) return;
        serving_ = true;
        for (const auto& gateway : context_.gateways) {
          this->send(gateway, Serving{leader_ ? UpstreamActor{leader_} : UpstreamActor{learner_}});
        }
      },
      [this](const RoleEnded& ended) {
        spdlog::info("{}", ended.reason);
        delivered_ = std::max(delivered_, ended.delivered);
        if (ended.for_nothing) for_nothing_ = elected_;
        times_for_nothing_ = ended.for_nothing ? times_for_nothing_ + 1 : 0;
        stop_serving();
        leader_ = nullptr;
        learner_ = nullptr;
        if (stopped_) return;
        if (times_for_nothing_ < 2) return look();
        look_at_ = now_ + pause_ms;
      },
      [this](NodeStatus status) {
        settle(status.committed);
        if (facts_.ensemble.empty() && status.serving) this->send(context_.applier, AskView{}, ViewUserActor{this});
        if (status.role == zab::PeerState::following || status.role == zab::PeerState::observing) {
          const bool voter = configuration_->is_voter(status.id);
          status.role = voter ? zab::PeerState::following : zab::PeerState::observing;
        }
        show_(status);
      },
      [this](const Tick& tick) {
        now_ = tick.now;
        if (look_at_ != 0 && now_ >= look_at_) look();
        if (leader_) this->send(leader_, tick);
        if (learner_) this->send(learner_, tick);
      },
      [this](const Stop&) {
        stopped_ = true;
        stop_serving();
        this->send_exit(elector_, caf::exit_reason::user_shutdown);
        this->quit();
      },
  };
}

}  // namespace troupe
