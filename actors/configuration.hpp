// The configuration in force, as the log tells it: the last transaction that sets one (`found`,
// `reconfigure` or `activate`, schema/txn.capnp) says it all, so whoever holds that holds it.
//
//   found C ─▶ C alone ── reconfigure C, D ─▶ C and D jointly ── activate D ─▶ D alone
//
// Why this is safe (Ongaro's thesis, section 4.3; the name of the method is joint consensus): a node
// votes, leads and counts by the last configuration in its own log, committed or not. Any two that may
// be in force at one time follow each other in this chain, and a quorum of one shares a node with every
// quorum of the next: D alone comes into force only when the joint step is on a quorum of both, and from
// then on nobody who lacks it can win a quorum of C. A step that was not committed may be truncated, and
// then the one before it is in force again. A leader takes a step only when it has committed all of its
// history, which its establishment does, and no other is under way.
#pragma once

#include <memory>
#include <optional>

#include "actors/ensemble_config.hpp"
#include "schema/bytes.hpp"
#include "schema/types.hpp"

namespace troupe {

/// Who asked for a reconfiguration, so that any leader can finish it in his name. See schema::Request.
struct ReconfigAsker {
  SessionId session;
  std::uint64_t number = 0;
  bool numbered = false;
  std::uint64_t answered = 0;
};

struct Configuration {
  Zxid since;                          ///< of the transaction; 0: the node's file, for the log tells none yet
  Bytes txn;                           ///< that transaction; empty with the file's
  EnsembleConfig current;
  std::optional<EnsembleConfig> next;  ///< while a reconfiguration is under way
  ReconfigAsker asker;                 ///< of that

  bool joint() const { return next.has_value(); }
  std::shared_ptr<const zab::Quorum> quorum() const;
  bool is_voter(PeerId peer) const;
  /// The members of both ensembles; where an address changes, it is the new one.
  std::map<PeerId, Member> members() const;

  static std::shared_ptr<const Configuration> of_file(EnsembleConfig config);
  /// Reads a transaction that sets the configuration. Throws BadConfiguration or kj::Exception where
  /// it is none.
  static std::shared_ptr<const Configuration> of_txn(const Bytes& txn);
};

}  // namespace troupe
