#include "actors/sender.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "schema/check.hpp"

namespace troupe {
namespace {
constexpr std::size_t window_bytes = 2 << 20;   // in the link
constexpr std::size_t batch_bytes = 256 << 10;  // in one message
constexpr std::size_t recent_limit = 8 << 20;   // kept in memory although the log has it
}  // namespace

/// A walk over a view's tables, in pieces.
struct Sender::SnapshotStream {
  std::shared_ptr<store::View> view;
  store::Table table = 0;
  std::unique_ptr<store::KvCursor> cursor;
  std::optional<store::Entry> entry;

  explicit SnapshotStream(std::shared_ptr<store::View> from) : view(std::move(from)) { open(); }

  void open() {
    for (; table < store::Tree::tables().size(); ++table) {
      cursor = view->raw().cursor(table);
      entry = cursor->seek(std::string_view("\0", 1));
      if (entry) return;
    }
  }
  bool done() const { return !entry; }

  void append_to(std::string& chunk) {
    const auto key_size = static_cast<std::uint16_t>(entry->key.size());
    const auto value_size = static_cast<std::uint32_t>(entry->value.size());
    char header[7];
    header[0] = static_cast<char>(table);
    std::memcpy(header + 1, &key_size, 2);
    std::memcpy(header + 3, &value_size, 4);
    chunk.append(header, sizeof header).append(entry->key).append(entry->value);
    entry = cursor->next();
    if (!entry) {
      ++table;
      open();
    }
  }
};

Sender::Sender(caf::actor_config& config, std::shared_ptr<Link> link, const store::Log& log, ApplierActor applier)
    : Hosted(config), link_(std::move(link)), log_(log), applier_(std::move(applier)) {}

Sender::~Sender() = default;

void Sender::on_exit() {
  link_.reset();
  snapshot_.reset();
  recent_.clear();
}

void Sender::begin(const BeginStream& begin) {
  TROUPE_CHECK(!begun_, "a stream begins once");
  last_ = begin.last;
  epoch_ = begin.epoch;
  observer_ = begin.observer;
  durable_ = recent_after_ = begin.durable;
  for (const auto& proposal : begin.in_flight) {
    recent_bytes_ += proposal.txn.size();
    recent_.push_back(proposal);
  }
  link_->report_drained(this, window_bytes);
  switch (begin.plan.kind) {
    case zab::SyncPlan::Kind::diff:
      link_->send(zab::Diff{});
      break;
    case zab::SyncPlan::Kind::trunc:
      link_->send(zab::Trunc{begin.plan.from});
      break;
    case zab::SyncPlan::Kind::snap:
      this->send(applier_, AskView{}, ViewUserActor{this});
      return;  // goes on with the view
  }
  begun_ = true;
  sent_ = begin.plan.from;
  pump();
}

void Sender::begin_snapshot(std::shared_ptr<store::View> view) {
  begun_ = true;
  sent_ = view->zxid();
  link_->send(zab::SnapBegin{sent_});
  snapshot_ = std::make_unique<SnapshotStream>(std::move(view));
  pump();
}

void Sender::pump() {
  if (!begun_) return;
  while (link_->queued() < window_bytes) {
    if (snapshot_) {
      if (send_snapshot_chunk()) continue;
    }
    if (!new_leader_sent_ && sent_ >= last_) {
      new_leader_sent_ = true;
      link_->send(zab::NewLeader{epoch_});
    }
    if (!send_records()) break;
  }
  send_commit();
  trim();
}

bool Sender::send_snapshot_chunk() {
  std::string chunk;
  chunk.reserve(batch_bytes + 4096);
  while (!snapshot_->done() && chunk.size() < batch_bytes) snapshot_->append_to(chunk);
  if (!chunk.empty()) link_->send(zab::SnapChunk{Bytes::copy(chunk)});
  if (!snapshot_->done()) return true;
  link_->send(zab::SnapEnd{});
  snapshot_.reset();
  return false;
}

bool Sender::send_records() {
  // An observer has no part in the decision: it gets what is decided.
  const bool inform = observer_ && new_leader_sent_;
  const Zxid upto = !new_leader_sent_ ? last_ : inform ? commit_ : Zxid{~0ull};
  if (sent_ >= upto) return false;
  auto records = next_records(upto);
  if (records.empty()) return false;
  TROUPE_CHECK(records.front().zxid > sent_, "records go out in order");
  sent_ = records.back().zxid;
  if (inform) {
    sent_commit_ = std::max(sent_commit_, sent_);
    link_->send(zab::Inform{std::move(records)});
  } else {
    link_->send(zab::Proposals{std::move(records)});
  }
  return true;
}

std::vector<Proposal> Sender::next_records(Zxid upto) const {
  if (sent_ < recent_after_) {
    try {
      return log_.read(sent_, batch_bytes, upto);
    } catch (const store::Pruned&) {
      link_->close("the log no longer holds what this learner needs");  // it comes again, for a snapshot
      return {};
    }
  }
  std::vector<Proposal> records;
  std::size_t size = 0;
  auto next = std::upper_bound(recent_.begin(), recent_.end(), sent_,
                               [](Zxid zxid, const Proposal& proposal) { return zxid < proposal.zxid; });
  for (; next != recent_.end() && next->zxid <= upto && size < batch_bytes; ++next) {
    size += next->txn.size();
    records.push_back(*next);
  }
  return records;
}

bool Sender::send_commit() {
  const auto upto = std::min(observer_ ? commit_ : std::max(commit_, commit_with_), sent_);
  if (upto <= sent_commit_ || snapshot_) return false;
  sent_commit_ = upto;
  link_->send(zab::Commit{upto});
  return true;
}

void Sender::trim() {
  // What the learner has been sent is needed no more; what it has not is dropped if the log has it
  // and there is too much.
  while (!recent_.empty() && recent_.front().zxid <= durable_ &&
         (recent_.front().zxid <= sent_ || recent_bytes_ > recent_limit)) {
    recent_after_ = recent_.front().zxid;
    recent_bytes_ -= recent_.front().txn.size();
    recent_.pop_front();
  }
}

Sender::behavior_type Sender::make_behavior() {
  return {
      [this](const BeginStream& message) { begin(message); },
      [this](const SendMessage& message) { link_->send(message.message); },
      [this](const Stream& message) {
        for (const auto& proposal : *message.proposals) {
          recent_bytes_ += proposal.txn.size();
          recent_.push_back(proposal);
        }
        pump();
      },
      [this](const StreamCommit& message) {
        commit_ = std::max(commit_, message.zxid);
        pump();
      },
      [this](const StreamCommitWith& message) {
        commit_with_ = std::max(commit_with_, message.zxid);
        pump();
      },
      [this](const StreamAs& message) {
        observer_ = message.observer;
        pump();
      },
      [this](const StreamDurable& message) {
        durable_ = std::max(durable_, message.zxid);
        trim();
      },
      [this](const LinkDrained&) { pump(); },
      [this](const TreeView& message) { begin_snapshot(message.view); },
  };
}

}  // namespace troupe
