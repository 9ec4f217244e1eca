// The state applier: owns the tree. It follows the log up to what is committed, applies all that
// waits in one transaction of the store, and then tells every subscriber what happened and gives it
// a view of the tree at exactly that point.
//
// It reads the transactions from the log, so the tree cannot get ahead of the log. What it
// applies stays in memory until there is much of it or it has been there for a while; then the state
// flusher brings it to the disk, while this goes on, up to a bound.
//
// Where a snapshot has replaced the log the flusher makes its tree. Meanwhile nothing is applied, and who asks for a
// view or for that tree waits.
//
// Between two batches others have their turn, so that the loop of a node's peers may be its thread. A batch takes some
// milliseconds; longer where what it changes must come from the disk first, or where one transaction does much: ends a
// session with many ephemerals, counts a large subtree for a new quota.
//
// While too many of its views wait to be looked at it applies nothing: what is committed meanwhile stays in
// the log, and is applied in larger batches when a subscriber that was held up has caught up.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "actors/view_counter.hpp"
#include "store/data_dir.hpp"

namespace troupe {

class Applier : public Hosted<ApplierActor> {
 public:
  /// Runs a task when the thread has done what else waits now.
  using Later = std::function<void(std::function<void()>)>;

  /// `data` outlives the actor; its tree is this actor's alone to change. `later`: of a thread that has more to do than
  /// this; between two batches it gets its turn.
  Applier(caf::actor_config& config, store::DataDir& data, StateFlusherActor flusher, FatalHandler fatal,
          Later later = nullptr);
  behavior_type make_behavior() override;
  const char* name() const override { return "applier"; }
  void on_exit() override {
    flusher_ = nullptr;
    waiting_.clear();
  }

 private:
  void apply_more();
  void again();
  void when_current(std::function<void()> then);
  void tree_exchanged();
  void publish(store::AppliedBatch batch);
  std::shared_ptr<store::View> counted_view();
  bool has_room();
  void flush();
  void compare(const CompareDigest& theirs);
  template <class Change>
  void guard(Change&& change);

  store::DataDir& data_;
  FatalHandler fatal_;
  const Later later_;
  bool failed_ = false;
  bool more_asked_ = false;
  Zxid committed_;

  StateFlusherActor flusher_;
  bool flushing_ = false;        // StateFlushed will come
  std::uint64_t unflushed_ = 0;  // bytes of the transactions applied since the last flush began
  std::int64_t now_ = 0;         // of the last tick
  std::int64_t flush_began_ = 0;
  bool exchanging_ = false;                     // TreeExchanged will come; the tree is the flusher's until then
  std::vector<std::function<void()>> waiting_;  // for that

  std::map<std::uint64_t, AppliedUserActor> subscribers_;
  std::deque<CompareDigest> recent_;                                            // the digests after the last batches
  const std::shared_ptr<ViewCounter> views_ = std::make_shared<ViewCounter>();  // of the subscribers
};

}  // namespace troupe
