// The configuration in force, as the log tells it: the last transaction that sets one (`found`,
// `reconfigure`, `activate` or `refound`, schema/txn.capnp) says it all, so whoever holds that holds it.
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
//
// Who is left out may still be needed. A leader that D leaves out may log the activation and die before
// anybody else has it. The others count by C and D jointly; where C has no quorum without him, they cannot
// do without his vote, and his history is later than theirs: nobody but him can lead. So, as in section
// 4.2.2 of the thesis:
//   - A node that is no voter of its last configuration stands for election all the same while it does not
//     know that this is committed. Who has the joint step counts his vote, who has the activation does not.
//   - Elected, it leads by D and does not count itself. Nothing new can go wrong: leadership is proved, as ever,
//     by the promises and the disks of a quorum of the last configuration in its log, and that one is in the chain.
//   - Once established it has committed the activation on a quorum of D, and it resigns. It knows now, and
//     so does not stand again; and it was needed for nothing more, for a quorum of D has all that it had.
//   - Meanwhile it must be reached by those who follow it: the activation names who belonged before it, and
//     they are known to the network until it is known to be committed.
#pragma once

#include <map>
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
  Zxid since;  ///< of the transaction; 0: the node's file, for the log tells none yet
  Bytes txn;   ///< that transaction; empty with the file's
  EnsembleConfig current;
  std::optional<EnsembleConfig> next;  ///< while a reconfiguration is under way
  ReconfigAsker asker;                 ///< of that, or of the one that ended with this
  std::map<PeerId, Member> before;     ///< who belonged until the activation

  bool joint() const { return next.has_value(); }
  /// A client asked for it; otherwise it comes from the nodes' files.
  bool by_client() const { return asker.session != SessionId{}; }
  std::shared_ptr<const zab::Quorum> quorum() const;
  bool is_voter(PeerId peer) const;
  /// The members of both ensembles; where an address changes, it is the new one.
  std::map<PeerId, Member> members() const;
  /// And those who may still be needed by a node that knows what is committed up to `settled`.
  std::map<PeerId, Member> reachable(Zxid settled) const;

  static std::shared_ptr<const Configuration> of_file(EnsembleConfig config);
  /// Reads a transaction that sets the configuration. Throws BadConfiguration or kj::Exception where
  /// it is none.
  static std::shared_ptr<const Configuration> of_txn(const Bytes& txn);
};

}  // namespace troupe
