// A tree and a proposer over it, without anything between: what is prepared waits in a queue until
// the test has it applied.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "actors/proposer.hpp"
#include "store/memory_disk.hpp"
#include "store/tree.hpp"
#include "tests/logic/requests.hpp"

namespace troupe::testing {

class SingleNode {
 public:
  explicit SingleNode(Rules rules = {})
      : rules_(std::move(rules)),
        disk_(machine_.disk()),
        tree_(disk_->open("state", {store::Tree::tables(), false, 1ull << 30})),
        proposer_(tree_.view(), rules_) {}

  /// Prepares a request and queues what it became.
  std::optional<store::Proposal> prepare(const Ask& ask, std::int64_t time_ms = 1'000) {
    const Bytes bytes = encode(ask);
    const FlatReader<schema::Request> request(bytes);
    auto proposal = proposer_.prepare(zxid_.next(), time_ms, request.root());
    if (proposal) {
      zxid_ = zxid_.next();
      queue_.push_back(*proposal);
    }
    return proposal;
  }

  /// Applies the first `count` of the queue. The proposer does not know it before advance().
  store::AppliedBatch apply(std::size_t count) {
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
    const std::vector<store::Proposal> batch(queue_.begin(), end);
    queue_.erase(queue_.begin(), end);
    return tree_.apply(batch);
  }
  void advance() { proposer_.advance(tree_.view()); }

  /// What a request becomes that is prepared, applied and over before the next: one result.
  store::OpResult run(const Ask& ask, std::int64_t time_ms = 1'000) {
    prepare(ask, time_ms);
    auto batch = apply(queue_.size());
    advance();
    auto& outcome = batch.outcomes.back();
    if (outcome.error != Error::ok) return {.error = outcome.error};
    return outcome.results.empty() ? store::OpResult{} : std::move(outcome.results.back());
  }

  /// How a request is answered on top of what is queued.
  Error answer(const Ask& ask, std::int64_t time_ms = 1'000) {
    const auto proposal = prepare(ask, time_ms);
    const FlatReader<schema::Txn> txn(proposal->txn);
    return txn.root().isRefused() ? static_cast<Error>(txn.root().getRefused().getError()) : Error::ok;
  }

  /// A new leader: it knows nothing of what was pending, and everything is applied.
  void restart_proposer() { proposer_ = Proposer(tree_.view(), rules_); }
  void skip_to(Zxid zxid) { zxid_ = zxid; }

  std::size_t queued() const { return queue_.size(); }
  Zxid zxid() const { return zxid_; }
  Proposer& proposer() { return proposer_; }
  store::Tree& tree() { return tree_; }

 private:
  Rules rules_;
  store::MemoryMachine machine_;
  std::unique_ptr<store::Disk> disk_;
  store::Tree tree_;
  Proposer proposer_;
  Zxid zxid_;
  std::vector<store::Proposal> queue_;
};

}  // namespace troupe::testing
