// The committed state: znodes, sessions, ephemerals and the answers kept for clients that may ask
// again. A pure function of the transactions applied, the same on every node.
//
// Tables (names and formats are documented in tree_format.hpp):
//   nodes       parent path, zero byte, name → the znode. One lookup finds a znode; the children of
//               a parent lie side by side in the order of their names
//   sessions    session → timeout
//   ephemerals  session, path → (nothing)
//   answers     session, request number → Outcome
//   due         when, path → (nothing): containers and TTL znodes without children, by the time at which
//               they may be cleaned up
//   meta        applied zxid, its time, digest, ensemble id, session key, what set the configuration last
//
// What is applied goes to memory first and to the disk some time later, many transactions at once: what
// a crash loses is applied again from the log.
//
// Threads: the state applier owns the Tree. Views are made by it and handed out; each is used by one
// thread at a time. kv().flush() runs on a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/types.hpp"
#include "store/error.hpp"
#include "store/kv.hpp"
#include "store/layered_kv.hpp"
#include "store/log.hpp"

namespace troupe::store {

/// schema/txn.capnp, struct Stat, says what the fields mean.
struct Stat {
  Zxid czxid, mzxid, pzxid;
  std::int64_t ctime = 0, mtime = 0;
  std::int32_t version = 0, cversion = 0, aversion = 0;
  SessionId ephemeral_owner;
  std::int32_t data_length = 0, num_children = 0;
  bool operator==(const Stat&) const = default;
};

namespace perm {
inline constexpr std::uint32_t read = 1, write = 2, create = 4, remove = 8, admin = 16, all = 31;
}

struct AclEntry {
  std::uint32_t perms = 0;
  std::string scheme, id;
  bool operator==(const AclEntry&) const = default;
};
using AclList = std::vector<AclEntry>;

enum class NodeKind : std::uint8_t { persistent, ephemeral, container, ttl };

/// A znode as a View shows it. The string_views point into the View's snapshot.
struct Node {
  Stat stat;                         ///< as clients see it
  std::int32_t stored_cversion = 0;  ///< creations of children: the number of the next sequential child
  NodeKind kind = NodeKind::persistent;
  std::int64_t ttl = 0;   ///< milliseconds, kind ttl alone
  bool has_data = false;  ///< false: created with no data, which is not empty data
  std::string_view data;
  std::string_view acl_bytes;  ///< decode with acl(); empty is world:anyone with all permissions
  AclList acl() const;
  bool open_to_all() const { return acl_bytes.empty(); }
};

struct Session {
  SessionId id;
  std::uint32_t timeout_ms = 0;
};

/// What one operation of a transaction answered.
struct OpResult {
  std::int32_t operation = 0;  ///< ZooKeeper's number of the operation; -1 in a refused multi
  Error error = Error::ok;
  std::string path;  ///< of a create; of a reconfig the configuration
  Stat stat;         ///< of create, setData, setACL, reconfig
};

/// What a transaction answered, and to whom.
struct Outcome {
  Outcome() = default;
  explicit Outcome(std::pmr::memory_resource* memory) : results(memory) {}

  SessionId session;
  std::uint64_t number = 0;
  Zxid zxid;
  Error error = Error::ok;  ///< of a refused single operation
  bool multi = false;
  bool opened = false, closed = false;  ///< the transaction opened or closed the session
  std::pmr::vector<OpResult> results;
};

/// What a transaction did to one znode: input of the watches. The string_views point into its AppliedBatch.
struct NodeEvent {
  enum class Type : std::uint8_t { created = 1, deleted = 2, data_changed = 3 };
  Type type;
  Zxid zxid;
  std::string_view path;
  /// Of the node, for created and data_changed as it then was, for deleted as it was before:
  /// the access control list, as in Node::acl_bytes, for watches that are checked at each event.
  std::string_view acl_bytes;
  /// Likewise of the parent, for created and deleted: who hears that its children changed.
  std::string_view parent_acl_bytes;
};

/// All that a batch of transactions answered and changed, in order. What outcomes and events hold lies together, and
/// goes with the batch: an Outcome that is to stay is copied, not moved.
struct AppliedBatch {
  AppliedBatch() = default;
  AppliedBatch(AppliedBatch&&) = default;
  AppliedBatch& operator=(AppliedBatch&&) = delete;  // would free the memory before what is in it

  std::unique_ptr<std::pmr::monotonic_buffer_resource> memory = std::make_unique<std::pmr::monotonic_buffer_resource>();
  Zxid last;  ///< the tree is now at exactly this transaction
  std::vector<Outcome> outcomes;
  std::vector<NodeEvent> events;
  std::vector<SessionId> closed_sessions;
  std::vector<Session> opened_sessions;
};

/// The tree at exactly one zxid, however the tree goes on. Pins pages: do not keep one for long.
class View {
 public:
  explicit View(std::unique_ptr<KvReader> reader);

  Zxid zxid() const { return zxid_; }
  std::int64_t time() const;     ///< of the last transaction, milliseconds since 1970; 0 before the first
  std::uint64_t digest() const;  ///< of the whole tree, sessions included; equal on every node at this zxid
  std::optional<Node> get(std::string_view path) const;
  /// These znodes are about to be asked for, as in KvReader::prefetch(). Each path begins with a slash.
  void prefetch(std::span<const std::string_view> paths) const;
  /// Names of the children in byte order, in memory that lasts as long as the view. `each` returns false to stop.
  /// `after` is a name, exclusive.
  void children(std::string_view path, std::string_view after,
                const std::function<bool(std::string_view name)>& each) const;
  /// Paths of the session's ephemerals, likewise; those longer than 503 bytes come first, otherwise in byte order.
  void ephemerals(SessionId session, const std::function<bool(std::string_view path)>& each) const;
  /// The znodes that may be cleaned up at `now_ms`: TTL znodes without children whose time is past,
  /// containers whose children have all gone and, unless `never_used_ms` is 0, containers that have been
  /// without a child for longer than that. Begins behind the entry `after`, an `entry` of an earlier
  /// call, even if it is gone, or "". `each` returns false to stop.
  void due(std::int64_t now_ms, std::int64_t never_used_ms, std::string_view after,
           const std::function<bool(std::string_view entry, std::string_view path)>& each) const;
  void sessions(const std::function<void(const Session&)>& each) const;
  std::optional<Session> session(SessionId id) const;
  /// The outcome kept for a numbered request.
  std::optional<Outcome> answer(SessionId session, std::uint64_t number) const;
  /// The highest numbered request of the session that was applied; 0 if none. Answers go with their session.
  std::uint64_t last_number(SessionId session) const;
  std::size_t node_count() const;
  std::size_t session_count() const;
  std::size_t ephemeral_count() const;
  std::string ensemble_id() const;  ///< 16 bytes, empty before the first transaction
  std::string session_key() const;  ///< 32 bytes, empty before the first transaction
  Bytes configuration() const;      ///< the last transaction that set the ensemble's configuration; empty if none has

  const KvReader& raw() const { return *reader_; }  ///< for streaming a snapshot

 private:
  std::unique_ptr<KvReader> reader_;
  Zxid zxid_;
};

/// What is known of the answers kept for a session that is open: none has a number above `newest`, nor, unless
/// `dropped` is 0, one up to that. So they need not be looked for, which takes a cursor, and longer where many were
/// removed lately.
struct KnownAnswers {
  std::uint64_t newest = 0, dropped = 0;
};
using AnswersBySession = std::unordered_map<SessionId, KnownAnswers>;

class Tree {
 public:
  /// Table names, for KvOptions.
  static std::vector<std::string> tables();

  /// A new environment gets the root and the znodes that are always there: /zookeeper,
  /// /zookeeper/quota and /zookeeper/config.
  explicit Tree(std::unique_ptr<Kv> kv);

  Zxid applied() const { return applied_; }

  /// Applies transactions, each the next of the history, in one transaction of the store.
  /// CHECKs that what a transaction says fits the tree: the leader decided on the same tree.
  /// Throws StorageError when the disk fails or a transaction cannot be read; nothing was applied then.
  AppliedBatch apply(const std::vector<Proposal>& proposals);

  /// The tree as the last apply() left it. Called by the applier; the View may then travel.
  std::shared_ptr<View> view();

  /// Says how much waits for the disk, and brings it there.
  LayeredKv& kv() { return kv_; }

 private:
  LayeredKv kv_;
  Zxid applied_;
  std::int64_t time_ = 0;  // of that transaction
  std::uint64_t digest_ = 0;
  AnswersBySession answers_;
};

}  // namespace troupe::store
