#include "store/recent_txns.hpp"

#include <algorithm>
#include <utility>

#include "schema/check.hpp"

namespace troupe::store {

void RecentTxns::add(Proposal txn) {
  bytes_ += txn.txn.size();
  txns_.push_back(std::move(txn));
  for (; bytes_ > most_bytes_; txns_.pop_front()) {
    after_ = txns_.front().zxid;
    bytes_ -= txns_.front().txn.size();
  }
}

void RecentTxns::restart(Zxid after) {
  after_ = after;
  txns_.clear();
  bytes_ = 0;
}

std::vector<Proposal> RecentTxns::read(Zxid after, std::size_t max_bytes, Zxid upto) const {
  TROUPE_CHECK(after >= after_, "what is read is among the last transactions");
  const auto first = std::ranges::upper_bound(txns_, after, {}, &Proposal::zxid);
  auto end = first;
  for (std::size_t bytes = 0; end != txns_.end() && end->zxid <= upto; ++end) {
    bytes += end->txn.size();
    if (end != first && bytes > max_bytes) break;
  }
  return {first, end};
}

}  // namespace troupe::store
