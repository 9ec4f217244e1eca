// The tree as it will be once all that is proposed is applied: a view of the committed state, and
// over it the pending changes. It answers what a new request must be checked against.
//
// Owner: the proposer, single thread; the view must be used by nobody else meanwhile. Memory is
// bounded by what the transactions above the view's zxid wrote, and by the sessions that are open. Changes
// are made between begin() and keep() or rollback().
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "actors/path.hpp"
#include "actors/pending_table.hpp"
#include "schema/types.hpp"
#include "store/quota.hpp"
#include "store/tree.hpp"

namespace troupe {

/// What the checks need to know of a znode.
struct NodeState {
  std::int32_t version = 0;
  std::int32_t aversion = 0;
  std::int32_t creations = 0;  ///< children ever created: the next sequential child's number
  std::int32_t children = 0;
  store::NodeKind kind = store::NodeKind::persistent;
  SessionId owner;  ///< of an ephemeral, otherwise 0
  std::int64_t mtime = 0, ttl = 0;
  Zxid mzxid;
  std::int32_t data_length = 0;
  std::shared_ptr<const store::AclList> acl;                 ///< null: open to all
  std::shared_ptr<const std::optional<std::string>> limits;  ///< the data, where limits_at() keeps it
};

/// The data of a znode that may hold the limits of a quota; of another one null.
std::shared_ptr<const std::optional<std::string>> limits_at(std::string_view path,
                                                            std::optional<std::string_view> data);

class Overlay {
 public:
  /// `view` stands at the end of the history.
  explicit Overlay(std::shared_ptr<const store::View> view) : view_(std::move(view)) {}

  /// What is changed from now on belongs to transaction `zxid`.
  void begin(Zxid zxid) { zxid_ = zxid; }
  Zxid zxid() const { return zxid_; }
  void keep();
  void rollback();

  /// `path` must be valid.
  std::optional<NodeState> find(std::string_view path) const;
  /// Adds or replaces a znode; its parent is the caller's business.
  void put(std::string_view path, NodeState node);
  /// Deletes a znode and takes it off its parent's count.
  void remove(std::string_view path);

  // Quotas. What is proposed counts, exactly; but new statistics, or such as a client has written, count
  // nothing until they are applied. Only of use if all changes are told by count_in_quota().

  /// The znode of the quota that `path` is under, as store::quota::innermost().
  std::optional<std::string> quota_of(std::string_view path) const;
  /// What it allows. Nothing if that cannot be read.
  std::optional<store::quota::Record> limits(const std::string& quota) const;
  /// What is there. Nothing if nobody counts.
  std::optional<store::quota::Record> usage(const std::string& quota) const;
  /// Counts a change that was made to `path`.
  void count_in_quota(std::string_view path, std::int64_t znodes, std::int64_t bytes);

  bool has_session(SessionId session) const;
  /// The highest number of a request of this session that was numbered by its client; 0 if none.
  std::uint64_t last_number(SessionId session) const;
  void set_last_number(SessionId session, std::uint64_t number);
  void open_session(SessionId session);
  /// The session goes, and every ephemeral that it owns, committed or pending.
  void close_session(SessionId session, bool count_in_quotas);

  /// A newer view: pending changes at or below its zxid are forgotten.
  void advance(std::shared_ptr<const store::View> view);

  const store::View& view() const { return *view_; }

  /// Znodes and sessions with pending changes.
  std::size_t pending() const { return nodes_.size() + sessions_.size(); }

 private:
  using PendingNode = std::optional<NodeState>;  // nothing: deleted
  struct PendingSession {
    bool open = true;
    std::uint64_t last_number = 0;
  };

  struct Use {
    std::int64_t znodes = 0, bytes = 0;
  };
  struct SumOfUses : Use {
    std::size_t uses = 0;
  };
  struct PendingUse {
    Zxid zxid;
    std::string quota;
    Use use;
  };
  void drop(const PendingUse& use);

  void index(const std::string& path, const PendingNode* before, const PendingNode* after);
  auto indexer() {
    return [this](const std::string& path, const PendingNode* before, const PendingNode* after) {
      index(path, before, after);
    };
  }

  std::shared_ptr<const store::View> view_;
  Zxid zxid_;
  PendingTable<std::string, PendingNode, path::Hash> nodes_;
  PendingTable<SessionId, PendingSession> sessions_;
  mutable std::unordered_set<SessionId> known_;      // sessions that the view has and no pending change ends
  std::deque<PendingUse> uses_;                      // in the order of the zxids
  std::unordered_map<std::string, SumOfUses> used_;  // the sums of uses_ by quota
  // The ephemerals in nodes_ by their owner. The pointers are to the keys in nodes_.
  std::unordered_map<SessionId, std::unordered_set<const std::string*>> ephemerals_;
};

}  // namespace troupe
