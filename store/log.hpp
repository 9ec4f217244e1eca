// The transaction log and the epochs of one node: what it has promised and what it has accepted.
//
// Table `log`: key zxid (8 bytes big-endian), value the Txn's bytes. Table `meta`: the format
// version, the node's id, the accepted and the current epoch, the base, the checkpoint, the state's
// mark. The history of the node is: the checkpoint at `base` (or a later one), then the records.
//
// Owner: the log writer's thread does all that changes it. read() and floor() may be called from
// any thread and see what the last commit() made durable.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/proposal.hpp"
#include "schema/types.hpp"
#include "store/kv.hpp"

namespace troupe::store {

using troupe::Proposal;

/// Whether the state environment may be trusted after a start.
struct StateMark {
  std::string boot_id;  ///< of the machine's start in which the state was last written
  bool clean = false;   ///< it was flushed and closed since
};

class Log {
 public:
  /// Opens or creates the log `name` on `disk` for node `self`. Throws StorageError: another node's
  /// directory, a newer format, a damaged file.
  Log(Disk& disk, const std::string& name, PeerId self, std::uint64_t map_size);
  ~Log();

  // What is durable now.
  Zxid base() const;        ///< everything up to here is in a checkpoint and may be gone from the log
  Zxid last() const;        ///< the last record, or base() where there is none
  Epoch accepted_epoch() const;  ///< the highest epoch promised to a prospective leader
  Epoch current_epoch() const;   ///< the epoch of the leader whose history this node has
  std::optional<Zxid> checkpoint() const;  ///< the newest complete checkpoint, if there is one
  std::optional<StateMark> state_mark() const;

  // Changes; they are staged, and take effect together in commit().
  void append(const Proposal& proposal);   ///< CHECKs that it comes after all before it
  void truncate_after(Zxid last);          ///< drops every record after `last`; CHECKs last ≥ base
  void set_accepted_epoch(Epoch epoch);    ///< CHECKs that it does not fall
  void set_current_epoch(Epoch epoch);
  void set_checkpoint(Zxid zxid);
  void set_state_mark(const StateMark& mark);
  void reset(Zxid base);                   ///< drops all records; the history is now the checkpoint at `base`
  /// Drops the oldest records, at most `most`, none after `upto` and none after the checkpoint.
  void prune(Zxid upto, std::size_t most);
  /// One transaction, one flush, for all that was staged. Throws StorageError; the process must stop then.
  void commit();

  /// Records after `after` in order, until `max_bytes` is reached (at least one if there is one).
  /// Empty when there are none. CHECKs after ≥ base().
  std::vector<Proposal> read(Zxid after, std::size_t max_bytes) const;
  /// The greatest zxid ≤ `zxid` in the history from base() on; none when zxid < base().
  std::optional<Zxid> floor(Zxid zxid) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace troupe::store
