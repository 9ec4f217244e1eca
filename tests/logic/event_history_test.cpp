// How far back the recent changes go: by what they hold, not by how many transactions they came from.
#include "actors/event_history.hpp"

#include "tests/catch.hpp"

using namespace troupe;

namespace {

/// One transaction of so many operations, each of which answered.
std::shared_ptr<const store::AppliedBatch> multi(Zxid zxid, std::size_t operations) {
  auto batch = std::make_shared<store::AppliedBatch>();
  batch->last = zxid;
  batch->outcomes.emplace_back(batch->memory.get()).results.resize(operations);
  return batch;
}

}  // namespace

TEST_CASE("A history goes back by so many results, whatever the transactions") {
  EventHistory history(100);
  history.start(Zxid{1});
  history.add(multi(Zxid{2}, 0));  // a refusal counts as one
  history.add(multi(Zxid{3}, 98));
  history.add(multi(Zxid{4}, 1));
  CHECK(history.covers(Zxid{1}));
  history.add(multi(Zxid{5}, 1));
  CHECK_FALSE(history.covers(Zxid{1}));
  CHECK(history.covers(Zxid{2}));
  history.add(multi(Zxid{6}, 1'000));  // the last batch stays, of any size
  CHECK_FALSE(history.covers(Zxid{4}));
  CHECK(history.covers(Zxid{5}));
}
