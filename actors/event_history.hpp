// The recent changes of the tree, for clients that come back: what happened to their watches since the
// last transaction that they saw is told exactly, one by one. Whoever stayed away for longer gets
// what the tree itself still tells (rearm.hpp).
//
// Owner: the gateway's thread. The batches are shared with the node's other gateways.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "store/tree.hpp"

namespace troupe {

class EventHistory {
 public:
  /// Holds at least the last batch, and batches of up to `most` events, and outcomes' results, in total.
  explicit EventHistory(std::size_t most) : most_(most) {}

  /// The history begins behind `zxid`; what was held is dropped.
  void start(Zxid zxid);
  void add(std::shared_ptr<const store::AppliedBatch> batch);

  /// Whether every change after `zxid` is held.
  bool covers(Zxid zxid) const { return started_ && zxid >= begin_; }
  /// The changes after `zxid`, in order.
  void each_after(Zxid zxid, const std::function<void(const store::NodeEvent&)>& visit) const;

 private:
  static std::size_t weight(const store::AppliedBatch& batch);

  const std::size_t most_;
  bool started_ = false;
  Zxid begin_;  // all changes after this one are held
  std::deque<std::shared_ptr<const store::AppliedBatch>> batches_;
  std::size_t held_ = 0;
};

}  // namespace troupe
