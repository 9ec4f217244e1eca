#include "tests/zab/cluster.hpp"

#include <algorithm>
#include <functional>

namespace troupe::zab {

struct Cluster::Link {
  std::uint64_t id = 0;
  PeerId learner, leader;
  std::deque<Message> up, down;  // to the leader, to the learner
  bool broken = false;           // both ends hear of it after what is under way, or instead of it
};

struct Cluster::Node : History {
  PeerId id;
  bool observer = false;

  // The disk.
  Epoch accepted, current;
  Zxid log_base;  // a checkpoint holds all up to here
  std::vector<Proposal> log;
  std::size_t delivered = 0;  // how much of the ensemble's history the tree has

  // The process.
  bool up = false;
  std::deque<std::function<void()>> disk;  // writes that wait
  std::uint64_t process = 0;
  std::unique_ptr<Elector> elector;
  std::unique_ptr<Leader> leader;
  std::unique_ptr<Learner> learner;
  std::uint64_t role = 0;           // counts them: what comes for an earlier one goes to nobody
  std::uint64_t link = 0;           // while learning
  std::vector<Proposal> proposed;   // while leading: the log and what is on its way to it
  std::set<std::uint64_t> streams;  // while leading: links that get proposals

  Zxid base() const override { return log_base; }
  std::optional<Zxid> floor(Zxid zxid) const override {
    if (zxid < log_base) return std::nullopt;
    Zxid found = log_base;
    for (const auto& record : log) {
      if (record.zxid <= zxid) found = record.zxid;
    }
    return found;
  }
  Zxid last() const { return log.empty() ? log_base : log.back().zxid; }
  bool holds(const Proposal& wanted) const {
    if (wanted.zxid <= log_base) return true;
    return std::any_of(log.begin(), log.end(),
                       [&](const Proposal& record) { return record.zxid == wanted.zxid && record.txn == wanted.txn; });
  }
};

Cluster::Cluster(std::uint64_t seed, std::uint32_t voters, std::uint32_t observers) : random_(seed) {
  PeerSet set;
  for (std::uint32_t id = 1; id <= voters; ++id) set.insert({id});
  quorum_ = std::make_shared<MajorityQuorum>(set);
  for (std::uint32_t id = 1; id <= voters + observers; ++id) {
    nodes_.push_back(std::make_unique<Node>());
    nodes_.back()->id = {id};
    nodes_.back()->observer = id > voters;
  }
}

Cluster::~Cluster() = default;

void Cluster::violated(const std::string& what) {
  if (violation_.empty()) violation_ = what;
}

// --- what may happen ---

void Cluster::step(bool faults) {
  const auto dice = random(1000);
  if (faults && dice < 2) {
    auto& node = *nodes_[random(nodes_.size())];
    node.up ? crash(node) : start(node);
  } else if (faults && dice < 6) {
    auto& node = *nodes_[random(nodes_.size())];
    if (!node.up) start(node);
  } else if (faults && dice < 8 && !links_.empty()) {
    auto link = links_.begin();
    std::advance(link, static_cast<long>(random(links_.size())));
    break_link(*link->second);
  } else if (dice < 30) {
    tick();
  } else if (dice < 60) {
    propose();
  } else if (dice < 500) {
    if (!deliver_message() && !write_disk() && !deliver_notification(faults)) tick();
  } else if (dice < 800) {
    if (!write_disk() && !deliver_message() && !deliver_notification(faults)) tick();
  } else {
    if (!deliver_notification(faults) && !deliver_message() && !write_disk()) tick();
  }
}

void Cluster::start_all() {
  for (auto& node : nodes_) {
    if (!node->up) start(*node);
  }
}

void Cluster::start(Node& node) {
  node.up = true;
  ++node.process;
  // The tree may be behind what it was: not all that was delivered had been stored.
  node.elector = std::make_unique<Elector>(ElectorOptions{.self = node.id}, quorum_);
  look(node);
}

void Cluster::crash(Node& node) {
  node.disk.clear();
  end_role(node);
  node.elector.reset();
  node.up = false;
  ++node.process;
}

void Cluster::tick() {
  now_ += 5;
  for (auto& node : nodes_) {
    if (!node->up) continue;
    Elector::Effects elected;
    node->elector->tick(now_, elected);
    perform(*node, elected);
    if (node->leader) {
      LeaderEffects effects;
      node->leader->tick(now_, effects);
      for (auto& [id, link] : links_) {
        if (link->leader == node->id && now_ % 100 == 0) link->down.push_back(Ping{});
      }
      perform(*node, std::move(effects));
    } else if (node->learner) {
      LearnerEffects effects;
      node->learner->tick(now_, effects);
      const auto link = links_.find(node->link);
      if (link != links_.end() && now_ % 100 == 0) link->second->up.push_back(Pong{});
      perform(*node, std::move(effects));
    }
  }
}

void Cluster::propose() {
  for (auto& node : nodes_) {
    if (!node->leader || !node->leader->broadcasting()) continue;
    LeaderEffects effects;
    const Proposal next{node->leader->next_zxid(), Bytes::copy(std::to_string(next_value_++))};
    node->leader->propose(next, effects);
    perform(*node, std::move(effects));
  }
}

bool Cluster::deliver_notification(bool faults) {
  if (notifications_.empty()) return false;
  const auto at = notifications_.begin() + static_cast<long>(random(notifications_.size()));
  const auto [to, notification] = *at;
  notifications_.erase(at);
  auto& node = *nodes_[to.value - 1];
  if (!node.up || (faults && random(20) == 0)) return true;
  Elector::Effects effects;
  node.elector->on_notification(notification, now_, effects);
  perform(node, effects);
  return true;
}

bool Cluster::deliver_message() {
  std::vector<std::pair<Link*, bool>> ready;
  for (auto& [id, link] : links_) {
    if (!link->up.empty()) ready.emplace_back(link.get(), true);
    if (!link->down.empty()) ready.emplace_back(link.get(), false);
  }
  if (ready.empty()) return false;
  const auto [link, up] = ready[random(ready.size())];
  auto& queue = up ? link->up : link->down;
  const auto message = std::move(queue.front());
  queue.pop_front();
  if (!up) {
    auto& node = *nodes_[link->learner.value - 1];
    if (!node.learner || node.link != link->id) return true;
    LearnerEffects effects;
    node.learner->on_message(message, now_, effects);
    perform(node, std::move(effects));
    return true;
  }
  auto& node = *nodes_[link->leader.value - 1];
  if (!node.leader) {  // not the leader, or not yet: the learner looks again
    break_link(*link);
    return true;
  }
  const LinkId id{link->id};
  LeaderEffects effects;
  node.leader->on_heard(id, now_);
  if (const auto* info = std::get_if<FollowerInfo>(&message)) node.leader->on_follower_info(id, *info, now_, effects);
  if (const auto* ack = std::get_if<AckEpoch>(&message)) node.leader->on_ack_epoch(id, *ack, now_, effects);
  if (const auto* ack = std::get_if<AckNewLeader>(&message)) node.leader->on_ack_new_leader(id, *ack, now_, effects);
  if (const auto* ack = std::get_if<Ack>(&message)) node.leader->on_ack(id, *ack, now_, effects);
  perform(node, std::move(effects));
  return true;
}

bool Cluster::write_disk() {
  std::vector<Node*> ready;
  for (auto& node : nodes_) {
    if (!node->disk.empty()) ready.push_back(node.get());
  }
  if (ready.empty()) return false;
  auto& node = *ready[random(ready.size())];
  const auto write = std::move(node.disk.front());
  node.disk.pop_front();
  write();
  return true;
}

// --- roles ---

void Cluster::look(Node& node) {
  // Behind all that the last role had written: the vote is for what is on disk.
  node.disk.push_back([this, &node, process = node.process] {
    if (node.process != process) return;
    Elector::Effects effects;
    node.elector->look(node.current, node.last(), now_, effects);
    perform(node, effects);
  });
}

void Cluster::perform(Node& node, const Elector::Effects& effects) {
  for (const auto& sent : effects.send) notifications_.push_back(sent);
  if (effects.decided) decided(node, *effects.decided);
}

void Cluster::decided(Node& node, const Vote& vote) {
  ++node.role;
  if (vote.leader == node.id) {
    node.proposed = node.log;
    node.leader = std::make_unique<Leader>(LeaderOptions{.self = node.id}, quorum_, node, node.accepted, node.current,
                                           node.last(), now_);
    LeaderEffects effects;
    node.leader->start(effects);
    perform(node, std::move(effects));
    return;
  }
  // With nothing settled it obeys: that nobody asks for what must not be is checked here.
  node.learner = std::make_unique<Learner>(LearnerOptions{.self = node.id, .observer = node.observer}, node.accepted,
                                           node.current, node.last(), Zxid{}, now_);
  auto link = std::make_unique<Link>();
  link->id = node.link = next_link_++;
  link->learner = node.id;
  link->leader = vote.leader;
  links_[link->id] = std::move(link);
  LearnerEffects effects;
  node.learner->on_connected(now_, effects);
  perform(node, std::move(effects));
}

void Cluster::end_role(Node& node) {
  ++node.role;
  node.leader.reset();
  node.learner.reset();
  node.streams.clear();
  std::vector<Link*> links;
  for (auto& [id, link] : links_) {
    if (link->leader == node.id || link->learner == node.id) links.push_back(link.get());
  }
  for (auto* link : links) break_link(*link);
}

void Cluster::break_link(Link& link) {
  const auto owned = std::move(links_[link.id]);
  links_.erase(owned->id);
  auto& learner = *nodes_[owned->learner.value - 1];
  auto& leader = *nodes_[owned->leader.value - 1];
  leader.streams.erase(owned->id);
  if (leader.leader) {
    LeaderEffects effects;
    leader.leader->on_link_down({owned->id}, now_, effects);
    perform(leader, std::move(effects));
  }
  if (learner.learner && learner.link == owned->id) {
    LearnerEffects effects;
    learner.learner->on_disconnected("broken", effects);
    perform(learner, std::move(effects));
  }
}

void Cluster::perform(Node& node, LeaderEffects effects) {
  using namespace leader_effect;
  const auto stored = [this, &node, role = node.role](auto then) {
    return [this, &node, role, then] {
      LeaderEffects more;
      then(more);
      if (node.role == role && node.leader) perform(node, std::move(more));
    };
  };
  for (const auto& effect : effects) {
    if (!node.leader) return;
    if (const auto* e = std::get_if<Send>(&effect)) {
      const auto link = links_.find(e->link.value);
      if (link != links_.end()) link->second->down.push_back(e->message);
    } else if (const auto* e = std::get_if<StoreAcceptedEpoch>(&effect)) {
      node.disk.push_back(stored([&node, epoch = e->epoch, role = node.role](LeaderEffects& more) {
        if (epoch > node.accepted) node.accepted = epoch;
        if (node.role == role && node.leader) node.leader->on_accepted_epoch_stored(epoch, more);
      }));
    } else if (const auto* e = std::get_if<StoreCurrentEpoch>(&effect)) {
      node.disk.push_back(stored([&node, epoch = e->epoch, role = node.role](LeaderEffects& more) {
        node.current = epoch;
        if (node.role == role && node.leader) node.leader->on_current_epoch_stored(epoch, more);
      }));
    } else if (const auto* e = std::get_if<BeginSync>(&effect)) {
      begin_stream(node, *e);
    } else if (const auto* e = std::get_if<Established>(&effect)) {
      check_established(node, e->epoch);
      LeaderEffects more;
      node.leader->on_serving(more);
      perform(node, std::move(more));
    } else if (const auto* e = std::get_if<Propose>(&effect)) {
      node.proposed.push_back(e->proposal);
      for (const auto id : node.streams) links_[id]->down.push_back(Proposals{{e->proposal}});
      node.disk.push_back(stored([&node, proposal = e->proposal, role = node.role](LeaderEffects& more) {
        node.log.push_back(proposal);
        if (node.role == role && node.leader) node.leader->on_durable(proposal.zxid, more);
      }));
    } else if (const auto* e = std::get_if<leader_effect::Commit>(&effect)) {
      check_committed(e->zxid);
      for (const auto id : node.streams) links_[id]->down.push_back(zab::Commit{e->zxid});
      deliver(node, std::min(e->zxid, node.last()));
    } else if (const auto* e = std::get_if<CommitWith>(&effect)) {
      links_[e->link.value]->down.push_back(zab::Commit{e->zxid});
    } else if (const auto* e = std::get_if<Disconnect>(&effect)) {
      const auto link = links_.find(e->link.value);
      if (link != links_.end()) break_link(*link->second);
    } else if (std::holds_alternative<StepDown>(effect)) {
      end_role(node);
      look(node);
      return;
    }
  }
}

void Cluster::begin_stream(Node& node, const leader_effect::BeginSync& sync) {
  const auto found = links_.find(sync.link.value);
  if (found == links_.end()) return;
  auto& down = found->second->down;
  ++plans_[static_cast<std::size_t>(sync.plan.kind)];
  Zxid from = sync.plan.from;
  if (sync.plan.kind == SyncPlan::Kind::diff) down.push_back(Diff{});
  if (sync.plan.kind == SyncPlan::Kind::trunc) down.push_back(Trunc{from});
  if (sync.plan.kind == SyncPlan::Kind::snap) {  // of the leader's tree: what it has delivered
    from = node.delivered == 0 ? Zxid{} : history_[node.delivered - 1].zxid;
    from = std::max(from, node.log_base);
    down.push_back(SnapBegin{from});
    down.push_back(SnapEnd{});
  }
  for (const auto& record : node.proposed) {
    if (record.zxid > from) down.push_back(Proposals{{record}});
  }
  down.push_back(NewLeader{sync.epoch});
  node.streams.insert(sync.link.value);
  if (node.leader->broadcasting()) down.push_back(zab::Commit{node.leader->committed()});
}

void Cluster::perform(Node& node, LearnerEffects effects) {
  using namespace learner_effect;
  // Something is written, and then the learner that asked for it is told, if it still learns.
  const auto then = [this, &node](auto write, auto tell) {
    node.disk.push_back([this, &node, write, tell, role = node.role] {
      write();
      if (node.role != role || !node.learner) return;
      LearnerEffects more;
      tell(*node.learner, more);
      perform(node, std::move(more));
    });
  };
  const auto nobody = [](Learner&, LearnerEffects&) {};
  for (const auto& effect : effects) {
    if (!node.learner) return;
    if (const auto* e = std::get_if<learner_effect::Send>(&effect)) {
      const auto link = links_.find(node.link);
      if (link != links_.end()) link->second->up.push_back(e->message);
    } else if (const auto* e = std::get_if<learner_effect::StoreAcceptedEpoch>(&effect)) {
      then([&node, epoch = e->epoch] { node.accepted = std::max(node.accepted, epoch); },
           [epoch = e->epoch](Learner& learner, LearnerEffects& more) {
             learner.on_accepted_epoch_stored(epoch, more);
           });
    } else if (const auto* e = std::get_if<learner_effect::StoreCurrentEpoch>(&effect)) {
      then(
          [&node, epoch = e->epoch] { node.current = epoch; },
          [epoch = e->epoch](Learner& learner, LearnerEffects& more) { learner.on_current_epoch_stored(epoch, more); });
    } else if (const auto* e = std::get_if<Append>(&effect)) {
      then([&node, records = e->proposals] { node.log.insert(node.log.end(), records.begin(), records.end()); },
           [zxid = e->proposals.back().zxid](Learner& learner, LearnerEffects& more) {
             learner.on_durable(zxid, more);
           });
    } else if (const auto* e = std::get_if<Truncate>(&effect)) {
      then(
          [this, &node, last = e->last] {
            std::erase_if(node.log, [&](const Proposal& record) { return record.zxid > last; });
            if (node.delivered > 0 && history_[node.delivered - 1].zxid > last) {
              violated("node " + to_string(node.id) + " drops what it had delivered");
            }
          },
          nobody);
    } else if (const auto* e = std::get_if<BeginSnapshot>(&effect)) {
      then(
          [this, &node, zxid = e->zxid] {
            const auto place = places_.find(zxid);
            if (zxid != Zxid{} && place == places_.end()) return violated("a snapshot of what nobody delivered");
            const auto delivered = zxid == Zxid{} ? 0 : place->second + 1;
            if (delivered < node.delivered) violated("node " + to_string(node.id) + " goes back with a snapshot");
            node.log.clear();
            node.log_base = zxid;
            node.delivered = delivered;
          },
          [zxid = e->zxid](Learner& learner, LearnerEffects& more) { learner.on_snapshot_installed(zxid, more); });
    } else if (const auto* e = std::get_if<Deliver>(&effect)) {
      deliver(node, e->zxid);
    } else if (std::holds_alternative<Fail>(effect)) {
      end_role(node);
      look(node);
      return;
    }
  }
}

// --- the promises ---

void Cluster::deliver(Node& node, Zxid upto) {
  for (const auto& record : std::vector<Proposal>(node.log)) {
    if (record.zxid > upto) break;
    if (node.delivered > 0 && record.zxid <= history_[node.delivered - 1].zxid) continue;
    if (node.delivered < history_.size()) {
      const auto& known = history_[node.delivered];
      if (known.zxid != record.zxid || !(known.txn == record.txn)) {
        violated("node " + to_string(node.id) + " delivers " + to_string(record.zxid) +
                 " where another node delivered " + to_string(known.zxid));
      }
    } else {
      PeerSet having;
      for (const auto& other : nodes_) {
        if (other->holds(record)) having.insert(other->id);
      }
      if (!quorum_->contains_quorum(having)) violated(to_string(record.zxid) + " is delivered, and no quorum has it");
      places_[record.zxid] = history_.size();
      history_.push_back(record);
    }
    ++node.delivered;
  }
  // Old records go, so that there are snapshots to be taken.
  if (random(50) == 0 && node.delivered > 0) {
    node.log_base = std::max(node.log_base, history_[node.delivered - 1].zxid);
    std::erase_if(node.log, [&](const Proposal& record) { return record.zxid <= node.log_base; });
    std::erase_if(node.proposed, [&](const Proposal& record) { return record.zxid <= node.log_base; });
  }
}

void Cluster::check_established(Node& node, Epoch epoch) {
  const auto [leader, first] = leaders_.emplace(epoch, node.id);
  if (!first) violated("epoch " + to_string(epoch) + " has a second leader");
  if (epoch < leaders_.rbegin()->first) violated("a leader of an earlier epoch is established");
  for (const auto& delivered : history_) {
    if (!node.holds(delivered)) violated("a leader lacks " + to_string(delivered.zxid) + ", which was delivered");
  }
}

void Cluster::check_committed(Zxid zxid) {
  PeerSet holders;
  for (const auto& node : nodes_) {
    if (node->last() >= zxid) holders.insert(node->id);
  }
  if (!quorum_->contains_quorum(holders)) violated(to_string(zxid) + " commits without being on a quorum's disks");
}

bool Cluster::agreed() const {
  for (const auto& node : nodes_) {
    if (!node->up || (!node->leader && (!node->learner || !node->learner->serving()))) return false;
    if (node->leader && !node->leader->broadcasting()) return false;
    if (node->delivered != history_.size() || node->last() != (history_.empty() ? Zxid{} : history_.back().zxid))
      return false;
  }
  return true;
}

}  // namespace troupe::zab
