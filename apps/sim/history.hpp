// The one true history: every transaction that any node has delivered, in order, and the tree that a
// simple model makes of it. The checkers hold what nodes and clients say against it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "actors/configuration.hpp"
#include "actors/zab/messages.hpp"
#include "schema/txn.capnp.h"
#include "schema/types.hpp"
#include "store/error.hpp"

namespace troupe::sim {

/// A broken promise. The message says which, and what was seen.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A transaction that was delivered, decoded.
struct Delivered {
  Zxid zxid;
  std::uint64_t hash = 0;  ///< of its bytes
  SessionId session;
  std::uint64_t number = 0;
  bool refused = false;
  std::vector<std::string> created;  ///< paths
};

/// After so long the ensembles of the simulation delete a container that never had a child, milliseconds.
inline constexpr std::int64_t never_used_ms = 3'000;

class History {
 public:
  /// A node has delivered `proposal`, as the one after `previous` (Zxid{0}: its first). Throws
  /// Violation if another node delivered something else there.
  void deliver(const std::string& node, Zxid previous, const Proposal& proposal);

  const std::vector<Delivered>& all() const { return all_; }
  Zxid last() const { return all_.empty() ? Zxid{} : all_.back().zxid; }
  /// The transaction, or null if nobody delivered it.
  const Delivered* find(Zxid zxid) const;
  /// The transaction that answered a client's request, or null.
  const Delivered* find(SessionId session, std::uint64_t number) const;
  /// The data of a znode as it was at `zxid`; none if it was not there.
  std::optional<std::string> data_at(const std::string& path, Zxid zxid) const;
  /// The first change of a znode's data, or its creation or deletion, after `zxid`; none so far.
  std::optional<Zxid> next_change(const std::string& path, Zxid after) const;
  /// Every znode that transactions created and that is there now.
  void each_now(const std::function<void(const std::string& path, const std::string& data)>& each) const;
  std::size_t open_sessions() const;
  /// The ensemble's configuration after a transaction, and at the history's end; null before the first one.
  std::shared_ptr<const Configuration> configuration_at(Zxid zxid) const;
  std::shared_ptr<const Configuration> configuration() const { return configuration_at(Zxid{~std::uint64_t{0}}); }
  /// Containers and TTL znodes that are there without children: sooner or later the ensemble deletes each.
  std::vector<std::string> passing() const;
  /// Paths that exist now and are owned by a session that is not open any more.
  std::vector<std::string> orphans() const;

  /// The digest that some node had at `zxid`; throws Violation if another one had another.
  void check_digest(const std::string& node, Zxid zxid, std::uint64_t digest);

 private:
  void apply(Delivered& txn, schema::Txn::Reader reader);
  void apply(Delivered& txn, schema::Change::Reader change);
  void configure(const Bytes& txn);
  void appear(schema::Change::Create::Reader create);
  void vanish(const std::string& path, Zxid zxid);
  void check_due(const std::string& path, Zxid zxid) const;
  void set(const std::string& path, Zxid zxid, std::optional<std::string> data);

  std::vector<Delivered> all_;
  std::map<Zxid, std::size_t> index_;
  std::map<std::pair<SessionId, std::uint64_t>, std::size_t> answers_;
  std::map<std::string, std::map<Zxid, std::optional<std::string>>> values_;  // by path: every value ever
  /// A container or TTL znode that exists.
  struct Passing {
    bool container = false;
    std::int64_t ttl = 0, mtime = 0;
    int children = 0;
    bool used = false;
  };
  std::map<std::string, Passing> passing_;
  std::int64_t time_ = 0;                    // of the transaction that is being applied
  std::map<std::string, SessionId> owners_;  // of ephemerals that exist
  std::map<SessionId, bool> sessions_;       // open or closed
  std::map<Zxid, std::uint64_t> digests_;
  std::map<Zxid, std::shared_ptr<const Configuration>> configurations_;
};

}  // namespace troupe::sim
