#include "actors/event_history.hpp"

#include <algorithm>

namespace troupe {

std::size_t EventHistory::weight(const store::AppliedBatch& batch) {
  std::size_t sum = batch.events.size();
  for (const auto& outcome : batch.outcomes) sum += std::max<std::size_t>(1, outcome.results.size());
  return sum;
}

void EventHistory::start(Zxid zxid) {
  started_ = true;
  begin_ = zxid;
  batches_.clear();
  held_ = 0;
}

void EventHistory::add(std::shared_ptr<const store::AppliedBatch> batch) {
  held_ += weight(*batch);
  batches_.push_back(std::move(batch));
  while (held_ > most_ && batches_.size() > 1) {
    begin_ = batches_.front()->last;
    held_ -= weight(*batches_.front());
    batches_.pop_front();
  }
}

void EventHistory::each_after(Zxid zxid, const std::function<void(const store::NodeEvent&)>& visit) const {
  auto batch = std::partition_point(batches_.begin(), batches_.end(),
                                    [zxid](const auto& candidate) { return candidate->last <= zxid; });
  for (; batch != batches_.end(); ++batch) {
    for (const auto& event : (*batch)->events) {
      if (event.zxid > zxid) visit(event);
    }
  }
}

}  // namespace troupe
