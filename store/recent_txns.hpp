// The last transactions of a log, as they were appended: who follows the log closely, as the tree does, need not find
// and copy them from its records.
//
// Holds all transactions of the history after after(), in order.
// Owner: the log, which says when they are durable and guards this with its mutex.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "schema/proposal.hpp"
#include "schema/types.hpp"

namespace troupe::store {

class RecentTxns {
 public:
  /// `most_bytes`: of transactions; the first are dropped for the last.
  RecentTxns(Zxid after, std::size_t most_bytes) : after_(after), most_bytes_(most_bytes) {}

  Zxid after() const { return after_; }
  void add(Proposal txn);
  /// The history is now that up to `after`.
  void restart(Zxid after);
  /// As Log::read(). CHECKs that `after` is not before after().
  std::vector<Proposal> read(Zxid after, std::size_t max_bytes, Zxid upto) const;

 private:
  Zxid after_;
  std::deque<Proposal> txns_;
  std::size_t bytes_ = 0;
  std::size_t most_bytes_;
};

}  // namespace troupe::store
