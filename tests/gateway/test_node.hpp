// One node that is leader, log and applier at once: a real proposer and a real tree in memory, and
// between them and the gateways queues that the test lets run as it likes. The channels are those
// of the real thing: gateway → leader, leader → gateway and applier → gateway each keep their order,
// and nothing is promised between them; but all gateways have one way to the leader if they are one node's.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "actors/flat_message.hpp"
#include "actors/gateway.hpp"
#include "actors/proposer.hpp"
#include "store/memory_disk.hpp"
#include "store/tree.hpp"

namespace troupe::testing {

class TestNode {
 public:
  enum class Gateways { of_several_nodes, of_one_node };
  explicit TestNode(Gateways gateways = Gateways::of_several_nodes)
      : one_way_(gateways == Gateways::of_one_node),
        disk_(machine_.disk()),
        tree_(disk_->open("state", {store::Tree::tables(), false, 1ull << 30})),
        proposer_(tree_.view()) {
    zxid_ = zxid_.next();
    proposals_.push_back(proposer_.found(zxid_, time_ms_, std::string(16, 'e'), std::string(32, 'k')));
    apply(1);
  }

  /// Another gateway, with a view and serving.
  Gateway& add_gateway(
      GatewayOptions options = {}, std::function<void()> something_to_do = [] {}) {
    const auto id = static_cast<std::uint32_t>(links_.size());
    options.gateway = id;
    options.node = PeerId{1};
    auto& link = *links_.emplace_back(std::make_unique<Link>(*this, id, options, std::move(something_to_do)));
    auto batch = std::make_shared<store::AppliedBatch>();
    batch->last = tree_.applied();
    link.gateway.applied(std::move(batch), tree_.view());
    link.gateway.serving();
    return link.gateway;
  }
  Gateway& gateway(std::size_t id) { return links_[id]->gateway; }
  std::size_t gateways() const { return links_.size(); }

  // One step of each kind; false if there was nothing to do.
  bool flush(std::size_t gateway) {
    if (!std::exchange(links_[gateway]->dirty, false)) return false;
    links_[gateway]->gateway.flush();
    return true;
  }
  bool lead(std::size_t gateway) { return run_front(links_[gateway]->way()); }
  bool apply(std::size_t most) {
    const auto count = std::min(most, proposals_.size());
    if (count == 0) return false;
    const auto end = proposals_.begin() + static_cast<std::ptrdiff_t>(count);
    auto batch =
        std::make_shared<const store::AppliedBatch>(tree_.apply(std::vector<store::Proposal>(proposals_.begin(), end)));
    proposals_.erase(proposals_.begin(), end);
    proposer_.advance(tree_.view());
    for (auto& link : links_) {
      link->from_applier.push_back(
          [batch, view = tree_.view(), link = link.get()] { link->gateway.applied(batch, view); });
    }
    return true;
  }
  bool deliver_applied(std::size_t gateway) { return run_front(links_[gateway]->from_applier); }
  bool deliver_upstream(std::size_t gateway) { return run_front(links_[gateway]->from_leader); }

  /// Everything, until nothing is left to do.
  void run() {
    for (bool busy = true; busy;) {
      busy = false;
      for (std::size_t i = 0; i < links_.size(); ++i) {
        while (flush(i) || lead(i)) busy = true;
      }
      while (apply(100)) busy = true;
      for (std::size_t i = 0; i < links_.size(); ++i) {
        while (deliver_upstream(i) || deliver_applied(i)) busy = true;
      }
    }
  }

  /// Whether there is nothing left to do.
  bool idle() const {
    bool busy = !proposals_.empty();
    for (const auto& link : links_) {
      busy = busy || link->dirty || !link->way().empty() || !link->from_leader.empty() || !link->from_applier.empty();
    }
    return !busy;
  }

  /// One random step. False if the one that was picked had nothing to do.
  bool step(std::mt19937_64& random) {
    const std::size_t gateway = random() % links_.size();
    switch (random() % 5) {
      case 0:
        return flush(gateway);
      case 1:
        return lead(gateway);
      case 2:
        return apply(1 + random() % 6);
      case 3:
        return deliver_applied(gateway);
      default:
        return deliver_upstream(gateway);
    }
  }

  /// The leader ends a session that was not heard of.
  void expire(SessionId session) {
    const Bytes request = close_session_request(session);
    propose(request);
  }

  store::Tree& tree() { return tree_; }
  const std::vector<SessionId>& heard() const { return heard_; }
  std::size_t proposed() const { return proposed_; }

 private:
  using Channel = std::deque<std::function<void()>>;

  struct Link final : Upstream {
    Link(TestNode& node, std::uint32_t id, const GatewayOptions& options, std::function<void()> want)
        : node(node), id(id), want(std::move(want)), gateway(options, *this) {}

    void submit(std::vector<Bytes> requests) override {
      for (auto& request : requests) {
        way().push_back([this, request] { node.take(*this, request); });
      }
    }
    void attach(std::uint64_t ticket, SessionId session, std::uint32_t) override {
      way().push_back([this, ticket, session] { node.attach(*this, ticket, session); });
      want();
    }
    void sync(std::uint64_t ticket) override {
      way().push_back([this, ticket] {
        from_leader.push_back([this, ticket, barrier = node.zxid_] { gateway.synced(ticket, barrier); });
      });
    }
    void heard(std::vector<SessionId> sessions) override { node.heard_ = std::move(sessions); }
    void want_flush() override {
      dirty = true;
      want();
    }

    Channel& way() { return node.one_way_ ? node.links_.front()->to_leader : to_leader; }

    TestNode& node;
    const std::uint32_t id;
    std::function<void()> want;
    bool dirty = false;
    Channel to_leader, from_leader, from_applier;
    Gateway gateway;
  };

  static bool run_front(Channel& channel) {
    if (channel.empty()) return false;
    const auto task = std::move(channel.front());
    channel.pop_front();
    task();
    return true;
  }

  void take(Link& link, const Bytes& bytes) {
    const FlatReader<schema::Request> request(bytes);
    const SessionId session{request.root().getSession()};
    if (request.root().isOpenSession()) owners_[session] = link.id;
    const auto owner = owners_.find(session);
    if (request.root().getLocal()) return propose(bytes);
    if (owner == owners_.end() || owner->second != link.id) {
      link.from_leader.push_back([&link, session, number = request.root().getNumber()] {
        link.gateway.refused(session, number, Error::session_moved);
      });
      return;
    }
    propose(bytes);
  }

  void propose(const Bytes& bytes) {
    const FlatReader<schema::Request> request(bytes);
    const SessionId session{request.root().getSession()};
    auto proposal = proposer_.prepare(zxid_.next(), ++time_ms_, request.root());
    if (!proposal) return;
    if (request.root().isOpenSession()) open_.insert(session);
    if (request.root().isCloseSession()) open_.erase(session);
    zxid_ = zxid_.next();
    ++proposed_;
    proposals_.push_back(std::move(*proposal));
  }

  void attach(Link& link, std::uint64_t ticket, SessionId session) {
    const bool open = open_.contains(session);
    if (open) owners_[session] = link.id;
    link.from_leader.push_back([&link, ticket, open, barrier = zxid_] {
      link.gateway.attached(ticket, open ? Error::ok : Error::session_expired, barrier);
    });
  }

  const bool one_way_;
  store::MemoryMachine machine_;
  std::unique_ptr<store::Disk> disk_;
  store::Tree tree_;
  Proposer proposer_;
  Zxid zxid_ = Zxid::of(Epoch{1}, 0);
  std::int64_t time_ms_ = 1'000;
  std::vector<store::Proposal> proposals_;
  std::size_t proposed_ = 0;
  std::map<SessionId, std::uint32_t> owners_;
  std::set<SessionId> open_;
  std::vector<SessionId> heard_;
  std::vector<std::unique_ptr<Link>> links_;
};

}  // namespace troupe::testing
