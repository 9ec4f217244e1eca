#include "apps/sim/message_rules.hpp"

namespace troupe::sim {
namespace {
std::string node(PeerId peer) { return "node " + to_string(peer); }
}  // namespace

void MessageRules::check(PeerId from, PeerId to, const zab::Message& message) {
  std::visit([&](const auto& m) { check(from, to, m); }, message);
}

void MessageRules::check(PeerId learner, PeerId leader, const zab::FollowerInfo& info) {
  const auto [known, first] = introduced_.emplace(Pair(leader, learner), info.accepted_epoch);
  if (!first) known->second = std::min(known->second, info.accepted_epoch);
}

void MessageRules::check(PeerId leader, PeerId learner, const zab::LeaderInfo& info) {
  if (disks_.accepted_epoch(leader) < info.epoch) {
    throw Violation(node(leader) + " tells epoch " + to_string(info.epoch) +
                    ", which it has not promised on its own disk");
  }
  if (std::exchange(chosen_[leader], info.epoch) != info.epoch) {  // it is newly chosen
    question_.erase(leader);
    std::erase_if(confirmed_, [&](const auto& each) { return each.first.first == leader; });
    zab::PeerSet earlier;
    earlier.insert(leader);
    for (auto known = introduced_.begin(); known != introduced_.end();) {
      if (known->first.first != leader) {
        ++known;
        continue;
      }
      if (known->second < info.epoch) earlier.insert(known->first.second);
      known = introduced_.erase(known);
    }
    if (!disks_.configuration(leader).quorum()->contains_quorum(earlier)) {
      throw Violation(node(leader) + " tells epoch " + to_string(info.epoch) +
                      ", which is not later than what a quorum has promised");
    }
  }
  told_[{leader, learner}] = info.epoch;
}

void MessageRules::check(PeerId learner, PeerId leader, const zab::AckEpoch& ack) {
  if (!ack.current_epoch) return;
  const auto epoch = told_[{leader, learner}];
  if (disks_.accepted_epoch(learner) < epoch) {
    throw Violation(node(learner) + " promises epoch " + to_string(epoch) + " before that is on its disk");
  }
  if (disks_.accepted_epoch(learner) > epoch) {
    throw Violation(node(learner) + " promises epoch " + to_string(epoch) + " after a later one");
  }
  const auto [to, first] = promised_.emplace(std::pair(learner, epoch), leader);
  if (to->second != leader) {
    throw Violation(node(learner) + " promises epoch " + to_string(epoch) + " to " + node(leader) + " after " +
                    node(to->second));
  }
  promises_[{leader, epoch}].insert(learner);
}

void MessageRules::check(PeerId leader, PeerId, const zab::NewLeader& message) {
  // By the configuration that the reign began with; later learners come under others.
  if (!discovered_.emplace(leader, message.epoch).second) return;
  auto promised = promises_[{leader, message.epoch}];
  promised.insert(leader);
  if (!disks_.configuration(leader).quorum()->contains_quorum(promised)) {
    throw Violation(node(leader) + " ends the discovery of epoch " + to_string(message.epoch) +
                    " without a quorum's promises");
  }
}

void MessageRules::check(PeerId learner, PeerId, const zab::AckNewLeader& ack) {
  if (disks_.current_epoch(learner) < ack.epoch) {
    throw Violation(node(learner) + " acknowledges NEWLEADER of epoch " + to_string(ack.epoch) +
                    " before it is on its disk");
  }
}

void MessageRules::check(PeerId learner, PeerId, const zab::Ack& ack) {
  if (disks_.disk_end(learner) < ack.durable) {
    throw Violation(node(learner) + " acknowledges " + to_string(ack.durable) + ", its disk ends at " +
                    to_string(disks_.disk_end(learner)));
  }
}

void MessageRules::check(PeerId, PeerId learner, const zab::Commit& commit) {
  if (commit.zxid == Zxid{}) return;
  // The learner's own disk may be the one that is missing: it delivers nothing before. It counts if its vote will be
  // that of the epoch.
  zab::PeerSet itself;
  if (disks_.current_epoch(learner) >= commit.zxid.epoch()) itself.insert(learner);
  disks_.check_quorum_holds(commit.zxid, itself);
}

void MessageRules::check(PeerId, PeerId, const zab::Inform& inform) {
  if (!inform.proposals.empty()) disks_.check_quorum_holds(inform.proposals.back().zxid);
}

void MessageRules::check(PeerId learner, PeerId leader, const zab::SyncRequest& request) {
  syncs_[{leader, learner, request.gateway, request.ticket}] = ++said_;
}

void MessageRules::check(PeerId leader, PeerId, const zab::Ping& ping) {
  auto& question = question_[leader];
  if (ping.ordinal > question.ordinal) question = {ping.ordinal, ++said_};
}

void MessageRules::check(PeerId learner, PeerId leader, const zab::Pong& pong) {
  const auto question = question_.find(leader);
  if (pong.ordinal == 0 || question == question_.end() || pong.ordinal != question->second.ordinal) return;
  confirmed_[{leader, learner}] = question->second.said;
}

void MessageRules::check(PeerId leader, PeerId learner, const zab::SyncReply& reply) {
  const auto asked = syncs_.find({leader, learner, reply.gateway, reply.ticket});
  if (asked == syncs_.end())
    throw Violation(node(leader) + " answers a sync that " + node(learner) + " never asked for");
  zab::PeerSet confirming;
  confirming.insert(leader);
  for (const auto& [pair, said] : confirmed_) {
    if (pair.first == leader && said > asked->second) confirming.insert(pair.second);
  }
  if (!disks_.may_decide(leader, confirming)) {
    throw Violation(node(leader) + " answers a sync of " + node(learner) +
                    " without asking a quorum whether it still leads");
  }
  syncs_.erase(asked);
}

}  // namespace troupe::sim
