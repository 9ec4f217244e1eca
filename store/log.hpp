// The transaction log and the epochs of one node: what it has promised and what it has accepted.
//
// Table `log`: records of transactions, see log_record.hpp.
// Table `meta`, key → value, numbers in 8 bytes big-endian:
//   "format"          version of this format, 4
//   "node"            the node's id
//   "accepted epoch"  "current epoch"
//   "base"            the zxid up to which records are pruned
//   "checkpoint"      the zxid of the newest complete checkpoint; absent if there is none
//   "state boot"      the state's mark: the boot id, any bytes; absent if there is no trusted state
//   "state clean"     the state's mark: 1 or 0
// Table `configurations`: key zxid (8 bytes big-endian), value the Txn's bytes, of each transaction in the
// history that sets the ensemble's configuration: the last one at or before `base`, and all after it.
// The history of the node is: the checkpoint at `base` (or a later one), then the transactions after `base`. Those up
// to it count for nothing; their records go with the flushes, a bounded number with each.
//
// What was committed lately is in a journal and in memory; it is brought into the tables many commits at
// once, by freeze() and flush(); see journaled_kv.hpp. The last transactions are at hand as they came; see
// recent_txns.hpp.
//
// Owner: the log writer's thread does all that changes it. read() and floor() may be called from
// any thread and see what the last commit() made durable; flush() may be called from any thread.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "schema/proposal.hpp"
#include "schema/types.hpp"
#include "store/journaled_kv.hpp"
#include "store/kv.hpp"

namespace troupe::store {

using troupe::Proposal;

/// read() was asked for records that are pruned: who needs them must be sent a snapshot. Pruning goes
/// on while readers read, so this can happen to anyone who does not hold the log writer's thread.
class Pruned : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Whether the state environment may be trusted after a start.
struct StateMark {
  std::string boot_id;  ///< of the machine's start in which the state was last written
  bool clean = false;   ///< it was flushed and closed since
};

struct LogOptions {
  std::uint64_t map_size = 1ull << 36;                       ///< upper bound of the file, bytes
  std::size_t flush_bytes = JournaledKv::usual_flush_bytes;  ///< of the journal, see there
  std::size_t recent_bytes = 1 << 20;                        ///< the last transactions, kept in memory
};

class Log {
 public:
  /// Opens or creates the log `name` on `disk` for node `self`. Throws StorageError: another node's
  /// directory, a newer format, a damaged file.
  Log(Disk& disk, const std::string& name, PeerId self, const LogOptions& options = {});
  ~Log();

  // What is durable now.
  Zxid base() const;                       ///< everything up to here is in a checkpoint and pruned from the log
  Zxid last() const;                       ///< the last transaction, or base() where there is none
  Epoch accepted_epoch() const;            ///< the highest epoch promised to a prospective leader
  Epoch current_epoch() const;             ///< the epoch of the leader whose history this node has
  std::optional<Zxid> checkpoint() const;  ///< the newest complete checkpoint, if there is one
  std::optional<StateMark> state_mark() const;
  /// The last transaction of the history that sets the ensemble's configuration; empty if none does.
  Bytes configuration() const;

  // Changes; they are staged, and take effect together in commit().
  void append(const Proposal& proposal);  ///< CHECKs that it is a whole transaction, and after all before it
  /// Drops every transaction after `last`. CHECKs last ≥ base and last ≥ checkpoint: what a checkpoint
  /// holds was committed.
  void truncate_after(Zxid last);
  void set_accepted_epoch(Epoch epoch);  ///< CHECKs that it does not fall
  void set_current_epoch(Epoch epoch);
  /// Ignored unless it is newer than the present one and within [base, last]: a checkpoint may have
  /// been overtaken by a snapshot from a leader while it was written.
  void set_checkpoint(Zxid zxid);
  void set_state_mark(const StateMark& mark);
  /// Drops all records; the history is now the checkpoint at `base` (none if `base` is 0), in which
  /// `configuration` is the last transaction that set one. The state is not to be trusted any more,
  /// until there is a new mark.
  void reset(Zxid base, const Bytes& configuration = {});
  /// Drops the records up to `upto`, none after the checkpoint. Costs nothing here.
  void prune(Zxid upto);
  /// One transaction, one flush, for all that was staged. Throws StorageError; the process must stop then.
  void commit();

  /// Whether enough was committed to be brought into the tables, and whether so much that the next
  /// commit should wait for that.
  bool due() const;
  bool overdue() const;
  /// What was committed so far is to be flushed. Does nothing, and answers false, while an earlier freeze is not,
  /// or if there is nothing. Nothing may be staged.
  bool freeze();
  /// Any thread: brings what is frozen into the tables. Throws StorageError; the process must stop then.
  void flush();
  /// Commits what is staged and brings all into the tables: the next start finds nothing to do.
  void close();

  /// Any thread: stages `mark` with the next commit(), unless a reset() is staged with it.
  void post_state_mark(const StateMark& mark);

  /// Transactions after `after` in order, until `max_bytes` is reached (at least one if there is one).
  /// None beyond `upto`. Empty when there are none. Throws Pruned when after < base(), StorageError for a damaged
  /// record.
  std::vector<Proposal> read(Zxid after, std::size_t max_bytes, Zxid upto = {~std::uint64_t{0}}) const;
  /// The greatest zxid ≤ `zxid` in the history from base() on; none when zxid < base(). Throws StorageError for a
  /// damaged record.
  std::optional<Zxid> floor(Zxid zxid) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace troupe::store
