#include "actors/applier.hpp"

#include <algorithm>
#include <utility>

#include "schema/check.hpp"

namespace troupe {
namespace {
constexpr std::size_t batch_bytes = 256 << 10;  // some milliseconds
constexpr std::size_t remembered_digests = 1024;
// What waits in memory for the disk: enough for changes of the same znodes to come together, little enough for a start
// after a crash to make up for quickly, and for memory: it is there up to three times, as what is new, what is being
// flushed, and what was flushed last.
constexpr std::size_t flush_bytes = 4 << 20;
constexpr std::int64_t flush_interval_ms = 500;
constexpr std::size_t most_unflushed_bytes = 2 * flush_bytes;
constexpr std::size_t views_ahead = 64;  // beside the one or two that a subscriber holds all the time
}  // namespace

Applier::Applier(caf::actor_config& config, store::DataDir& data, StateFlusherActor flusher, FatalHandler fatal,
                 Later later)
    : Hosted(config), data_(data), fatal_(std::move(fatal)), later_(std::move(later)), flusher_(std::move(flusher)) {}

template <class Change>
void Applier::guard(Change&& change) {
  if (failed_) return;
  try {
    change();
  } catch (const store::StorageError& error) {
    failed_ = true;
    fatal_(error.what());
  }
}

void Applier::apply_more() {
  more_asked_ = false;
  if (exchanging_ || committed_ <= data_.tree().applied() || !has_room()) return;
  if (flushing_ && data_.tree().kv().waiting_bytes() > most_unflushed_bytes) return;  // until StateFlushed
  std::vector<Proposal> proposals;
  try {
    proposals = data_.log().read(data_.tree().applied(), batch_bytes, committed_);
  } catch (const store::Pruned&) {
    // A snapshot has replaced the log. The learner that took it says so, but it may have ended before.
    return when_current([this] { again(); });
  }
  if (proposals.empty()) return;
  publish(data_.tree().apply(proposals));
  for (const auto& proposal : proposals) unflushed_ += proposal.txn.size();
  if (data_.tree().kv().waiting_bytes() > flush_bytes) flush();
  again();
}

void Applier::again() {
  if (more_asked_ || exchanging_ || committed_ <= data_.tree().applied()) return;
  more_asked_ = true;
  if (!later_) return this->send(this, ApplyMore{});  // behind all that waits now
  // What an actor sends to itself it handles in the same turn.
  later_([self = caf::weak_actor_ptr(this->ctrl())] {
    if (const auto applier = self.lock()) caf::anon_send(caf::actor_cast<ApplierActor>(applier), ApplyMore{});
  });
}

/// False if the subscribers have too many views as it is; then it is woken when they have fewer.
bool Applier::has_room() {
  return views_->fewer_than(views_ahead + 2 * subscribers_.size(), [self = caf::weak_actor_ptr(this->ctrl())] {
    if (const auto applier = self.lock()) caf::anon_send(caf::actor_cast<ApplierActor>(applier), Deliver{});
  });
}

std::shared_ptr<store::View> Applier::counted_view() { return views_->count(data_.tree().view()); }

/// If the log begins behind the tree, the tree is to be the one of the log's checkpoint first.
void Applier::when_current(std::function<void()> then) {
  if (!exchanging_ && data_.tree().applied() >= data_.log().base()) return then();
  waiting_.push_back(std::move(then));
  if (!std::exchange(exchanging_, true)) this->send(flusher_, ExchangeTree{}, FlushUserActor{this});
}

void Applier::tree_exchanged() {
  exchanging_ = false;
  unflushed_ = 0;
  recent_.clear();
  store::AppliedBatch batch;
  batch.last = data_.tree().applied();
  publish(std::move(batch));
  for (auto& then : std::exchange(waiting_, {})) when_current(std::move(then));  // the log may have moved on
  again();
}

void Applier::publish(store::AppliedBatch batch) {
  const auto view = data_.tree().view();
  recent_.push_back({view->zxid(), view->digest()});
  if (recent_.size() > remembered_digests) recent_.pop_front();
  const auto shared = std::make_shared<const store::AppliedBatch>(std::move(batch));
  for (const auto& [id, subscriber] : subscribers_) this->send(subscriber, Applied{shared, counted_view()});
}

void Applier::flush() {
  if (flushing_ || exchanging_ || !data_.tree().kv().freeze()) return;
  flushing_ = true;
  flush_began_ = now_;
  const auto view = data_.tree().view();
  this->send(flusher_, FlushState{view->zxid(), std::exchange(unflushed_, 0), view->node_count()},
             FlushUserActor{this});
}

void Applier::compare(const CompareDigest& theirs) {
  const auto ours = std::find_if(recent_.begin(), recent_.end(), [&](const auto& d) { return d.zxid == theirs.zxid; });
  if (ours == recent_.end() || ours->digest == theirs.digest) return;
  failed_ = true;
  fatal_("this node's tree differs from the leader's at zxid " + to_string(theirs.zxid) +
         ": it must not serve. Move its data directory away and start it again; it will get a fresh copy");
}

Applier::behavior_type Applier::make_behavior() {
  return {
      [this](const Deliver& deliver) {
        committed_ = std::max(committed_, deliver.zxid);
        again();
      },
      [this](const ReplaceTree&, const TreeReplacedUserActor& user) {
        guard([&] { when_current([this, user] { this->send(user, TreeReplaced{data_.tree().applied()}); }); });
      },
      [this](const Subscribe& subscribe, const AppliedUserActor& user) {
        guard([&] {
          subscribers_[subscribe.subscriber] = user;
          if (exchanging_) return;  // it will be published
          auto batch = std::make_shared<store::AppliedBatch>();
          batch->last = data_.tree().applied();
          this->send(user, Applied{std::move(batch), counted_view()});
        });
      },
      [this](const Unsubscribe& unsubscribe) { subscribers_.erase(unsubscribe.subscriber); },
      [this](const AskView&, const ViewUserActor& user) {
        // A view must not end before the log begins.
        guard([&] { when_current([this, user] { this->send(user, TreeView{data_.tree().view()}); }); });
      },
      [this](const CompareDigest& theirs) { guard([&] { compare(theirs); }); },
      [this](const StateFlushed&) {
        flushing_ = false;
        guard([&] {
          if (!exchanging_ && data_.tree().kv().waiting_bytes() > flush_bytes) flush();
          again();
        });
      },
      [this](const TreeExchanged&) { guard([&] { tree_exchanged(); }); },
      [this](const Tick& tick) {
        now_ = tick.now;
        if (now_ - flush_began_ >= flush_interval_ms) guard([&] { flush(); });
      },
      [this](const ApplyMore&) { guard([&] { apply_more(); }); },
  };
}

}  // namespace troupe
