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

#include <memory>
#include <memory_resource>
#include <span>
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

  /// `proposals` must live until commit().
  void apply(std::span<const Proposal> proposals);
  AppliedBatch commit();
  std::uint64_t digest() const { return writer_.digest(); }
  std::int64_t time() const { return time_; }

  /// The first thing in a new environment: the root and the znodes that are always there.
  void create_initial_nodes();

 private:
  struct CachedNode {
    std::string_view key;
    std::optional<std::string_view> before;  // the value in the store
    bool exists = false;
    bool changed = false;
    bool may_be_due = false;  // now or before
    NodeValue value;
  };

  struct Reading;  // a proposal's transaction

  /// The znodes that the transaction names are to be loaded, several at once.
  void note_named(const schema::Txn::Reader& txn);
  /// Those that were noted.
  void load_named();

  void apply(Zxid zxid, const Reading& reading);
  // Each writes what it answers where that is to stay. A copy would have to wait: what was stored in small parts, and
  // is loaded again in larger ones, has to reach the cache in between, behind all stores before it.
  void apply(const schema::Change::Reader& change, OpResult& result);
  void create(const schema::Change::Create::Reader& change, OpResult& result);
  void remove(std::string_view path);
  void set_data(const schema::Change::SetData::Reader& change, OpResult& result);
  void set_acl(const schema::Change::SetAcl::Reader& change, OpResult& result);
  /// The transaction sets the configuration; a snapshot must carry it.
  void keep_configuration(const Bytes& txn);
  Stat show_configuration(std::string_view text);
  void refuse(const schema::Txn::Refused::Reader& refused, Outcome& outcome);
  void open_session(SessionId id, std::uint32_t timeout_ms);
  void close_session(SessionId id);
  void keep_answer(const Outcome& outcome, std::uint64_t answered);
  /// Null: there is no such session.
  KnownAnswers* known_answers(SessionId session);
  void drop_answers(SessionId session, std::uint64_t from, std::uint64_t upto);

  /// The znode at `path`, there or not. `path` must live until commit().
  CachedNode& load(std::string_view path);
  CachedNode& load_copy(std::string_view path);  ///< the path need not live
  /// Its key is known, and what it was before the batch is not.
  void look_up(CachedNode& node);
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
  std::string_view keep(std::string_view text);
  std::string_view keep_acl(const capnp::List<schema::Acl>::Reader& acl);

  std::unique_ptr<KvReader> before_;  // what the cached znodes point into
  DigestedWriter writer_;
  AnswersBySession& answers_;
  std::pmr::monotonic_buffer_resource memory_;  // of the cached znodes, and what they need and no transaction holds
  std::pmr::unordered_map<std::string_view, CachedNode> nodes_{&memory_};
  CachedNode* quotas_ = nullptr;  // /zookeeper/quota, once it was looked for
  Zxid zxid_;                     // of the transaction being applied
  std::int64_t time_;
  AppliedBatch done_;

  // Of load_named(): the paths and their znodes, and those znodes that were not loaded yet. Transactions use them in
  // this order: load() need not look for the next one.
  struct Named {
    std::string_view path;
    CachedNode* node = nullptr;
  };
  std::vector<Named> named_;
  std::size_t next_named_ = 0;
  std::vector<CachedNode*> fresh_;
  std::vector<std::string_view> fresh_keys_;
};

}  // namespace troupe::store
