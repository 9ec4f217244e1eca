// A batch of transactions on its way into the tree: each is applied to what the ones before left, and
// all reach the store together.
//
// Znodes are read from the snapshot of before the batch and kept, changed, until commit() writes each
// changed one once: a parent that gets hundreds of children in a batch costs one write. The index of
// what is due for clean-up follows from the znodes there. Sessions, ephemerals and answers go into the
// store's transaction as they come. Every entry written or erased moves the digest.
//
// Owner: the state applier, for the time of one Tree::apply.
#pragma once

#include <capnp/message.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schema/txn.capnp.h"
#include "store/quota.hpp"
#include "store/tree.hpp"
#include "store/tree_format.hpp"

namespace troupe::store {

/// Puts and erases entries and keeps the digest of all of them.
class DigestedWriter {
 public:
  DigestedWriter(Kv& kv, std::uint64_t digest) : writer_(kv.write()), digest_(digest) {}
  void insert(Table table, std::string_view key, std::string_view value);
  void replace(Table table, std::string_view key, std::string_view before, std::string_view value);
  void erase(Table table, std::string_view key, std::string_view before);
  KvWriter& raw() { return *writer_; }
  std::uint64_t digest() const { return digest_; }
  /// The zxid, its time and the digest go in with the entries.
  void commit(Zxid applied, std::int64_t time);

 private:
  std::unique_ptr<KvWriter> writer_;
  std::uint64_t digest_;
};

class TreeBatch {
 public:
  /// On a tree that is at `applied`, a transaction of that time. `answers` outlives this, and is wrong where this is
  /// not committed.
  TreeBatch(Kv& kv, Zxid applied, std::int64_t time, std::uint64_t digest, AnswersBySession& answers);

  /// So many are to come.
  void expect(std::size_t proposals) {
    done_.outcomes.reserve(proposals);
    done_.events.reserve(proposals);
    nodes_.reserve(proposals);
  }
  /// `proposal` must live until commit().
  void apply(const Proposal& proposal);
  AppliedBatch commit();
  std::uint64_t digest() const { return writer_.digest(); }
  std::int64_t time() const { return time_; }

  /// The first thing in a new environment: the root and the znodes that are always there.
  void create_initial_nodes();

 private:
  struct CachedNode {
    std::string key;
    std::optional<std::string_view> before;  // the value in the store
    bool exists = false;
    bool changed = false;
    bool may_be_due = false;  // now or before
    NodeValue value;
  };

  void apply(const schema::Txn::Reader& txn, const Bytes& bytes);
  OpResult apply(const schema::Change::Reader& change);
  OpResult create(const schema::Change::Create::Reader& change);
  OpResult remove(std::string_view path);
  OpResult set_data(const schema::Change::SetData::Reader& change);
  OpResult set_acl(const schema::Change::SetAcl::Reader& change);
  /// The transaction sets the configuration; a snapshot must carry it.
  void keep_configuration(const Bytes& txn);
  OpResult show_configuration(std::string_view text);
  void refuse(const schema::Txn::Refused::Reader& refused, Outcome& outcome);
  void open_session(SessionId id, std::uint32_t timeout_ms);
  void close_session(SessionId id);
  void keep_answer(const Outcome& outcome, std::uint64_t answered);
  /// Null: there is no such session.
  KnownAnswers* known_answers(SessionId session);
  void drop_answers(SessionId session, std::uint64_t from, std::uint64_t upto);

  /// The znode at `path`, there or not. `path` must live until commit().
  CachedNode& load(std::string_view path);
  CachedNode& load_copy(const std::string& path);  ///< the path need not live
  CachedNode& existing(std::string_view path);
  CachedNode& add_node(std::string_view path, const NodeHeader& header, std::string_view acl, std::string_view data);
  void remove_node(std::string_view path);
  void child_came_or_went(std::string_view path, int difference);
  void write_due(std::string_view path, const CachedNode& node);
  void emit(NodeEvent::Type type, std::string_view path, std::string_view acl);

  // tree_batch_quota.cpp
  /// Adds to the statistics of the quota that `path` is under, if there is one.
  void count_in_quota(std::string_view path, std::int64_t znodes, std::int64_t bytes);
  /// Counts the subtree whose statistics the znode at `path` shows, if it is such a znode.
  void start_statistics(std::string_view path);
  void add_subtree(std::string_view path, std::int64_t& znodes, std::int64_t& bytes);
  void write_statistics(CachedNode& statistics, const quota::Record& record);
  std::string_view keep(std::string text);
  std::string_view keep_acl(const capnp::List<schema::Acl>::Reader& acl);

  std::unique_ptr<KvReader> before_;  // what the cached znodes point into
  DigestedWriter writer_;
  AnswersBySession& answers_;
  std::unordered_map<std::string_view, CachedNode> nodes_;
  CachedNode* quotas_ = nullptr;   // /zookeeper/quota, once it was looked for
  std::deque<std::string> texts_;  // what the cached znodes need and no transaction holds
  Zxid zxid_;                      // of the transaction being applied
  std::int64_t time_;
  AppliedBatch done_;
};

}  // namespace troupe::store
